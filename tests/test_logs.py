"""What reaches stderr: one line for one event, whatever is in it, and no key."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sidecar.known_secrets import KnownSecrets
from sidecar.logs import MOST_LINE_LETTERS, start_logging
from tests.field import taint

KEY = "sk-proj-0123456789abcdef"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_event_is_one_line_whatever_breaks_are_in_it(style: str) -> None:
    written = io.StringIO()
    start_logging("warning", style, written)
    log = logging.getLogger("sidecar.test")
    # As asyncio writes of a task whose exception nobody took, and of a file that a person named so.
    log.error("Task exception was never retrieved\nfuture: <Task %s>\r\n", "a\rb")
    try:
        raise ValueError(f"first\nsecond {KEY}")
    except ValueError:
        log.exception("it failed")
    lines = written.getvalue().removesuffix("\n").split("\n")
    assert len(lines) == 2
    assert "future: <Task" in lines[0]
    assert "second" in lines[1]
    assert KEY not in written.getvalue()
    if style == "json":
        assert [json.loads(line)["level"] for line in lines] == ["error", "error"]


@pytest.mark.parametrize("style", ["text", "json"])
def test_a_line_has_a_bound_keeps_its_end_and_gives_no_half_of_a_key_at_a_cut(style: str) -> None:
    written = io.StringIO()
    secrets = KnownSecrets()
    secrets.learn(KEY)
    start_logging("warning", style, written, secrets)
    log = logging.getLogger("sidecar.test")
    for before in range(0, 12, 3):
        log.error("%s", "x" * before + f"{KEY} " * 4_000)
        try:
            raise ValueError("y" * before + f"\n{KEY}" * 4_000 + "the end of it")
        except ValueError:
            log.exception("it failed")
    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= MOST_LINE_LETTERS + 500
    assert all("letters are left out" in line for line in lines)
    assert all("the end of it" in line for line in lines[1::2])
    assert taint.leaks(written.getvalue().encode(), KEY) == []
    if style == "json":
        assert {json.loads(line)["level"] for line in lines} == {"error"}
