"""What the list of cases wants to know of a vendor's batches: how they are reached, and how it spells their answers."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from sidecar.providers.base import ChatRequest, Provider
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchState
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers import batches, models
from tests.helpers.answers import DEADLINE_SECONDS
from tests.helpers.scripted import Reply, ScriptedTransport, Step, scripted_edge
from tests.helpers.simulated import NOW_MS, no_wait, on_loopback

Way = Literal["in process", "loopback"]
RowEnd = Literal["answer", "error", "expired", "cancelled", "stray"]
ANSWER = "four"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens in a batch, from the vendor's page; `ask` are options of the rows."""

    model: str
    prompt: str
    cached: str
    output: str
    written: str = "0"
    ask: Mapping[str, Any] = field(default_factory=dict)


class BatchVendor(ABC):
    """One vendor's batches, or one sort of them."""

    name: ClassVar[str]
    provider: ClassVar[str]
    model: ClassVar[str]
    # Where the vendor is, where the simulator has it, and an address for scripts.
    address: ClassVar[str]
    simulated_path: ClassVar[str]
    scripted_path: ClassVar[str] = "/v1"
    # The state at the creation and at four looks after it, for four rows, and how many are told to be done.
    words: ClassVar[Sequence[str]]
    completed: ClassVar[Sequence[int | None]]
    expired_word: ClassVar[str]
    cancelled_word: ClassVar[str]
    foreign_file: ClassVar[str] = ""
    # Which rows that never ran the results tell.
    tells: ClassVar[frozenset[str]] = frozenset({"expired", "cancelled"})
    # Whether the results are lines, whose end nobody can tell from a cut behind one.
    ends_with_a_line: ClassVar[bool] = True
    # What becomes of a row whose request was wrong, and whether the moment of the end is told.
    wrong_row: ClassVar[str] = "provider_rejected"
    tells_the_end: ClassVar[bool] = True
    refusals_are_free: ClassVar[bool] = False
    # A model, and options, with which no token goes into thinking.
    brief: ClassVar[tuple[str, Mapping[str, Any]]]
    prices: ClassVar[Sequence[Price]]
    # Kinds of rows that its batches do not take, and why.
    lacks: ClassVar[Mapping[str, str]] = {}
    gaps: ClassVar[Mapping[str, str]] = {}
    wrong: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def make(self, http: HttpClient, base_url: str) -> BatchAdapter: ...

    @abstractmethod
    def planner(self) -> Provider: ...

    def on(self, sim: Simulator) -> BatchAdapter:
        """The adapter over the simulator in place of the network."""
        return self.make(HttpClient(lambda: simulated_transport(sim), sleep=no_wait), self.address)

    @asynccontextmanager
    async def reached(self, sim: Simulator, way: Way) -> AsyncIterator[BatchAdapter]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            if way == "in process":
                yield self.on(sim)
                return
            async with on_loopback(sim) as base:
                http = HttpClient(sleep=no_wait)
                yield self.make(http, base + self.simulated_path)
                await http.aclose()

    def scripted(self, *script: Step) -> tuple[BatchAdapter, ScriptedTransport]:
        http, transport, _ = scripted_edge(*script)
        return self.make(http, f"https://api.example{self.scripted_path}"), transport

    @property
    def uploads(self) -> bool:
        """Whether something goes to the vendor ahead of the create."""
        return self.lone.input_file_id is not None

    def ask(self, text: str = "Why?", *, model: str = "", **options: Any) -> ChatRequest:
        return models.ask(self.provider, model or self.model, text, **options)

    def rows(self, count: int, prefix: str = "row", *, orders: str = "") -> dict[str, ChatRequest]:
        """Rows with an answer of their own each; the first one orders something of the batch."""
        made = {
            f"{prefix}-{number}": self.ask(f"Reply with exactly: answer {number}") for number in range(count)
        }
        if orders:
            made[f"{prefix}-0"] = self.ask(f"Reply with exactly: answer 0 [[simulate: {orders}]]")
        return made

    def part(self, rows: Mapping[str, ChatRequest], **given: Any) -> BatchPart:
        http = HttpClient()
        return batches.part_of(self.make(http, self.address), self.planner(), rows, **given)

    # What comes back, of a part with one row called "a" whose tag is "part-1".

    @property
    @abstractmethod
    def lone(self) -> BatchPart:
        """That part, ready to be created."""

    @abstractmethod
    def batch(self, id_: str, state: Literal["new", "running", "done", "failed"], tag: str = "part-1") -> Any:
        """A batch as the vendor writes it."""

    @abstractmethod
    def page(self, *listed: Any, more: bool = False) -> Any:
        """A page of the vendor's list."""

    @abstractmethod
    def row(self, id_: str, ended: RowEnd) -> Any:
        """A result; a stray one names no row."""

    @abstractmethod
    def results(self, *rows: Any) -> tuple[BatchState, bytes]:
        """A batch that has ended, and the bytes in which its results are."""

    def created(self) -> Reply:
        return said(self.batch("batch_1", "new"))


def said(value: Any, status: int = 200) -> Reply:
    return Reply(status, {}, [json.dumps(value).encode()])


def since_s() -> int:
    return NOW_MS // 1000


def json_lines(rows: Sequence[Any]) -> bytes:
    """A line for each, with what no line should be among them."""
    return "\r\n".join(["not json", "", *(json.dumps(row) for row in rows), "[1]"]).encode()
