"""What the readers of both of OpenAI's APIs gather of an answer, the pages that it cites, and how it ends (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.base import Citation, Done, Event, FinishReason, Usage
from sidecar.providers.kernel.errors import declined, stopped_without_answer
from sidecar.providers.kernel.events import Pieces
from sidecar.providers.kernel.json_values import as_list, as_text
from sidecar.providers.kernel.vendor import Asked


class AnswerReader:
    """One answer as far as it has been read. `ended` is set when nothing more is to come.

    `_produced` is whether a word of it has come, `_begun` whether a thought has at least.
    """

    def __init__(self, asked: Asked) -> None:
        self.ended = False
        self._asked = asked
        self._begun = False
        self._produced = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._usage: Usage | None = None
        self._model: str | None = None
        self._id: str | None = None
        self._citations: dict[str, Citation] = {}
        self._pieces = Pieces()
        self._tools: dict[str, None] = {}

    def finish(self) -> Iterator[Event]:
        """Yield the end of the stream: Done, or raise what was wrong with it."""
        if self._refusal:
            words = "".join(self._refusal)
            raise declined(words, self._asked, words=words)
        if self._finish is None:
            raise self._pieces.cut(self._asked)
        if self._finish == "content_filter" and not self._produced:
            raise declined("", self._asked)
        if self._finish == "error" and not self._begun:
            raise stopped_without_answer("", self._asked)
        yield Done(
            self._finish,
            self._usage,
            self._model,
            self._id,
            tuple(self._citations.values()),
            (*self._pieces.notes, *self._wanted_tools()),
        )

    def _wanted_tools(self) -> Iterator[str]:
        """Why there is no word: the model waits for what a tool would find."""
        if self._tools and not self._produced:
            names = ", ".join(name[:60] for name in list(self._tools)[:3])
            yield (
                f"The model asked to use a tool ({names}), and it was given none. "
                "Ask it to answer in words, or choose another model."
            )

    def _identify(self, told: Mapping[str, Any]) -> None:
        self._model = as_text(told.get("model")) or self._model
        self._id = as_text(told.get("id")) or self._id

    def _cite(self, pages: Iterator[Citation]) -> Iterator[Event]:
        for page in pages:
            if page.url not in self._citations:
                self._citations[page.url] = page
                yield page


def citations(annotations: Any) -> Iterator[Citation]:
    """The web pages among a message's annotations; both APIs have their own way to nest them."""
    for annotation in as_list(annotations):
        if not isinstance(annotation, Mapping) or annotation.get("type") != "url_citation":
            continue
        inner = annotation.get("url_citation")
        page = inner if isinstance(inner, Mapping) else annotation
        if isinstance(page.get("url"), str):
            yield Citation(page["url"], as_text(page.get("title")))


def cited_pages(listed: Any) -> Iterator[Citation]:
    """The web pages of a bare list of addresses, beside the text instead of inside it."""
    for page in as_list(listed):
        if isinstance(page, str) and page:
            yield Citation(page)
        elif isinstance(page, Mapping) and isinstance(page.get("url"), str):
            yield Citation(page["url"], as_text(page.get("title")))
