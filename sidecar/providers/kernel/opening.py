"""The beginning of an accepted answer: whether it is one, or a refusal that came with the wrong status (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.kernel.error_fields import tells_error
from sidecar.providers.kernel.errors import opening_refusal, web_page
from sidecar.providers.kernel.events import END_MARK, Pieces
from sidecar.providers.kernel.json_values import as_list, as_mapping, as_text
from sidecar.providers.kernel.sse import SseEvent, SseParser
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.kernel.web_pages import is_page

# What comes before the first word and says nothing of whether one will come.
_PREFACES = frozenset({"ping", "response.created", "response.queued", "response.in_progress"})
_LONGEST_HEAD = 256
_BLANK = re.compile(rb"(?:\xef\xbb\xbf)?\s*")


class Opening:
    """Is fed the bytes of an answer until it knows. `refusal` is then what the answer refused, if it did.

    `status` is the one that such a refusal comes with elsewhere, None where it has none.
    """

    def __init__(self, asked: Asked, headers: Mapping[str, str], now_ms: int) -> None:
        self.refusal: Failure | None = None
        self.status: int | None = None
        self._asked = asked
        self._headers = headers
        self._now_ms = now_ms
        self._parser = SseParser()
        self._pieces = Pieces()
        self._head = b""

    def feed(self, chunk: bytes) -> bool:
        """Whether it is decided."""
        if len(self._head) < _LONGEST_HEAD:
            self._head += chunk[:_LONGEST_HEAD]
            if is_page(_BLANK.sub(b"", self._head, count=1)):
                self.refusal = web_page(self._asked)
                return True
        try:
            return self._decide(self._parser.feed(chunk))
        except Failure:
            # Too large for a piece: that is for the reader to say.
            return True

    def finish(self) -> None:
        """The answer has ended before it was decided."""
        self._decide(self._parser.finish())

    def _decide(self, events: list[SseEvent]) -> bool:
        for event in events:
            if event.data.strip() == END_MARK:
                return True
            for value in self._pieces.objects(event):
                if tells_error(value, event.name):
                    self.refusal, self.status = opening_refusal(
                        value, self._headers, self._asked, self._now_ms
                    )
                    return True
                if not _says_nothing(value, event.name):
                    return True
        return False


def _says_nothing(value: Mapping[str, Any], name: str | None) -> bool:
    """Whether it is only a preface: nothing in it was made by a model."""
    if not value or (as_text(value.get("type")) or name) in _PREFACES:
        return True
    choices = as_list(value.get("choices"))
    if not choices or value.get("usage"):
        return False
    return all(_is_empty(as_mapping(choice)) for choice in choices)


def _is_empty(choice: Mapping[str, Any]) -> bool:
    delta = choice.get("delta")
    if not isinstance(delta, Mapping) or choice.get("finish_reason"):
        return False
    return not any(value for name, value in delta.items() if name != "role")
