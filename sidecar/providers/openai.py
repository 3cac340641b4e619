"""OpenAI, and every server that speaks its protocol: decide, send, read."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest, Event, Plan
from sidecar.providers.http import HttpEdge, ReadRefusal
from sidecar.providers.openai_errors import Asked, refusal
from sidecar.providers.openai_options import Dialect, decide
from sidecar.providers.openai_responses import ResponsesReader, responses_body
from sidecar.providers.openai_wire import ChatReader, chat_body
from sidecar.providers.sse import SseParser

OPENAI = Dialect("OpenAI")


class OpenAI:
    """A `base.Provider`. `base_url` ends where the vendor's own client's does, with `/v1`."""

    def __init__(
        self, http: HttpEdge, base_url: str, *, name: str = "openai", dialect: Dialect = OPENAI
    ) -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._dialect = dialect

    def plan(self, request: ChatRequest) -> Plan:
        """The request as it will be sent. Raises Failure("unsupported")."""
        choices = decide(request, self._dialect)
        on_chat = choices.api == "chat"
        write = chat_body if on_chat else responses_body
        return Plan(
            path="/chat/completions" if on_chat else "/responses",
            headers={"accept": "text/event-stream"},
            body=write(request, choices, self._dialect),
            notes=choices.notes,
            max_output_tokens=choices.max_output_tokens,
        )

    async def stream(self, plan: Plan, key: str) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        Raises Failure when nothing was run, SentButUnanswered when something may have been.
        """
        asked = Asked(self._dialect.title, self.name, str(plan.body["model"]), key)
        reader = ChatReader(asked) if plan.path == "/chat/completions" else ResponsesReader(asked)
        parser = SseParser()
        try:
            async with self._http.stream(
                "POST",
                self._base_url + plan.path,
                {**plan.headers, **self._authorization(key)},
                plan.body,
                read_refusal=self._read_refusal(asked),
                peer=asked.title,
            ) as answer:
                async for chunk in answer.chunks:
                    for piece in parser.feed(chunk):
                        for event in reader.read(piece):
                            yield event
                    if reader.ended:
                        break
                else:
                    for piece in parser.finish():
                        for event in reader.read(piece):
                            yield event
            for event in reader.finish():
                yield event
        except Failure as failure:
            failure.provider = failure.provider or self.name
            failure.model = failure.model or asked.model
            raise

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        asked = Asked(self._dialect.title, self.name, None, key)
        headers = {"accept": "application/json", **self._authorization(key)}
        try:
            async with self._http.stream(
                "GET",
                f"{self._base_url}/models",
                headers,
                read_refusal=self._read_refusal(asked),
                peer=asked.title,
            ):
                return None
        except Failure as failure:
            if failure.kind == "invalid_api_key":
                # A key restricted to some calls is refused here, and yet it works for chats.
                limited = failure.status == 403 and "scope" in (failure.detail or "").lower()
                return None if limited else failure.message
            if failure.kind == "rate_limited" or (failure.status == 404 and self._dialect.plain):
                return None
            raise

    def _authorization(self, key: str) -> Mapping[str, str]:
        if not key:
            return {}
        if not (key.isascii() and key.isprintable()):
            raise Failure(
                "invalid_api_key",
                f"The {self._dialect.title} API key holds characters that no key has. Paste it again in the settings.",
                provider=self.name,
            )
        return {"authorization": f"Bearer {key}"}

    def _read_refusal(self, asked: Asked) -> ReadRefusal:
        def read(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
            return refusal(status, headers, body, asked, self._http.now_ms())

        return read
