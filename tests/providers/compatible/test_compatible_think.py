from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.base import TextDelta
from sidecar.providers.compatible.think_tags import ThinkSplitter
from tests.helpers.soak import longer


def split(*pieces: str) -> tuple[str, str]:
    """All of the thinking, and all of the text."""
    splitter = ThinkSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)] + list(splitter.finish())
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    return "".join(event.text for event in events if not isinstance(event, TextDelta)), text


CASES = [
    ("<think>\nHm.\n</think>\n\nHello", "Hm.\n", "Hello"),
    ("<think>Hm.</think>Hello", "Hm.", "Hello"),
    ("\n <think>Hm.</think> Hello", "Hm.", "Hello"),
    ("<think>\n\n</think>\n\nHello", "", "Hello"),
    ("<think>a</think>\n<think>b</think>\nHello", "ab", "Hello"),
    ("Hello <think>not thinking</think>", "", "Hello <think>not thinking</think>"),
    ("<think>never closed </thin", "never closed </thin", ""),
    ("<think>a < b </thought> c</think>x", "a < b </thought> c", "x"),
    ("<thinker> is a word", "", "<thinker> is a word"),
    ("<thi", "", "<thi"),
    ("  indented", "", "  indented"),
    ("", "", ""),
    ("<think>a</think>\n\n", "a", ""),
    ('{"a": "<think>"}', "", '{"a": "<think>"}'),
    ("</think>Hello", "", "</think>Hello"),
]


@pytest.mark.parametrize(("answer", "thinking", "text"), CASES)
def test_only_what_stands_before_the_answer_is_thinking(answer: str, thinking: str, text: str) -> None:
    assert split(answer) == (thinking, text)


@given(st.sampled_from(CASES), st.lists(st.integers(0, 60)))
def test_it_does_not_matter_where_the_pieces_are_cut(case: tuple[str, str, str], cuts: list[int]) -> None:
    answer, thinking, text = case
    places = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    pieces = [answer[begin:end] for begin, end in itertools.pairwise(places)]
    got_thinking, got_text = split(*pieces)
    # A blank line between a tag and the thought may go either way with the cut; the thought itself may not.
    assert (got_thinking.strip(), got_text) == (thinking.strip(), text)


def test_text_is_not_held_back() -> None:
    splitter = ThinkSplitter()
    assert [event.text for event in splitter.feed("H")] == ["H"]
    assert [event.text for event in splitter.feed("<")] == ["<"]


def test_thinking_is_held_back_only_while_it_could_be_a_tag() -> None:
    splitter = ThinkSplitter()
    assert list(splitter.feed("<think>")) == []
    assert [event.text for event in splitter.feed("a </th")] == ["a "]
    assert [event.text for event in splitter.feed("e")] == ["</the"]


@pytest.mark.parametrize(
    "begin", ["", "a", "<think>a</think>", "a</think>", "<think>a", "<|channel|>analysis"]
)
@pytest.mark.parametrize("piece", [" ", "<thin", '"</think>"', "x"])
def test_an_answer_in_very_many_pieces_takes_time_in_proportion(begin: str, piece: str) -> None:
    splitter, number = ThinkSplitter(), longer(100_000, 300_000)
    begun = time.process_time()
    said = [event.text for event in splitter.feed(begin)]
    for _ in range(number):
        said += [event.text for event in splitter.feed(piece)]
    said += [event.text for event in splitter.finish()]
    # What looks through all that has come before with each piece takes a ninth of the time for a third of the pieces.
    assert time.process_time() - begun < 10 * (number / 300_000) ** 2
    assert sum(map(len, said)) <= 2 * (number * len(piece) + len(begin))
