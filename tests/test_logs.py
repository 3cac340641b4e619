"""What reaches stderr: one line for one event, whatever is in it, and no key."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from sidecar.logs import start_logging

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
