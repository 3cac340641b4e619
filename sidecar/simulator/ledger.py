"""The vendor's side of the bill: every request it was asked to run, and what it would have charged."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, Protocol

from sidecar.providers.base import Usage
from sidecar.simulator.counting import count_tokens
from sidecar.simulator.exchange import Completion

State = Literal["running", "finished", "cancelled", "cut", "failed", "refused"]
LONGEST_PROMPT = 2_000


@dataclass(slots=True)
class Entry:
    """One request. `charged_usd` is None while it runs and where no price is known."""

    id: str
    at_ms: int
    provider: str
    endpoint: str
    model: str
    prompt: str
    prompt_sha256: str
    stream: bool
    state: State
    status: int = 200
    sent: list[str] = field(default_factory=list)
    usage: Usage | None = None
    charged_usd: Decimal | None = None

    def wire(self) -> dict[str, Any]:
        usage = self.usage or Usage()
        return {
            "id": self.id,
            "atMs": self.at_ms,
            "provider": self.provider,
            "endpoint": self.endpoint,
            "model": self.model,
            "prompt": self.prompt,
            "promptSha256": self.prompt_sha256,
            "stream": self.stream,
            "state": self.state,
            "status": self.status,
            "tokensSent": count_tokens("".join(self.sent)),
            "usage": {
                "inUncached": usage.in_uncached,
                "cacheRead": usage.cache_read,
                "cacheWrite": usage.cache_write_short + usage.cache_write_long,
                "outVisible": usage.out_visible,
                "outReasoning": usage.out_reasoning,
                "searches": usage.searches,
                "promptTotal": usage.prompt_total,
            },
            "chargedUSD": None if self.charged_usd is None else format(self.charged_usd, "f"),
        }


class BilledRow(Protocol):
    """A row of a batch. `usage` is None until it has been run."""

    @property
    def model(self) -> str: ...

    @property
    def usage(self) -> Usage | None: ...

    @property
    def charged_usd(self) -> Decimal | None: ...


class BatchBill(Protocol):
    """A batch that was created. `tag` is the client's own mark on it, as far as the vendor keeps one."""

    @property
    def provider(self) -> str: ...

    @property
    def tag(self) -> str: ...

    @property
    def created_at(self) -> int: ...

    @property
    def rows(self) -> Sequence[BilledRow]: ...

    @property
    def charged_usd(self) -> Decimal: ...

    def wire(self) -> dict[str, Any]: ...


class Ledger:
    """Lives as long as the simulator does, and outlives every client."""

    def __init__(
        self, price: Callable[[str, str, Usage], Decimal | None], most_entries: int | None = None
    ) -> None:
        """`price` gives the dollars for a provider, a model and a usage. Beyond `most_entries` the oldest go."""
        self._price = price
        self._most_entries = most_entries
        self.entries: list[Entry] = []
        self.batches: list[BatchBill] = []

    def begin(
        self, *, serial: str, at_ms: int, provider: str, endpoint: str, model: str, prompt: str, stream: bool
    ) -> Entry:
        """Writes down a request that begins to run."""
        entry = Entry(
            id=serial,
            at_ms=at_ms,
            provider=provider,
            endpoint=endpoint,
            model=model,
            prompt=prompt[:LONGEST_PROMPT],
            prompt_sha256=hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest(),
            stream=stream,
            state="running",
        )
        self.entries.append(entry)
        if self._most_entries is not None and len(self.entries) > self._most_entries:
            # Half at once: a list that loses its first element moves all the others.
            del self.entries[: self._most_entries // 2]
        return entry

    def refuse(self, entry: Entry, status: int) -> None:
        """It was not run, and costs nothing."""
        entry.state, entry.status, entry.charged_usd = "refused", status, Decimal(0)

    def finish(self, entry: Entry, completion: Completion) -> None:
        self._settle(entry, "finished", completion.usage)

    def fail(self, entry: Entry) -> None:
        """The vendor itself broke down: it charges nothing."""
        entry.state, entry.charged_usd = "failed", Decimal(0)

    def stop(self, entry: Entry, completion: Completion, state: Literal["cancelled", "cut"]) -> None:
        """It ended before its time; what had been made until then is charged."""
        visible = count_tokens("".join(entry.sent))
        reasoning = completion.usage.out_reasoning if visible else 0
        self._settle(entry, state, replace(completion.usage, out_visible=visible, out_reasoning=reasoning))

    def wire(self) -> dict[str, Any]:
        """`{requests, batches, totalChargedUSD, running}`. Money is text, so that no digit is lost.

        `creates` of a batch is how many were created with the same tag.
        """
        total = sum((entry.charged_usd or Decimal(0) for entry in self.entries), Decimal(0))
        total += sum((batch.charged_usd for batch in self.batches), Decimal(0))
        creates = Counter((batch.provider, batch.tag) for batch in self.batches)
        return {
            "batches": [
                {**batch.wire(), "creates": creates[batch.provider, batch.tag]} for batch in self.batches
            ],
            "requests": [entry.wire() for entry in self.entries],
            "totalChargedUSD": format(total, "f"),
            "running": sum(entry.state == "running" for entry in self.entries),
        }

    def _settle(self, entry: Entry, state: State, usage: Usage) -> None:
        if entry.state != "running":
            return
        entry.state, entry.usage = state, usage
        entry.charged_usd = self._price(entry.provider, entry.model, usage)
