"""Each number in SECURITY.md is that of the constant which holds it."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar import keys, known_secrets, sentinel, watchdog
from sidecar.providers.kernel import answer_bound, events, http, json_values, jsonl, redirects, sse

PAGE = " ".join((Path(__file__).parent.parent / "SECURITY.md").read_text("utf-8").split())
MB = 1024 * 1024
MILLION = 1_000_000
WORDS = {1: "one", 2: "two", 3: "three", 5: "five"}


def whole(number: float) -> str:
    assert number == int(number)
    return f"{int(number):,}"


def sentences() -> list[str]:
    """What the page says with its numbers, written with the constants. A bound that is told as less is none."""
    assert sse.MAX_EVENT_BYTES == jsonl.MAX_LINE_BYTES
    ending = max(watchdog.ENDING_SECONDS, sentinel.ENDING_SECONDS + sentinel.TRACE_SECONDS)
    return [
        f"in halves of {known_secrets.RUN} characters or more",
        f"A key of fewer than {known_secrets.MIN_SECRET} characters",
        f"goes for {known_secrets.RUN - 1} characters or fewer of a longer one",
        f"{whole(events.MOST_STREAM_BYTES / MB)} MB and",
        f"{whole(events.MOST_STREAM_LINES / MILLION)} million lines for a stream",
        f"{whole(sse.MAX_EVENT_BYTES / MB)} MB for an event or a line",
        f"{whole(http.MAX_DOCUMENT_BYTES / MB)} MB for a document",
        f"{json_values.MOST_VALUES:,} values for any of them",
        f"{answer_bound.MOST_LETTERS // MILLION} million letters for an answer",
        f"at most {WORDS[redirects.MOST]} times",
        f"silent for {whole(keys.SHORT_PATIENCE)} seconds",
        f"the process ends within {WORDS[round(ending)]} seconds",
    ]


def test_each_bound_is_told_as_it_is() -> None:
    assert [sentence for sentence in sentences() if sentence not in PAGE] == []


def test_no_number_stands_there_that_no_constant_holds() -> None:
    rest = PAGE
    for sentence in sentences():
        rest = rest.replace(sentence, "")
    assert re.findall(r"(?<![\w./-])\d[\d,]*\b", rest) == []


def test_a_process_that_ends_has_time_left_of_what_is_promised() -> None:
    assert watchdog.ENDING_SECONDS < 5
    assert sentinel.ENDING_SECONDS + sentinel.TRACE_SECONDS < 5
    assert watchdog.SERVING_SECONDS == 60
    assert "Windows cannot do the latter: there it takes up to a minute." in PAGE
