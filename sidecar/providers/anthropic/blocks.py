"""One block of an Anthropic answer, put together from its pieces so that it can be sent back as it was (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.providers.base import Citation
from sidecar.providers.kernel.json_values import as_list, as_text


@dataclass(frozen=True, slots=True)
class Piece:
    """What one delta brought for the reader."""

    text: str = ""
    thinking: str = ""
    citation: Citation | None = None


class Block:
    """Begins as `content_block_start` gives it, and grows by its deltas. Kinds that are not known grow not at all."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._wire = dict(given)
        self._texts: dict[str, list[str]] = {}
        self._input: list[str] = []
        self._cited = [*as_list(given.get("citations"))]

    @property
    def kind(self) -> str:
        return str(self._wire.get("type") or "")

    @property
    def text(self) -> str:
        """What it began with."""
        return as_text(self._wire.get("text")) if self.kind == "text" else ""

    @property
    def thinking(self) -> str:
        """What it began with."""
        return as_text(self._wire.get("thinking")) if self.kind == "thinking" else ""

    def add(self, delta: Mapping[str, Any]) -> Piece:
        kind = delta.get("type")
        if kind == "text_delta":
            return Piece(text=self._grow("text", delta))
        if kind == "thinking_delta":
            return Piece(thinking=self._grow("thinking", delta))
        if kind == "signature_delta":
            self._grow("signature", delta)
        elif kind == "input_json_delta":
            self._input.append(as_text(delta.get("partial_json")))
        elif kind == "citations_delta" and isinstance(delta.get("citation"), Mapping):
            self._cited.append(delta["citation"])
            return Piece(citation=_citation(delta["citation"]))
        return Piece()

    def citations(self) -> Iterator[Citation]:
        """What a text is cited from the beginning, as in a message that comes whole."""
        for given in self._cited:
            found = _citation(given)
            if found is not None:
                yield found

    @property
    def found(self) -> bool:
        """Whether it is what a search found. A search that failed holds an error instead, and is free."""
        return self.kind == "web_search_tool_result" and isinstance(self._wire.get("content"), list)

    def pages(self) -> Iterator[Citation]:
        """The pages that a search found. A search that failed holds an error instead."""
        results = self._wire.get("content") if self.kind == "web_search_tool_result" else None
        for result in as_list(results):
            found = _citation(result)
            if found is not None:
                yield found

    def wire(self) -> dict[str, Any] | None:
        """The block as it goes back; None for an empty text, which the vendor writes but does not take."""
        whole = dict(self._wire)
        for name, pieces in self._texts.items():
            whole[name] = as_text(whole.get(name)) + "".join(pieces)
        if self._cited:
            whole["citations"] = self._cited
        if "".join(self._input).strip():
            try:
                whole["input"] = orjson.loads("".join(self._input))
            except ValueError:
                whole["input"] = {}
        if self.kind == "text" and not whole.get("text"):
            return None
        return whole

    def _grow(self, name: str, delta: Mapping[str, Any]) -> str:
        text = as_text(delta.get(name))
        self._texts.setdefault(name, []).append(text)
        return text


def _citation(given: Any) -> Citation | None:
    """Citations of the web tell a `url`, those of search results a `source`; others are of no page."""
    if not isinstance(given, Mapping):
        return None
    url = as_text(given.get("url")) or as_text(given.get("source"))
    return Citation(url, as_text(given.get("title"))) if url else None
