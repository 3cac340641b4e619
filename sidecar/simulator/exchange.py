"""The values that pass through the simulator: a request, what it asks, what is made of it, a response."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sidecar.providers.base import Usage

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class SimRequest:
    """An HTTP request without HTTP. Header names are in lower case; `query` has the last value of each name."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole answer that is no reply to a question: an object, a list, a file."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SimResponse:
    """An HTTP response whose body streams. Whoever reads it calls `aclose`, read to the end or not."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncGenerator[bytes, None]
    on_close: Callable[[], None] = lambda: None

    async def aclose(self) -> None:
        """To the vendor this is the client that went away, unless all was sent."""
        await self.chunks.aclose()
        self.on_close()


class ConnectionCut(Exception):
    """The simulated vendor breaks the connection here."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A vendor's no, in words that its wire format then dresses up."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None


class Refused(Exception):
    """Raised where a request is read; carries the Refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """What a request asks, whichever wire format it came in. `messages` are (role, text), oldest first."""

    model: str
    messages: tuple[tuple[str, str], ...]
    stream: bool = False
    include_usage: bool = False
    json_mode: bool = False
    schema: Mapping[str, Any] | None = None
    max_output_tokens: int | None = None
    effort: str | None = None
    search: bool = False
    summaries: bool = False

    @property
    def prompt(self) -> str:
        """The last thing that the user said."""
        return next((text for role, text in reversed(self.messages) if role == "user"), "")


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished answer, before it is cut into pieces. `refusal` stands in place of `text`."""

    id: str
    created_s: int
    served_model: str
    text: str
    finish: Finish
    usage: Usage
    thinking: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A piece of a stream. `text` is what of the answer it carries: frames with text are paced and counted."""

    data: bytes
    text: str = ""
