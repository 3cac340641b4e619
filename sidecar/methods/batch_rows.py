"""The rows of batch:submit, batch:submit-native and batch:estimate: in the message, or in a file that it names."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sidecar.batch.files.numbers import as_sent
from sidecar.batch.files.row_file import FileRows
from sidecar.batch.row_input import ROWS_A_TURN, GivenRows, Numbered, RowSource
from sidecar.contract.types import batch as types
from sidecar.give_way import give_way
from sidecar.methods import batch_files
from sidecar.methods.services import Request
from sidecar.spared import spared

# Of a file, so many rows stand in each list of an estimate.
LISTED_ROWS = 1_000

_ByRows = types.BatchSubmitRows | types.BatchSubmitNativeRows | types.BatchEstimateRows
_ByFile = types.BatchSubmitFile | types.BatchSubmitNativeFile | types.BatchEstimateFile
_Submitted = (
    types.BatchSubmitRows | types.BatchSubmitFile | types.BatchSubmitNativeRows | types.BatchSubmitNativeFile
)


@dataclass(frozen=True, slots=True)
class Given:
    """Rows with the file that they are read from, if there is one."""

    source: RowSource
    file: FileRows | None = None

    @property
    def file_name(self) -> str:
        """What the job is called where the request does not say."""
        return self.file.name if self.file else ""

    @property
    def listed(self) -> int | None:
        """How many rows an answer may name."""
        return LISTED_ROWS if self.file else None

    def errors(self) -> dict[str, Any]:
        """Return the member of the answer that tells which rows of a file were left out."""
        return {"errors": self.file.errors()} if self.file else {}


async def given(call: Request, wanted: _ByRows | _ByFile) -> Given:
    """The rows that a request is about. Raises Failure for a path at which there is no file."""
    learn = call.services.discovery.learn
    if isinstance(wanted, _ByFile):
        file = batch_files.file_rows(call, wanted)
        return Given(_Learning(file, learn), file)
    return Given(_Learning(GivenRows(await wire_rows(wanted.rows)), learn))


def checks(wanted: _Submitted) -> list[dict[str, Any]]:
    """What answers are to be held against, as it is kept."""
    return [check.model_dump(by_alias=True, exclude_none=True) for check in wanted.checks or ()]


async def wire_rows(rows: list[types.BatchRow]) -> list[dict[str, Any]]:
    """The rows as they are kept: what they say, and nothing that they leave out. They are taken out of the list.

    Data that JavaScript would spell otherwise on its way back is kept as the text that a template prints.
    """
    kept: list[dict[str, Any]] = []
    rows.reverse()
    with spared():
        while rows:
            row = rows.pop().model_dump(by_alias=True, exclude_none=True)
            if data := row.get("data"):
                row["data"] = {name: as_sent(value) for name, value in data.items()}
            kept.append(row)
            if len(kept) % ROWS_A_TURN == 0:
                await give_way()
    return kept


class _Learning:
    """Rows whose models are known, where their provider lists them, before anybody looks at the rows."""

    def __init__(self, source: RowSource, learn: Callable[[Iterable[str]], Awaitable[None]]) -> None:
        self._source = source
        self._learn = learn
        self._learned: set[str] = set()
        self.ids_are_unique = source.ids_are_unique

    async def chunks(self) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield the chunks of the source."""
        async with aclosing(self._source.chunks()) as read:
            async for chunk in read:
                models = {row.model for _, row in chunk} - self._learned
                if models:
                    await self._learn(models)
                    self._learned |= models
                yield chunk
