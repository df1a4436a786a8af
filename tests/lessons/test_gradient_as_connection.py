"""The explorer of notebook 02: exact in every setting of the theory, measurably off outside it."""

import itertools

import numpy as np
import pytest
import torch

from ssl_explain.lessons.gradient_as_connection.explorer import (
    TARGETS,
    WIDTHS,
    ConnectionState,
    connection_explorer,
    connection_of,
    network,
    two_views,
)
from ssl_explain.lessons.gradient_as_connection.picture import PALE, ConnectionPicture, relative_gap, verdict
from ssl_explain.operators import definitions

CONTROLS = ConnectionState.controls()
DEPARTURES = CONTROLS["departure"].values()


@pytest.fixture(scope="module")
def one():
    return connection_explorer()


@pytest.mark.gate(1)
@pytest.mark.parametrize("target", TARGETS)
def test_exact_at_every_layer_of_every_network_for_every_pair(one, target):
    for widths in WIDTHS:
        for layer, pair in itertools.product(range(1, len(widths)), CONTROLS["pair"].values()):
            record = one.compute(ConnectionState(widths=widths, layer=layer, pair=pair, target=target))
            assert relative_gap(record.output, record.predicted_output) < 1e-12
            assert relative_gap(record.gradient, record.predicted_gradient) < 1e-12
            assert record.gradient.abs().max() > 0  # the claim is not about zeros


@pytest.mark.parametrize("departure", DEPARTURES)
def test_connection_is_the_derivative_of_the_output_whatever_is_left_out(departure):
    net, x = network((4, 6, 5, 3), departure), two_views(4, 1)
    for layer in (1, 2, 3):

        def output(w, layer=layer):
            return torch.func.functional_call(net, {f"weights.{layer - 1}": w}, (x[0],))

        literal = definitions.connection(output, net.weights[layer - 1].detach())
        torch.testing.assert_close(connection_of(net, x, layer)[0], literal, rtol=0, atol=1e-12)


def test_length_one_is_homogeneous_of_degree_zero(one):
    for layer in (1, 2, 3):
        record = one.compute(ConnectionState(layer=layer, departure="normalised outputs"))
        assert record.predicted_output.abs().max() < 1e-12
        assert float(record.output.norm()) == pytest.approx(1)


def test_biases_spare_pairs_with_equal_gates_but_no_teacher(one):
    states = [ConnectionState(departure="biases", layer=1, pair=pair) for pair in CONTROLS["pair"].values()]
    pairs = [one.compute(state) for state in states]
    teachers = [one.compute(state.change(target="frozen teacher")) for state in states]
    exact = [relative_gap(r.gradient, r.predicted_gradient) < 1e-12 for r in pairs]
    net = network(ConnectionState().widths, "biases")
    gates = [net.forward_pass(two_views(4, state.pair)).gates for state in states]
    same = [all(torch.equal(*gate) for gate in layers) for layers in gates]
    assert all(e for e, s in zip(exact, same, strict=True) if s)  # others may be exact too: a gate that leads nowhere
    assert 0 < sum(same) <= sum(exact) < len(exact)
    assert not any(verdict(r.gradient, r.predicted_gradient).startswith("exact") for r in teachers if r.gradient.any())


@pytest.mark.parametrize("widths", WIDTHS)
def test_picture_draws_the_record(one, widths):
    record = one.compute(ConnectionState(widths=widths, layer=1))
    picture = ConnectionPicture(record)
    gates, f, j, k = (image.get_array() for image in picture.images)
    np.testing.assert_allclose(f, record.layer_input[None])
    np.testing.assert_allclose(j, record.jacobian)
    np.testing.assert_allclose(k, record.connection.flatten(0, 1).T)
    for row, gate in enumerate(record.gates):
        np.testing.assert_array_equal(gates[len(record.gates) - 1 - row, : len(gate)], gate)
    assert np.ma.count_masked(np.ma.masked_invalid(gates)) == sum(max(widths[1:]) - w for w in widths[1:])
    marked = [[1 - y, x] for (x, y), _ in picture.minuses[1].get_segments()]
    rows, columns = record.jacobian.shape
    found = {(int(y * rows), int(x * columns)) for y, x in marked}
    visible = record.jacobian < -PALE * record.jacobian.abs().max()
    assert found == {tuple(place) for place in visible.nonzero().tolist()}, "a minus in every negative cell"
    assert len(picture.blocks.get_segments()) == widths[1] - 1
    true, predicted = picture.scatters[1][0].get_data()
    np.testing.assert_allclose(true, record.gradient.flatten() / record.gradient.abs().max(), atol=1e-9)
    np.testing.assert_allclose(true, predicted, atol=1e-12)


def test_update_redraws_words_only_where_they_change(one):
    first, second, deep = (
        one.compute(ConnectionState(**v)) for v in ({"pair": 1}, {"pair": 2}, {"widths": WIDTHS[3], "layer": 4})
    )
    picture = ConnectionPicture(first)
    assert picture.update(second) is False
    assert picture.png() == ConnectionPicture(second).png()
    assert picture.update(deep) is True
    assert picture.png() == ConnectionPicture(deep).png()


def test_gap_of_zeros_is_zero_and_of_something_from_nothing_is_one():
    zero, unit = torch.zeros(3), torch.ones(3)
    assert relative_gap(zero, zero) == 0
    assert relative_gap(zero, unit) == relative_gap(unit, zero) == 1
    assert verdict(unit, zero) == "off by 100 %"
