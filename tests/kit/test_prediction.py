"""Predictions: nothing blocks, and every wrong answer hears which assumption it came from."""

import html
import re

import pytest
import registry
from hands import click

from ssl_explain.kit.prediction import Option, Prediction, Question, predict

QUESTIONS = {
    f"{registry.room(module)}.{name}": value
    for module in registry.EXERCISES
    for name, value in vars(module).items()
    if isinstance(value, Question)
}
TOSS = Question("Heads or <tails>?", {"h": Option("heads", "Luck & more."), "t": Option("<tails>", "It is flat.")})


def shown(reveal):
    return html.unescape(reveal.widget.value)


def test_there_are_questions():
    assert len(QUESTIONS) >= 4


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_every_option_has_its_own_reason(question):
    assert question.text.endswith(("?", "."))
    assert 2 <= len(question.options) <= 5
    for part in ("text", "why"):
        words = [getattr(option, part).strip() for option in question.options.values()]
        assert all(words)
        assert len(set(words)) == len(words)
    assert all(len(option.why.split()) >= 8 for option in question.options.values())
    said = [question.text, *(part for option in question.options.values() for part in (option.text, option.why))]
    assert re.findall(r"[a-z]{3,}_[a-z]{3,}", " ".join(said)) == [], "words, and no names of code"


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_every_answer_is_met_by_its_own_words(question):
    for right, truth in question.options.items():
        answers = []
        for key, option in question.options.items():
            guess = predict(question)
            guess.commit(key)
            answers.append(shown(guess.reveal(right)))
            assert truth.text in answers[-1]
            assert truth.why in answers[-1]
            assert option.why in answers[-1]
            assert answers[-1].startswith("<b>As you said.</b>" if key == right else "<b>You said:</b>")
        assert len(set(answers)) == len(answers)


@pytest.mark.parametrize("key", ["h", "t"])
def test_reveal_after_or_before_the_answer_ends_the_same(key):
    early, late = predict(TOSS), predict(TOSS)
    early.commit(key)
    after = early.reveal("h")
    before = late.reveal("h")
    late.commit(key)
    assert shown(before) == shown(after)
    assert before.text == after.text == "Measured: heads"


def test_the_reveal_shows_the_last_measurement_folded_where_there_is_no_answer():
    guess = predict(TOSS)
    words = shown(guess.reveal("h"))
    assert words.startswith("<details><summary>No guess yet")
    assert words.endswith("</details>")
    assert "heads" not in words.partition("</summary>")[0]
    assert "heads" in words.partition("</summary>")[2]
    guess.commit("t")
    assert "<details>" not in guess._reveal.words
    guess.commit(None)
    assert shown(guess.reveal("h")) == words
    guess = predict(TOSS)
    guess.commit("t")
    assert guess._reveal.words == ""
    guess = predict(TOSS)
    guess.commit("h")
    guess.reveal("h")
    assert "You said" in shown(guess.reveal("t"))


def test_committing_in_the_browser():
    guess = predict(TOSS)
    assert guess.widget.owner is guess
    assert guess._choices.value is None
    click(guess._commit)
    assert guess.answer is None
    assert guess._said.value == "choose an option first"
    state = {"method": "update", "state": {"index": 1}, "buffer_paths": []}
    guess._choices._handle_msg({"content": {"data": state}, "buffers": []})
    assert guess.answer is None
    click(guess._commit)
    assert guess.answer == "t"
    assert guess._said.value == "kept; go on"
    assert "You said" in shown(guess.reveal("h"))


def test_question_and_answers_are_text_not_markup_on_paper_too():
    guess = predict(TOSS)
    assert "Heads or &lt;tails&gt;?" in guess.widget.children[0].value
    guess.commit("t")
    value = guess.reveal("h").widget.value
    assert "&lt;tails&gt;" in value
    assert "Luck &amp; more." in value
    guess = Prediction(TOSS)
    assert guess._repr_mimebundle_()["text/plain"] == "Heads or <tails>?\n  ( ) heads\n  ( ) <tails>"
    bundle = guess.reveal("t")._repr_mimebundle_()
    assert bundle["text/plain"] == "Measured: <tails>"
    summary, _, folded = bundle["text/html"].partition("</summary>")
    assert summary.startswith("<details><summary>")
    assert "tails&gt;" not in summary
    assert folded.startswith("<b>Measured:</b> &lt;tails&gt;. ")


@pytest.mark.parametrize("key", ["heads", "", 0])
def test_a_key_that_is_none_of_the_options_is_named(key):
    guess = predict(TOSS)
    for act in (guess.commit, guess.reveal):
        with pytest.raises(ValueError, match=r"`key` must be one of \['h', 't'\], got .*; use an option's key"):
            act(key)
    assert guess.answer is None
    assert guess._reveal.words == ""
    with pytest.raises(ValueError, match="`measured` must be the key of an option, got None"):
        predict(TOSS).reveal(None)
