"""Settings and their controls: every field says what it is, takes what it offers, and refuses the rest by name."""

import dataclasses
import html

import ipywidgets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssl_explain.kit.controls import button, make_control, name
from ssl_explain.kit.state import State, choice, slider
from ssl_explain.lessons.start_here.state import TreeState, loss_of, run_of

FIELDS = TreeState.controls()
EVERY = [(field, value) for field, control in FIELDS.items() for value in control.values()]


@dataclasses.dataclass(frozen=True)
class Small(State):
    """A state with one field of each kind."""

    count: int = slider(2, 1, 9, 2, label="count", tip="how many")
    size: float = slider(0.3, 0.1, 0.7, 0.1, label="size", tip="how large", live=True)
    kind: str = choice("a", ("a", "b"), label="kind", tip="which", names={"b": "the other"})


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_says_what_it_is_and_offers_its_default(field):
    control = FIELDS[field]
    assert control.label.strip()
    assert len(control.tip.split()) >= 3
    assert not control.tip.endswith(".")  # it ends an error sentence
    control, default = FIELDS[field], getattr(TreeState(), field)
    values = control.values()
    assert default in values
    assert len(set(values)) == len(values) >= 2
    assert {type(value) for value in values} == {type(default)}
    if not control.options:
        assert (values[0], values[-1]) == (control.low, control.high)
        assert list(values) == sorted(values)


def test_labels_values_names_and_buttons_read_well():
    assert len({control.label for control in FIELDS.values()}) == len(FIELDS)
    assert Small.controls()["count"].values() == (1, 3, 5, 7, 9)
    assert Small.controls()["size"].values() == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert Small.controls()["kind"].values() == ("a", "b")
    assert [name(option) for option in ((0.8, 1.0), 0.001, 10, "tree")] == ["0.8 to 1", "0.001", "10", "tree"]
    made = button("Play", "train", "play")
    assert (made.description, made.tooltip, made.icon, made.layout.width) == ("Play", "train", "play", "auto")


@pytest.mark.parametrize(("field", "value"), EVERY)
def test_every_value_is_taken_and_written_down(field, value):
    state = TreeState(**{field: value})
    assert getattr(state, field) == value
    assert state.changed() == ({} if state == TreeState() else {field: repr(value)})


@given(st.fixed_dictionaries({field: st.sampled_from(control.values()) for field, control in FIELDS.items()}))
def test_the_line_of_any_state_makes_it_again(values):
    state = TreeState(**values)
    assert TreeState(**{field: eval(code) for field, code in state.changed().items()}) == state
    assert TreeState().change(**values) == state


OTHER = {"strength": (-0.05, 1.05, float("nan")), "depth": (1, 7), "seed": (0, 21), "neurons": (3,), "pace": (1,)}
OTHER |= {"polarity": ((0.8, 1.1), [0.8, 1.0]), "loss": ("infonce",), "temperature": (0.0,), "learning_rate": (-0.1,)}
OTHER |= {"wiring": (None,), "departure": ("bias",), "budget": (1000,)}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in OTHER.items() for value in values])
def test_what_a_control_does_not_offer_is_refused_by_name(field, value):
    with pytest.raises(ValueError, match=rf"^`{field}` must .*, got .*; .*{FIELDS[field].tip[-20:]}\.$"):
        TreeState(**{field: value})
    with pytest.raises(ValueError, match=f"`{field}`"):
        TreeState().change(**{field: value})


@pytest.mark.parametrize(("field", "value"), [("strength", "0.5"), ("strength", None), ("depth", 2.0), ("depth", True)])
def test_the_wrong_type_is_refused_by_name(field, value):
    with pytest.raises(TypeError, match=rf"`{field}` must .* of type {type(value).__name__}"):
        TreeState(**{field: value})


def test_unknown_fields_and_later_changes_are_refused():
    with pytest.raises(ValueError, match=r"`change` must hold some of strength, .*, got \['colour'\]"):
        TreeState().change(colour="red")
    with pytest.raises(dataclasses.FrozenInstanceError):
        TreeState().depth = 3


@pytest.mark.parametrize("field", FIELDS)
def test_control_carries_label_tip_and_every_value(field):
    control = FIELDS[field]
    widget = make_control(control, getattr(TreeState(), field))
    assert widget.tooltip == control.tip
    assert widget.description_allow_html
    label = f'<span title="{html.escape(control.tip)}">{html.escape(control.label)}</span>'
    assert widget.description.removesuffix("&nbsp;&nbsp;") == label
    if control.options:
        assert len({label for label, _ in widget.options}) == len(control.options)
    assert widget.value == getattr(TreeState(), field)
    for value in control.values():
        widget.value = value
        assert widget.value == value


def test_kinds_of_controls():
    count, size, kind = (make_control(c, getattr(Small(), f)) for f, c in Small.controls().items())
    assert isinstance(count, ipywidgets.IntSlider)
    assert (count.min, count.max, count.step) == (1, 9, 2)
    assert isinstance(size, ipywidgets.FloatSlider)
    assert (size.min, size.max, size.step) == (0.1, 0.7, 0.1)
    assert isinstance(kind, ipywidgets.ToggleButtons)
    assert isinstance(make_control(FIELDS["temperature"], 0.1), ipywidgets.SelectionSlider)
    assert isinstance(make_control(FIELDS["polarity"], (0.8, 1.0)), ipywidgets.ToggleButtons)  # too long to read out
    assert kind.options == (("a", "a"), ("the other", "b"))
    assert [control.live for control in Small.controls().values()] == [False, True, False]


@pytest.mark.parametrize("loss", FIELDS["loss"].values())
@pytest.mark.parametrize("departure", FIELDS["departure"].values())
def test_every_state_stands_for_a_run(loss, departure):
    state = TreeState(depth=2, neurons=2, loss=loss, departure=departure, temperature=0.5)
    run = run_of(state)
    run.training.advance(2)
    assert run.training.step == 2
    assert len(run.training.net.biases) == (2 if departure == "biases" else 0)
    assert run.training.net.normalise is (departure != "free outputs")
    assert run.training.batch == (8 if departure == "batch of 8" else 128)
    assert getattr(loss_of(state), "keywords", {}) == ({} if loss == "L_simp" else {"temperature": 0.5})
