"""OpenAI: decide, send, read."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from sidecar.providers.base import ChatRequest, Event, Plan
from sidecar.providers.http import HttpEdge
from sidecar.providers.openai_errors import Asked
from sidecar.providers.openai_exchange import Attempt, Reader, exchange, judge_key
from sidecar.providers.openai_options import Dialect, decide
from sidecar.providers.openai_responses import ResponsesReader, responses_body
from sidecar.providers.openai_wire import ChatReader, chat_body

OPENAI = Dialect("OpenAI")


class OpenAI:
    """A `base.Provider`. `base_url` ends where the vendor's own client's does, with `/v1`."""

    def __init__(self, http: HttpEdge, base_url: str, *, name: str = "openai") -> None:
        self.name = name
        self._http = http
        self._base_url = base_url.rstrip("/")

    def plan(self, request: ChatRequest) -> Plan:
        """The request as it will be sent. Raises Failure("unsupported")."""
        choices = decide(request, OPENAI)
        on_chat = choices.api == "chat"
        write = chat_body if on_chat else responses_body
        return Plan(
            path="/chat/completions" if on_chat else "/responses",
            headers={"accept": "text/event-stream"},
            body=write(request, choices, OPENAI),
            notes=choices.notes,
            max_output_tokens=choices.max_output_tokens,
        )

    def stream(self, plan: Plan, key: str) -> AsyncGenerator[Event, None]:
        """Sends the plan and yields events until Done. Closing the iterator closes the connection.

        Raises Failure when nothing was run, SentButUnanswered when something may have been.
        """
        asked = self._asked(key, str(plan.body["model"]))
        reader: Reader = ChatReader(asked) if plan.path == "/chat/completions" else ResponsesReader(asked)
        return exchange(
            self._http, Attempt(self._base_url + plan.path, plan.body), plan.headers, asked, reader
        )

    async def validate_key(self, key: str) -> str | None:
        """None when the key is taken, else why not. Raises Failure when nobody can tell."""
        return await judge_key(self._http, f"{self._base_url}/models", self._asked(key))

    def _asked(self, key: str, model: str | None = None) -> Asked:
        return Asked(OPENAI.title, self.name, model, key)
