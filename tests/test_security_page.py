"""Each number in SECURITY.md is that of the constant which holds it, and each test that shows it exists."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar import keys, known_secrets, sentinel, watchdog
from sidecar.providers.kernel import answer_bound, events, http, json_values, jsonl, redirects, sse

ROOT = Path(__file__).parent.parent
PAGE = " ".join((ROOT / "SECURITY.md").read_text("utf-8").split())
SHOWN = (ROOT / "docs" / "trust-tests.md").read_text("utf-8")
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


def test_each_test_that_is_said_to_show_it_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", SHOWN)
    titled = re.findall(r"`(bridge/test/[\w.-]+\.ts)`: \"([^\"]+)\"", SHOWN)
    assert len(named) == SHOWN.count("::") > 100
    assert len(titled) == SHOWN.count("bridge/test/") == 5
    lacking = [
        f"{file}: {test}"
        for file, test in named
        if not re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)
    ]
    lacking += [
        f"{file}: {title}"
        for file, title in titled
        if f'it("{title}"' not in (ROOT / file).read_text("utf-8")
    ]
    assert lacking == []


def test_each_point_is_shown() -> None:
    points = re.split(r"^## ", SHOWN, flags=re.MULTILINE)[1:]
    assert [point.split(".")[0] for point in points] == [str(number) for number in range(1, 11)]
    rows = [
        row
        for row in re.findall(r"^\| (.+) \|$", SHOWN, re.MULTILINE)
        if not row.startswith(("what |", "---"))
    ]
    assert [row for row in rows if not re.search(r"\| `(tests|bridge)/", row)] == []
