"""Whatever is passed to the public face: a result of the documented shape, or the documented error."""

import pytest
import targets_losses
import targets_networks
import targets_theory
import targets_worlds
import torch
from fuzz import ONCE, SOME, as_a_user, fuzz, one_by_one, seeded, tensor
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import ssl_explain
from ssl_explain import ConvNet, DualNet, LatentTree, ReLUNet, Tree, TreeNet

TARGETS = {
    name: target
    for room in (targets_losses, targets_networks, targets_worlds, targets_theory)
    for name, target in room.TARGETS.items()
}


@pytest.fixture(autouse=True, scope="module")
def user():
    with as_a_user():
        yield


def test_no_name_of_the_public_face_is_left_out():
    assert {name.split(".")[0] for name in TARGETS} == set(ssl_explain.__all__)


@pytest.mark.parametrize("name", TARGETS)
@SOME
@given(data=st.data())
def test_every_call_ends_as_documented(name, data):
    fuzz(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
@ONCE
@given(data=st.data())
def test_every_argument_may_be_wrong_in_every_way(name, data):
    one_by_one(TARGETS[name], data)


BUILT = [ReLUNet((4, 3, 2), generator=seeded()), TreeNet(Tree(2), 3, generator=seeded())]
BUILT += [ConvNet((1, 4, 4), generator=seeded())]


@pytest.mark.parametrize("net", BUILT, ids=lambda net: type(net).__name__)
def test_an_input_of_another_type_than_the_weights_is_named(net):
    x = tensor((3, net.input_dimension), dtype=torch.float64)
    with pytest.raises(TypeError, match=r"`x` must be of type torch.float32, as the weights are, got torch.float64"):
        net(x)


def test_a_predictor_that_is_already_drawn_is_named():
    with pytest.raises(TypeError, match="`predictor` must be a function that draws one, got Linear; try linear_pre"):
        DualNet(ReLUNet((4, 2), generator=seeded()), nn.Linear(2, 2), generator=seeded())


def test_levels_that_do_not_belong_together_are_named():
    tree = LatentTree.random(2, generator=seeded())
    leaves, *causes = tree.sample(3, generator=seeded())
    with pytest.raises(ValueError, match="`levels` must have the same runs and points on every level"):
        tree.augment([leaves[:2], *causes], 0.5, generator=seeded())
