"""Batches as any simulated vendor runs them: created once, moved on by every look at them, and billed by the row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol, runtime_checkable

from sidecar import clock
from sidecar.providers.base import Usage
from sidecar.simulator.directives import Directives, read_directives
from sidecar.simulator.exchange import ConnectionCut, ParsedRequest, Refusal, Refused
from sidecar.simulator.generator import Generator, ordered
from sidecar.simulator.ledger import Ledger
from sidecar.simulator.models import Models, SimModel
from sidecar.simulator.vendor import BatchRoutes, CountsAnswers, SimulatedVendor, Surface

Stage = Literal["validating", "running", "finishing", "cancelling", "ended"]
Ending = Literal["completed", "failed", "expired", "cancelled"]
RowState = Literal["waiting", "finished", "failed", "expired", "cancelled"]

# How far a batch has come after so many looks at it, and from where on its rows run and are all done.
PROGRESS = (0.0, 0.5, 0.95, 1.0)
RUNNING, FINISHING = 0.1, 0.9


@runtime_checkable
class RunsBatches(Protocol):
    """A `SimulatedVendor` that has a batch API."""

    def batch_routes(self, service: BatchService) -> BatchRoutes: ...


@dataclass(slots=True)
class SimRow:
    """One question of a batch. `path` is where it would go alone, below the vendor's prefix.

    `answer` is the vendor's JSON of the reply or the refusal, whose status is `status`.
    """

    custom_id: str
    path: str
    body: Mapping[str, Any]
    state: RowState = "waiting"
    status: int = 0
    answer: bytes = b""
    model: str = ""
    usage: Usage | None = None
    charged_usd: Decimal | None = Decimal(0)

    def wire(self) -> dict[str, Any]:
        charged = self.charged_usd
        return {
            "customId": self.custom_id,
            "state": self.state,
            "status": self.status,
            "model": self.model,
            "chargedUSD": None if charged is None else format(charged, "f"),
        }


@dataclass(slots=True)
class SimBatch:
    """One batch, with the times (ms) of its stages. `problems` are what a vendor finds wrong with the whole of it.

    `about` is what its vendor keeps beside it.
    """

    id: str
    provider: str
    tag: str
    rows: list[SimRow]
    orders: Directives
    created_at: int
    problems: Sequence[Any] = ()
    about: dict[str, Any] = field(default_factory=dict)
    stage: Stage = "validating"
    ending: Ending | None = None
    looks: int = 0
    running_at: int | None = None
    finishing_at: int | None = None
    cancelling_at: int | None = None
    ended_at: int | None = None

    @property
    def charged_usd(self) -> Decimal:
        return sum((row.charged_usd or Decimal(0) for row in self.rows), Decimal(0))

    def count(self, *states: RowState) -> int:
        return sum(row.state in states for row in self.rows)

    def shuffled(self) -> list[SimRow]:
        """The rows in the order in which results come: always the same one, and never that of the input."""
        return sorted(self.rows, key=lambda row: hashlib.sha256(row.custom_id.encode()).digest())

    def wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "provider": self.provider,
            "tag": self.tag,
            "createdAtMs": self.created_at,
            "state": self.ending or self.stage,
            "customIds": [row.custom_id for row in self.rows],
            "rows": [row.wire() for row in self.rows],
            "chargedUSD": format(self.charged_usd, "f"),
        }


class BatchService:
    """Creates, moves on and cancels the batches of one vendor. They live as long as the simulator does."""

    def __init__(
        self, vendor: SimulatedVendor, models: Models, generator: Generator, ledger: Ledger, now_ms: clock.Now
    ) -> None:
        self.now_ms = now_ms
        self._vendor = vendor
        self._models = models
        self._generator = generator
        self._ledger = ledger
        self._batches: dict[str, SimBatch] = {}
        self._lost: Counter[tuple[str, str]] = Counter()

    def create(
        self,
        id_: str,
        tag: str,
        rows: list[SimRow],
        *,
        problems: Sequence[Any] = (),
        about: dict[str, Any] | None = None,
    ) -> SimBatch:
        """The new batch. Raises ConnectionCut before or after it was made, where its first row orders that."""
        orders = self._read_orders(rows[0]) if rows else Directives()
        if self._happens("create_lost", tag, orders.create_lost):
            raise ConnectionCut
        batch = SimBatch(id_, self._vendor.provider, tag, rows, orders, self.now_ms(), problems, about or {})
        self._batches[id_] = batch
        self._ledger.batches.append(batch)
        if self._happens("create_cut", tag, orders.create_cut):
            raise ConnectionCut
        return batch

    def find(self, id_: str) -> SimBatch | None:
        return self._batches.get(id_)

    def newest_first(self) -> list[SimBatch]:
        """Every batch, those with a clock of their own as they are by now."""
        for batch in self._batches.values():
            if batch.orders.batch_slow_ms is not None:
                self._move(batch)
        return list(reversed(self._batches.values()))

    def look(self, batch: SimBatch) -> None:
        """A client looks at the batch, and that moves it on."""
        batch.looks += 1
        self._move(batch)

    def cancel(self, batch: SimBatch) -> None:
        """No further row is begun; the next look finds it ended."""
        if batch.stage not in ("ended", "cancelling"):
            batch.stage, batch.cancelling_at = "cancelling", self.now_ms()

    def model(self, name: str) -> SimModel | None:
        """The model that answers to this name today."""
        return self._models.find(self._vendor.provider, name, self._today())

    def model_exists(self, name: str) -> bool:
        return self.model(name) is not None

    def _move(self, batch: SimBatch) -> None:
        if batch.stage == "ended":
            return
        if batch.stage == "cancelling":
            self._end(batch, "cancelled")
            return
        progress = self._progress(batch)
        if progress < RUNNING:
            return
        if batch.problems or batch.orders.batch_fails:
            self._end(batch, "failed")
            return
        batch.stage, batch.running_at = "running", batch.running_at or self.now_ms()
        share = progress if progress < FINISHING else 1.0
        due = int(len(batch.rows) * (min(share, 0.5) if batch.orders.batch_expires else share))
        for number, row in enumerate(batch.rows[:due]):
            if row.state == "waiting":
                self._run(row, f"{batch.id.rpartition('_')[2]}r{number}")
        if progress >= FINISHING:
            batch.stage, batch.finishing_at = "finishing", batch.finishing_at or self.now_ms()
        if progress >= 1:
            self._end(
                batch, "expired" if batch.orders.batch_expires or batch.count("expired") else "completed"
            )

    def _progress(self, batch: SimBatch) -> float:
        slow_ms = batch.orders.batch_slow_ms
        if slow_ms is None:
            return PROGRESS[min(batch.looks, len(PROGRESS) - 1)]
        return min(1.0, (self.now_ms() - batch.created_at) / slow_ms) if slow_ms else 1.0

    def _end(self, batch: SimBatch, ending: Ending) -> None:
        batch.stage, batch.ending, batch.ended_at = "ended", ending, self.now_ms()
        for row in batch.rows:
            if row.state == "waiting" and ending != "failed":
                row.state = "cancelled" if ending == "cancelled" else "expired"

    def _run(self, row: SimRow, serial: str) -> None:
        try:
            surface, parsed = self._read(row)
            model = self._models.find(self._vendor.provider, parsed.model, self._today())
            self._vendor.check(surface, row.body, parsed, model)
            orders = self._generator.orders(parsed)
            if orders.cut is not None or orders.error_after is not None or orders.malformed:
                raise Refused(ordered(500, None))
        except Refused as refused:
            row.state, row.status = "failed", refused.refusal.status
            row.answer = self._vendor.refuse(refused.refusal)[1]
            return
        assert model is not None, "a vendor refuses a model that it does not have"
        if orders.expires:
            row.state = "expired"
            return
        completion = self._generator.complete(parsed, model, orders, serial)
        if isinstance(self._vendor, CountsAnswers):
            completion = self._vendor.counted(parsed, completion)
        row.state, row.status, row.answer = "finished", 200, surface.whole(parsed, completion)
        row.model, row.usage = model.id, completion.usage
        row.charged_usd = self._models.charge(
            self._vendor.provider, model.id, completion.usage, self._today(), batch=True
        )

    def _read(self, row: SimRow) -> tuple[Surface, ParsedRequest]:
        surface = self._vendor.surface(row.path)
        if surface is None:
            raise Refused(Refusal(404, f"Invalid URL (POST {row.path})"))
        return surface, surface.read_request(dict(row.body))

    def _read_orders(self, row: SimRow) -> Directives:
        try:
            return read_directives(self._read(row)[1].prompt)
        except (Refused, ValueError):
            return Directives()

    def _happens(self, what: str, tag: str, times: int) -> bool:
        """Whether it happens now: for the same tag only so many times."""
        if self._lost[what, tag] >= times:
            return False
        self._lost[what, tag] += 1
        return True

    def _today(self) -> date:
        return datetime.fromtimestamp(self.now_ms() / 1000, UTC).date()
