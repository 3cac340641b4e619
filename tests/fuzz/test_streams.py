"""Every value of every recorded answer is replaced by one that nobody expects there: no reader breaks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.anthropic.errors import ANTHROPIC
from sidecar.providers.anthropic.stream import MessageReader
from sidecar.providers.compatible.think_tags import ThinkSplitter
from sidecar.providers.compatible.usage import compatible_usage
from sidecar.providers.gemini.errors import GEMINI
from sidecar.providers.gemini.stream import GeminiReader
from sidecar.providers.grok.errors import GROK
from sidecar.providers.grok.usage import chat_usage, responses_usage
from sidecar.providers.kernel.errors import refused_response
from sidecar.providers.kernel.events import Reader
from sidecar.providers.kernel.sse import SseParser
from sidecar.providers.kernel.vendor import Asked, Vendor
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.openai_family.responses_stream import ResponsesReader
from sidecar.providers.openai_family.stream import ChatReader
from tests.fuzz.mangled import mutations, places

RECORDED = Path(__file__).parents[1] / "providers" / "recorded"
VENDORS: dict[str, Vendor] = {"anthropic": ANTHROPIC, "gemini": GEMINI, "grok": GROK, "compatible": OPENAI}
READERS: dict[str, tuple[Callable[[Asked], Reader], ...]] = {
    "anthropic": (MessageReader,),
    "gemini": (GeminiReader,),
    "grok": (
        lambda asked: ChatReader(asked, read_usage=chat_usage),
        lambda asked: ResponsesReader(asked, read_usage=responses_usage),
    ),
    "compatible": (
        ChatReader,
        lambda asked: ChatReader(asked, read_usage=compatible_usage, splitter=ThinkSplitter()),
    ),
}
CASES = [
    (path.parent.name, path.stem, number)
    for path in sorted(RECORDED.glob("*/*.json"))
    for number in range(len(READERS[path.parent.name]))
]


def bodies(vendor: str, case: str) -> Iterator[tuple[int, str]]:
    """The status and the body of each answer of a recording."""
    recorded = json.loads((RECORDED / vendor / f"{case}.json").read_text(encoding="utf-8"))
    for exchange in recorded["exchanges"]:
        reply = exchange["reply"]
        body = reply["body"]
        yield reply["status"], body if isinstance(body, str) else json.dumps(body)


def as_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def read(reader: Reader, events: list[tuple[str | None, str]]) -> None:
    """Read a stream to its end. A Failure is an answer; anything else is a bug, and raised."""
    parser = SseParser()
    try:
        for name, data in events:
            named = f"event: {name}\n" if name else ""
            for piece in parser.feed(f"{named}data: {data}\n\n".encode()):
                list(reader.read(piece))
        for piece in parser.finish():
            list(reader.read(piece))
        list(reader.finish())
    except Failure:
        pass


@pytest.mark.parametrize(("vendor", "case", "reader"), CASES)
def test_no_value_of_an_answer_is_a_bug_wherever_it_stands(vendor: str, case: str, reader: int) -> None:
    asked = Asked(VENDORS[vendor], vendor, "m", "a-key-of-no-shape")
    for status, body in bodies(vendor, case):
        if status != 200:
            check_refusal(status, body, asked)
            continue
        events = shortened(body)
        seen: set[str] = set()
        for number, (name, data) in enumerate(events):
            if (shape := shape_of(name, data)) is None or shape in seen:
                continue
            seen.add(shape)
            for changed in mutations(json.loads(data)):
                mangled = [*events[:number], (name, as_json(changed)), *events[number + 1 :]]
                try:
                    read(READERS[vendor][reader](asked), mangled)
                except Exception as error:
                    raise AssertionError(f"{type(error).__name__}: {error} of {as_json(changed)}") from error


def shortened(body: str) -> list[tuple[str | None, str]]:
    """The name and the data of each event, of those of one shape the first two: what comes then comes again."""
    parser = SseParser()
    kept: list[tuple[str | None, str]] = []
    seen: Counter[str] = Counter()
    for piece in (*parser.feed(body.encode()), *parser.finish()):
        shape = shape_of(piece.name, piece.data) or piece.data
        seen[shape] += 1
        if seen[shape] <= 2:
            kept.append((piece.name, piece.data))
    return kept


def shape_of(name: str | None, data: str) -> str | None:
    """What an event has in which place, None for one that is no JSON."""
    try:
        return as_json([name, sorted(map(str, places(json.loads(data))))])
    except ValueError:
        return None


def check_refusal(status: int, body: str, asked: Asked) -> None:
    try:
        value = json.loads(body)
    except ValueError:
        return
    for changed in mutations(value):
        assert isinstance(refused_response(status, {}, as_json(changed).encode(), asked, 0), Failure)
