"""What a native batch is to a provider: what it is given, what it gives back, and the adapter between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from sidecar.errors import Failure
from sidecar.providers.base import Done, PreparedCall
from sidecar.providers.kernel.batch_words import says_stopping
from sidecar.providers.kernel.pacer import RequestPacer

Ending = Literal["completed", "refused", "cancelled", "expired"]
# What a vendor answers where it has nothing any more, or not yet.
GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one native batch may hold; None is no limit. `bytes` counts the lines as they are sent."""

    rows: int
    bytes: int
    row_bytes: int | None = None
    one_model: bool = True


@dataclass(frozen=True, slots=True)
class BatchState:
    """A native batch as its vendor reports it, in the vendor's own `word`.

    `ended` and `results_ready` are two facts. Counts that the vendor does not give are None. `handles` are what
    fetching the results needs (ids of output files and the like). Times are ms since 1970.

    `ending` says how one that has ended came to its end: it ran, the vendor refused it or ended it by itself,
    somebody cancelled it, or its time was over. `no_room`: it was refused because too much waits at the vendor.
    `presumed`: nobody but this computer's clock says that it has ended. `names_results`: the vendor says where they
    are, or need not. `gone`: they are not kept any more.
    """

    native_id: str
    word: str
    ended: bool
    results_ready: bool
    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    created_at: int | None = None
    ended_at: int | None = None
    error: str | None = None
    handles: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    ending: Ending | None = None
    no_room: bool = False
    presumed: bool = False
    names_results: bool = True
    gone: bool = False

    @property
    def is_stopping(self) -> bool:
        """Whether its vendor says that it is being stopped."""
        return says_stopping(self.word)

    @property
    def ran_nothing(self) -> bool:
        """Whether it is certain that no row of it was run, nor charged."""
        return self.ending == "refused" and not self.completed


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What came of one row: either an answer (`done`, with its text) or what kept it from being one.

    One without a `custom_id` is what could not be read, or a reply that names no row; `too_large`: nor can it be read
    another time.

    `failure` is set for a row that failed; `never_ran` when the batch ended before the row was run (expired,
    cancelled): it was not billed.
    """

    custom_id: str
    text: str = ""
    thinking: str = ""
    done: Done | None = None
    failure: Failure | None = None
    never_ran: Literal["expired", "cancelled"] | None = None
    too_large: bool = False

    @property
    def is_reply(self) -> bool:
        """Whether something came of a row, be it that nobody knows of which."""
        return self.done is not None or self.failure is not None or self.never_ran is not None


@dataclass(frozen=True, slots=True)
class BatchPart:
    """What is to be created: rows of one job for one vendor, already in its lines.

    `tag` is ours, unique for the part, and is found again in the vendor's list; `since` is when the intent was
    written (ms). `custom_ids` stand in the order of the lines. `others` are batches at the vendor that certainly
    belong to other parts. `pacer` is consulted around each attempt of the creation.
    """

    tag: str
    model: str
    lines: Sequence[bytes]
    custom_ids: Sequence[str]
    since: int
    input_file_id: str | None = None
    others: frozenset[str] = frozenset()
    pacer: RequestPacer | None = None


@dataclass(frozen=True, slots=True)
class LookupResult:
    """Where a part was looked for after its creation may or may not have happened.

    `state` is the batch that is ours; `certain` says, when there is none, that there is certainly none, as far as
    the vendor knows: what is only `listed` may lag behind. `others` are the ids of further batches of the same part
    that may still run: somebody on the way has sent the creation twice, and each of them is paid for.
    """

    state: BatchState | None
    certain: bool
    note: str = ""
    listed: bool = True
    others: tuple[str, ...] = ()

    @classmethod
    def one_of(cls, states: Sequence[BatchState], best: BatchState, note: str) -> LookupResult:
        """Return that the `best` of these is ours, and which of the others run."""
        running = (state.native_id for state in states if state is not best and not state.ended)
        return cls(best, True, note if len(states) > 1 else "", others=tuple(running))


class BatchAdapter(Protocol):
    """One vendor's batch API. Nothing here is retried blindly: a create that may have run raises OutcomeUnknown."""

    name: str
    limits: BatchLimits

    def line(self, custom_id: str, plan: PreparedCall) -> bytes:
        """The row as a line of the vendor's input, without a line end. Pure."""

    async def upload(self, key: str, part: BatchPart) -> str | None:
        """Puts the input where the vendor wants it; its id, or None where rows go with the create. Harmless twice.

        `part.input_file_id` is that of an earlier time, when the batch was certainly not created from it.
        """

    async def create(self, key: str, part: BatchPart) -> BatchState:
        """Creates the batch, once. Raises Failure when it was certainly not, OutcomeUnknown when it may be."""

    async def find(self, key: str, part: BatchPart) -> LookupResult:
        """Looks for a batch of this part at the vendor. Raises Failure when the vendor cannot be asked."""

    async def check(self, key: str, native_id: str) -> BatchState:
        """How it is doing."""

    def results(self, key: str, state: BatchState) -> AsyncGenerator[BatchResult, None]:
        """Every row that has come out, in any order, from outputs and errors alike.

        A row may come again, and with another result; what cannot be read comes without a `custom_id`.
        """

    async def cancel(self, key: str, native_id: str) -> None:
        """Asks to stop. Rows that have run stay, and are billed."""
