"""Predictions: commit to an answer before the reveal, which explains the assumption behind a wrong one."""

import functools
import html
import inspect
import re
from dataclasses import dataclass
from typing import Any

import ipywidgets

from ssl_explain import require
from ssl_explain.kit.controls import LISTED, button, close, frame
from ssl_explain.kit.outputs import OUTPUTS


@dataclass(frozen=True)
class Option:
    """One answer to a :class:`Question`, and the assumption behind it."""

    text: str
    why: str


@dataclass(frozen=True)
class Question:
    """Something to predict; a measurement selects the right option by its key."""

    text: str
    options: dict[str, Option]


def question(text: str) -> Question:
    r"""Read a :class:`Question`: what is asked, a blank line, then each option, ``[key] answer``, below it why.

    Example:
        >>> question("Heads or tails?\n\n[h] heads\n    Why not?\n[t] tails\n    It is luck.").options["t"]
        Option(text='tails', why='It is luck.')
    """
    asked, answers = inspect.cleandoc(text).split("\n\n")
    options = {}
    for answer in re.split(r"\n(?! )", answers):
        first, *why = map(str.strip, answer.splitlines())
        key, _, words = first.removeprefix("[").partition("] ")
        options[key] = Option(words, " ".join(why))
    return Question(" ".join(asked.splitlines()), options)


class Shown:
    """What is shown by a ``widget``, made on first use."""

    def close(self) -> None:
        """Close the widget; showing this again makes a new one."""
        if "widget" in vars(self):
            close(vars(self).pop("widget"))


class Prediction(Shown):
    """A question with options; :meth:`reveal` compares the answer with the measurement.

    Without an answer the reveal is folded, and it is updated when an answer is given later.

    Example:
        >>> options = {"h": Option("heads", "why not"), "t": Option("tails", "luck")}
        >>> guess = predict(Question("Heads or tails?", options))
        >>> guess.reveal("t").text
        'Measured: tails'
    """

    def __init__(self, question: Question) -> None:
        """Start without an answer."""
        self.question = require.instance("question", question, Question, "such as those in a lesson's exercises.py")
        self.answer: str | None = None
        self._measured: str | None = None
        self._reveal = Reveal()
        OUTPUTS.listen()

    @functools.cached_property
    def widget(self) -> ipywidgets.VBox:
        """The question with its options."""
        options = [(option.text, key) for key, option in self.question.options.items()]
        # No radio buttons: JupyterLab takes the arrow keys that are meant for them.
        self._choices = ipywidgets.ToggleButtons(
            options=options, value=self.answer, description="your guess", tooltip="choose one",
            tooltips=["choose this answer, then commit"] * len(options), layout={"width": "auto"},
            style={"button_width": "auto", "description_width": "auto"},
        )  # fmt: skip
        self._choices.add_class(LISTED)
        self._commit = button("commit", "keep this answer, then go on to the reveal", "check")
        self._commit.on_click(lambda _: self.commit(self._choices.value))
        self._said = ipywidgets.HTML()
        title = ipywidgets.HTML(f"<b>Predict.</b> {html.escape(self.question.text)}")
        box = frame([title, self._choices, ipywidgets.HBox([self._commit, self._said])])
        box.owner = self
        return box

    def commit(self, key: str | None) -> None:
        """Keep an answer; None withdraws it.

        Raises:
            ValueError: A key that is not one of the options.
        """
        self._check(key)
        self.answer = key
        if "widget" in vars(self):
            self._said.value = "kept; go on" if key else "choose an option first"
        self._reveal.say(self._compared())

    def reveal(self, measured: str) -> "Reveal":
        """Compare with the option that a measurement selects.

        Raises:
            ValueError: A key that is not one of the options, or None.
        """
        if measured is None:
            raise ValueError("`measured` must be the key of an option, got None; a reveal needs a measurement.")
        self._check(measured)
        self._measured = measured
        self._reveal.text = f"Measured: {self.question.options[measured].text}"
        self._reveal.page = folded("What was measured? Guess first, then open this.", self._told(measured))
        self._reveal.say(self._compared())
        return self._reveal

    def _check(self, key: str | None) -> None:
        if key is not None and key not in self.question.options:
            raise ValueError(f"`key` must be one of {list(self.question.options)}, got {key!r}; use an option's key.")

    def _told(self, measured: str) -> str:
        right = self.question.options[measured]
        return f"<b>Measured:</b> {html.escape(right.text)}. {html.escape(right.why)}"

    def _compared(self) -> str:
        if self._measured is None:
            return ""
        words = self._told(self._measured)
        if self.answer is None:
            return folded("No guess yet: make one above, or open the answer.", words)
        if self.answer == self._measured:
            return f"<b>As you said.</b> {words}"
        mine = self.question.options[self.answer]
        return f"<b>You said:</b> {html.escape(mine.text)}. {html.escape(mine.why)}<br>{words}"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        OUTPUTS.shown(self.widget)
        words = [self.question.text, *(f"  ( ) {option.text}" for option in self.question.options.values())]
        return {**self.widget._repr_mimebundle_(**options), "text/plain": "\n".join(words)}


class Reveal(Shown):
    """The comparison as a widget; without one the answer is folded, on a ``page``, and plain in ``text``."""

    def __init__(self) -> None:
        """Start empty."""
        self.text = self.words = self.page = ""

    def say(self, words: str) -> None:
        """Replace the words, which are HTML."""
        self.words = words
        if "widget" in vars(self):
            self.widget.value = words

    @functools.cached_property
    def widget(self) -> ipywidgets.HTML:
        """The words."""
        words = ipywidgets.HTML(self.words)
        words.owner = self
        return words

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        OUTPUTS.shown(self.widget)
        return {**self.widget._repr_mimebundle_(**options), "text/html": self.page, "text/plain": self.text}


def folded(summary: str, words: str) -> str:
    """HTML that opens on a click."""
    return f"<details><summary>{summary}</summary>{words}</details>"


predict = Prediction
