"""The shortest way through a piece of an answer finds what the whole way finds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.providers.base import Event
from sidecar.providers.kernel.sse import SseEvent
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.errors import OPENAI
from sidecar.providers.openai_family.chunks import as_chunk, plain_piece
from sidecar.providers.openai_family.stream import ChatReader

_WORDS = st.sampled_from(["", "a", "error", "stop", "chat.completion.chunk", "o"])
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 500), _WORDS, st.just([]), st.just({"message": "no", "code": 5})
)
_PLAIN = {
    "id": st.just("chatcmpl-1"),
    "object": st.just("chat.completion.chunk"),
    "created": st.just(1),
    "model": st.sampled_from(["m", "n"]),
    "service_tier": st.sampled_from([None, "flex"]),
    "system_fingerprint": _VALUES,
    "usage": st.one_of(st.none(), st.just({"prompt_tokens": 3, "completion_tokens": 2}), _VALUES),
}
_ODD = st.dictionaries(
    st.sampled_from(
        ["error", "Error", "type", "code", "message", "choices", "object", "timings", "cost", "data"]
    ),
    _VALUES,
    max_size=1,
)


def _with(members: dict[str, st.SearchStrategy[Any]], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    likely = st.fixed_dictionaries({}, optional=members)
    return st.tuples(st.fixed_dictionaries(members) | likely, st.just({}) | st.just({}) | odd).map(
        lambda two: {**two[0], **two[1]}
    )


_DELTAS = _with({"content": _WORDS, "role": st.just("assistant"), "refusal": st.none() | _WORDS}, _ODD)
_CHOICES = _with(
    {"index": st.just(0), "delta": _DELTAS, "logprobs": _VALUES, "finish_reason": st.none() | _WORDS}, _ODD
)
_CHUNKS = _with({**_PLAIN, "choices": st.lists(_CHOICES, min_size=0, max_size=2)}, _ODD)


class _WholeWay(ChatReader):
    """Looks through every piece."""

    def read(self, event: SseEvent) -> Any:
        for value in self._pieces.objects(event):
            yield from self._chunk(as_chunk(value), event.name)


def _all_of(reader: ChatReader, pieces: list[str]) -> tuple[list[Event], str]:
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.read(SseEvent(piece))
        events += reader.finish()
    except Failure as failure:
        return events, failure.message
    return events, ""


@given(st.lists(_CHUNKS, max_size=4))
@settings(max_examples=300, deadline=None)
def test_the_shortest_way_finds_what_the_whole_way_finds(chunks: list[dict[str, Any]]) -> None:
    pieces = [json.dumps(each) for each in chunks]
    asked = Asked(OPENAI, "openai", "gpt", "sk")
    assert _all_of(ChatReader(asked), pieces) == _all_of(_WholeWay(asked), pieces)


def test_a_usual_piece_goes_the_shortest_way() -> None:
    usual = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "logprobs": None, "finish_reason": None}],
        "usage": None,
    }
    assert plain_piece(usual) == ("Hi", "")
    end = {**usual, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}]}
    assert plain_piece(end) == ("", "length")
    assert plain_piece({**usual, "choices": [], "usage": {"prompt_tokens": 1}}) == ("", "")
