"""Every function that makes a still figure, with something small to draw."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import registry
import torch

from ssl_explain.kit.picture import Illustration
from ssl_explain.lessons.byol_hidden_contrast import figures as byol_table
from ssl_explain.lessons.byol_hidden_contrast import picture as byol
from ssl_explain.lessons.byol_hidden_contrast.experiment import hidden_contrast
from ssl_explain.lessons.byol_solved import picture as byol_modes
from ssl_explain.lessons.collapse_and_grassmannian import figures as kernel_drift
from ssl_explain.lessons.collapse_and_grassmannian import picture as grassmann
from ssl_explain.lessons.collapse_and_grassmannian.kernel_drift import drift_run
from ssl_explain.lessons.covariance_operator import picture as spectrum
from ssl_explain.lessons.latent_variables_emerge import figures as seeds
from ssl_explain.lessons.layers_help_each_other import picture as layers
from ssl_explain.lessons.losses_reweigh_pairs import picture as pairs
from ssl_explain.lessons.one_family import figures as family_plane
from ssl_explain.lessons.one_family.record import Frontier
from ssl_explain.lessons.real_images import picture as pictures
from ssl_explain.lessons.real_images import training_picture as probe
from ssl_explain.lessons.selectivity_amplification import picture as ring
from ssl_explain.results import DATA, read_table


def found() -> list[Callable[..., Illustration]]:
    """Every function of the package that returns an illustration."""
    return [
        function
        for module in registry.modules("lessons/*/*.py")
        for function in vars(module).values()
        if getattr(function, "__module__", "") == module.__name__
        and getattr(function, "__annotations__", {}).get("return") is Illustration
    ]


def rows(*shape: int) -> torch.Tensor:
    """Numbers between 0.1 and 0.9, the same every time."""
    return 0.1 + 0.8 * torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def table(name: str) -> dict[str, np.ndarray]:
    """One of the tables of the course."""
    return read_table(DATA / f"{name}.csv")


def frontier() -> Frontier:
    """Four directions under two losses and L_simp."""
    within, between = rows(4), 1 + rows(4)
    edges = torch.linspace(0.1, 2, 5).double()
    return Frontier(("L_simp", "a", "b"), between, within, rows(3, 4), 0.1 * rows(3, 4), edges, rows(3, 5), 3, 2)


T = torch.linspace(0.1, 1, 9)
SLOPES = {"a": {1.0: rows(4).numpy(), 2.0: -rows(4).numpy()}}
STILLS: dict[Callable[..., Illustration], Callable[[], Any]] = {
    byol.figure_threshold: lambda: byol.figure_threshold(T, rows(9, 2) - 0.5, rows(9, 2), (0.5, 0.25)),
    byol.figure_shares: lambda: byol.figure_shares({"none": {4.0: hidden_contrast(offset=4.0, runs=3, steps=20)}}),
    byol.figure_resets: lambda: byol.figure_resets({"a, p = 1": {0: rows(4), 10: rows(4)}}),
    byol_modes.figure_basins: lambda: byol_modes.figure_basins(
        T, {"a": T.flip(0), "b": torch.full((9,), math.inf)}, {"a": (0.2, 0.7), "b": ()}
    ),
    byol_modes.figure_unaligned: lambda: byol_modes.figure_unaligned({"a": (T, 0.1 * T, 1 - T)}),
    byol_table.figure_ablation: lambda: byol_table.figure_ablation(table("byol_ablation")),
    byol_table.figure_reinitialised: lambda: byol_table.figure_reinitialised(table("byol_ablation")),
    family_plane.figure_one_plane: lambda: family_plane.figure_one_plane(frontier()),
    family_plane.figure_angles: lambda: family_plane.figure_angles({"a": {"x": rows(3), "y": rows(3)}}),
    grassmann.figure_order: lambda: grassmann.figure_order([0.2, 0.1], {"steps": [0.04, 0.02]}),
    grassmann.figure_features: lambda: grassmann.figure_features(T, {"all": rows(9, 2)}),
    kernel_drift.figure_drift: lambda: kernel_drift.figure_drift(
        (8, 16), {"a, ntk, T = 1": rows(2, 5).numpy()}, {"a, ntk, T = 1": rows(5).numpy()}
    ),
    kernel_drift.figure_slopes: lambda: kernel_drift.figure_slopes(SLOPES),
    kernel_drift.figure_moving: lambda: kernel_drift.figure_moving(
        [drift_run("contrastive", "ntk", 8, [0.5, 1.0], seeds=[1, 2])]
    ),
    kernel_drift.figure_products: lambda: kernel_drift.figure_products(
        torch.arange(9.0), {"Grassmann": {"width 8": rows(9, 2, 3)}}, {"Grassmann": rows(9, 2, 3)}
    ),
    layers.figure_ratios: lambda: layers.figure_ratios({"a": 1 + rows(4)}, {"a": (1.5, 1.2, 1.8)}),
    pairs.figure_residue: lambda: pairs.figure_residue(rows(2, 3), rows(2, 3), rows(2, 3), [0.1, 0.5]),
    pairs.figure_training: lambda: pairs.figure_training([0, 10, 20], {"free": rows(3, 4, 3)}),
    pairs.figure_definite: lambda: pairs.figure_definite({"H = 1": torch.tensor([2.0, -0.02])}),
    pictures.figure_over_strength: lambda: pictures.figure_over_strength(
        (0.0, 1.0), {"overlap": rows(3, 2)}, title="t", low=-1
    ),
    pictures.figure_spectra: lambda: pictures.figure_spectra(
        {f"layer {number}": {"untrained": rows(3, 4)} for number in (1, 2)}
    ),
    probe.figure_strength: lambda: probe.figure_strength(table("pictures_strength")),
    probe.figure_losses: lambda: probe.figure_losses(table("pictures_losses")),
    ring.figure_signs_kept: lambda: ring.figure_signs_kept(
        {"a": {"luckier half": [0.5, 0.9], "less lucky half": [0.4, 1.0]}}
    ),
    ring.figure_winners: lambda: ring.figure_winners({"d = 8": {0.0: 0.0, 0.25: 0.1}}),
    seeds.figure_gap_closed: lambda: seeds.figure_gap_closed([0, 10, 20], rows(3, 4, 3)),
    seeds.figure_outcomes: lambda: seeds.figure_outcomes({"untrained": [0.6, 0.7], "trained": [0.98, 1.0]}),
    seeds.figure_overparameterisation: lambda: seeds.figure_overparameterisation(table("overparameterisation")),
    spectrum.figure_split: lambda: spectrum.figure_split({"outputs f": rows(4, 3, 2), "connections K": rows(4, 3, 5)}),
}
