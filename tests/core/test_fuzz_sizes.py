"""Sizes that would need gigabytes are refused before anything is made: in a process that may not take them."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz import SENTENCE, seeded

pytest.importorskip("resource")

HUGE = {
    "tree": "Tree(60)",
    "branching": "Tree(2, 10**9)",
    "latent tree": "LatentTree.random(60, generator=g)",
    "runs of trees": "LatentTree.random(9, runs=10**9, generator=g)",
    "points of a tree": "tree.sample(10**9, generator=g)",
    "views of a tree": "tree.draw(10**5, views=10**5, strength=0.5, generator=g)",
    "ceilings": "LatentTree.random(20, generator=g).ceiling(10**6, generator=g)",
    "pairs of patterns": "LatentTree.random(3, runs=10**5, generator=g).pair_probabilities(0.5)",
    "patterns": "LatentTree.random(4, runs=10**5, generator=g).enumerate()",
    "cells": "Ring(10**9)",
    "points of a ring": "Ring(256).draw(10**9, generator=g)",
    "objects": "Ring(256, tuple(tuple(int(b) for b in f'{k:07b}') + (1,) for k in range(30))).enumerate(0.1)",
    "points of clouds": "Clouds(torch.ones(9), torch.ones(9)).draw(10**9, generator=g)",
    "views of a picture": "pictures.draw(2, views=10**9, strength=0.0, generator=g)",
    "widths": "ReLUNet((10**6, 10**6), generator=g)",
    "runs of networks": "ReLUNet((9, 9), runs=10**9, generator=g)",
    "neurons": "TreeNet(Tree(9), 10**6, generator=g)",
    "picture": "ConvNet((3, 10**6, 10**6), generator=g)",
    "channels": "ConvNet((3, 8, 8), channels=(10**6, 10**6), generator=g)",
    "predictor": "linear_predictor(10**6)",
    "hidden": "mlp_predictor(10**6, hidden=10**6)(g)",
    "negatives": "contrastive(negatives=10**9)(nn.Identity(), Views(torch.ones(5, 2, 3)))",
    "pairs": "contrastive(negatives='batch')(nn.Identity(), Views(torch.ones(10**5, 2, 1)))",
    "pairs of points": "contrastive(negatives=10**4)(nn.Identity(), Views(torch.ones(10**5, 2, 1)))",
    "pair weights": "pair_weights(info_nce, torch.ones(10**5, 1))",
    "products": "spectral_contrastive(torch.ones(10**5, 1), torch.ones(10**5, 1))",
    "covariance": "vicreg(torch.ones(2, 10**5), torch.ones(2, 10**5))",
    "correlation": "barlow_twins(torch.ones(2, 10**5), torch.ones(2, 10**5))",
    "connection": "connection(wide(10**3), 1)",
    "operator": "covariance_operator(wide(10**3), 1)",
    "terms": "byol_terms(wide(10**3), 1, torch.eye(100))",
    "matrix": "covariance_operator(wide(2, 200, 1), 1).as_matrix()",
    "update": "predicted_update(ReLUNet((500, 500, 100), generator=g), Views(torch.ones(10**3, 1, 500)), 1)",
    "measure": "BestCorrelation(tree, 10**9, generator=g)",
    "batch": "train(ReLUNet((8, 2), generator=g), Ring(8), contrastive(), steps=1, learning_rate=0.1, batch=10**9, "
    "generator=g, measure=lambda net: torch.zeros(1))",
}
SCRIPT = """
import resource, sys
import torch
from torch import nn
from ssl_explain import *

g, pictures = torch.Generator().manual_seed(0), PictureWorld(torch.zeros(2, 1, 8, 8))
tree = LatentTree.random(5, generator=g)

def wide(points, width=500, outputs=100):
    return ReLUNet((width, width, outputs), generator=g).forward_pass(torch.ones(points, 1, width))

wide(2, 9, 9)  # what threads and libraries reserve for themselves is theirs
pages = int(open("/proc/self/statm").read().split()[0]) if sys.platform == "linux" else 0
room = pages * resource.getpagesize() + 2**31
if pages:
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
for line in sys.stdin.read().splitlines():
    try:
        eval(line)
        print("no error")
    except (ValueError, TypeError) as error:
        print(str(error).replace("\\n", " "))
    except BaseException as error:
        print(f"{type(error).__name__}: {error}".replace("\\n", " "))
"""


@pytest.fixture(scope="module")
def said():
    """What each of them says; two minutes are a net under a hang, no measurement."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input="\n".join(HUGE.values()), capture_output=True, text=True, timeout=120,
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(zip(HUGE, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("what", HUGE)
def test_a_size_that_has_no_room_is_refused(said, what):
    assert SENTENCE.match(said[what]), said[what]


def test_ceilings_that_do_not_fit_into_memory_are_estimated():
    """Depth 15 would sum over 2^11 tables of 2^17 numbers; there is room for the levels below it, and for samples."""
    from ssl_explain import LatentTree

    tree = LatentTree.random(15, generator=seeded())
    found = tree.latent_ceilings(50, generator=seeded())
    assert [len(level) for level in found] == [2**k for k in range(14, -1, -1)]
    assert all(((level >= 0) & (level <= 1)).all() for level in found)
