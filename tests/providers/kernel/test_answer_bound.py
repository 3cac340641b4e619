"""An answer that outgrows the maximum that was asked for ends as one that reached it."""

from __future__ import annotations

from sidecar.providers.base import Done, TextDelta, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.kernel.answer_bound import LEAST_LETTERS, LETTERS_A_TOKEN, MOST_LETTERS, AnswerBound


def test_an_answer_within_the_maximum_goes_on() -> None:
    bound = AnswerBound(1000)
    assert bound.end_after(TextDelta("x" * 1000 * LETTERS_A_TOKEN)) is None
    assert bound.end_after(ThinkingDelta("x" * LEAST_LETTERS)) is None
    assert bound.end_after(TextDelta("x")) == Done("length", None)


def test_without_a_maximum_the_bound_is_that_of_a_message() -> None:
    bound = AnswerBound(None)
    assert bound.end_after(TextDelta("x" * MOST_LETTERS)) is None
    assert bound.end_after(TextDelta("x")) == Done("length", None)


def test_a_maximum_that_no_message_can_hold_is_no_bound() -> None:
    assert AnswerBound(10**9).end_after(TextDelta("x" * (MOST_LETTERS + 1))) == Done("length", None)


def test_what_was_told_of_the_usage_is_kept_and_counts_the_whole_maximum() -> None:
    bound = AnswerBound(1000)
    bound.end_after(UsageSoFar(Usage(in_uncached=7, out_visible=1, out_reasoning=200), "m-1", "r1"))
    ended = bound.end_after(TextDelta("x" * MOST_LETTERS))
    assert ended == Done("length", Usage(in_uncached=7, out_visible=800, out_reasoning=200), "m-1", "r1")


def test_an_end_of_its_own_stays_its_end() -> None:
    bound = AnswerBound(1)
    assert bound.end_after(TextDelta("x" * MOST_LETTERS)) is not None
    assert bound.end_after(Done("stop", None)) is None
