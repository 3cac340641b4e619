"""What any vendor's batch comes to: its rows, each once with what its reader made of its reply."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from sidecar.errors import Failure
from sidecar.providers.base import Done, Event, TextDelta, TextWasThinking, ThinkingDelta, Usage, UsageSoFar
from sidecar.providers.batches import BatchResult
from sidecar.providers.kernel.csv_results import CsvResults
from sidecar.providers.kernel.jsonl import SpreadObjects, is_between, read_objects
from sidecar.providers.kernel.known_ids import KnownIds
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked

_log = logging.getLogger(__name__)

# No id that was given to a row is longer; of a longer one the beginning is kept, with a mark of all of it.
MOST_ID_LETTERS = 1_000
# So many objects around a list of results are looked into.
MOST_WRAPPED = 3


def outcome_of(
    custom_id: str, events: Iterable[Event], *, model: object = None, response_id: object = None
) -> BatchResult:
    """Return what a reader made of a reply that came whole, whose model and id are taken where they are texts.

    An answer that was refused has its failure and, because it may be billed, its `done` with the usage too.
    """
    text: list[str] = []
    thinking: list[str] = []
    usage: Usage | None = None
    done: Done | None = None
    failure: Failure | None = None
    try:
        for event in events:
            match event:
                case TextDelta():
                    text.append(event.text)
                case ThinkingDelta():
                    thinking.append(event.text)
                case TextWasThinking():
                    text.clear()
                    thinking.append(event.text)
                case UsageSoFar():
                    usage = event.usage
                case Done():
                    done = event
    except Failure as raised:
        failure = raised
        if usage is not None:
            done = Done(
                "content_filter" if failure.kind == "content_filtered" else "error",
                usage,
                model if isinstance(model, str) else None,
                response_id if isinstance(response_id, str) else None,
            )
    return BatchResult(custom_id, "".join(text), "".join(thinking), done, failure)


async def read_rows(
    pieces: AsyncGenerator[bytes, None],
    outcome: Callable[[Mapping[str, Any]], BatchResult | None],
    native_id: str,
    told: KnownIds,
) -> AsyncGenerator[BatchResult, None]:
    """Yield what came of the rows in these JSON objects, but for rows whose answer was `told`, which it adds to.

    Of a row's failures the first is told; its answer is told even behind one. A piece that is no JSON, or names no
    row, is logged, and is a result without a `custom_id`, with the reply if there is one; an empty one was too large to
    be read. Raises Failure when the pieces break off.
    """
    failed = KnownIds()
    objects = _objects(pieces, lambda value: bool((came := outcome(value)) and came.custom_id))
    async with aclosing(objects):
        async for found in objects:
            if found is None:
                _log.warning("a result of batch %s is too large to be read", native_id)
                yield BatchResult("", too_large=True)
                continue
            for value in found or [None]:
                came = None if value is None else outcome(value)
                if came is None:
                    _log.warning("a result of batch %s names no row", native_id)
                    yield BatchResult("")
                elif not came.custom_id:
                    _log.warning("a reply of batch %s names no row", native_id)
                    yield came
                elif (came := _with_short_id(came)).custom_id not in told:
                    answered = came.failure is None and came.never_ran is None
                    if answered or came.custom_id not in failed:
                        (told if answered else failed).add(came.custom_id)
                        yield came


def _with_short_id(came: BatchResult) -> BatchResult:
    """The result, with an id that can be held for each line of a file. Different ids stay so."""
    if len(came.custom_id) <= MOST_ID_LETTERS:
        return came
    mark = hashlib.sha256(came.custom_id.encode("utf-8", "surrogatepass")).hexdigest()
    return replace(came, custom_id=f"{came.custom_id[:MOST_ID_LETTERS]}…{mark}")


async def _objects(
    pieces: AsyncGenerator[bytes, None], names_row: Callable[[Mapping[str, Any]], bool]
) -> AsyncGenerator[Sequence[Mapping[str, Any] | None] | None, None]:
    """Yield the objects of each piece, none for one that holds none, and None for one that was too large.

    An object may go over several pieces; one that names a row inside shows that what had begun was cut.
    """
    spread, table = SpreadObjects(), None
    async with aclosing(pieces):
        async for piece in pieces:
            if not spread.begun and piece and piece[:1] not in b"{[":
                table = table or CsvResults()
                if table.begins(piece):
                    continue
                if (row := table.row(piece)) is not None:
                    yield [row]
                    continue
            found = _unwrapped(read_objects(piece), names_row) if piece else []
            if spread.begun and (not piece or any(map(names_row, found))):
                spread.drop()
                yield ()
            if spread.begun:
                for whole in spread.feed(piece):
                    yield _unwrapped(read_objects(whole), names_row) if whole else None
            elif not piece:
                yield None
            elif found or not (is_between(piece) or spread.begin(piece)):
                yield found
    if spread.begun:
        yield ()


def _unwrapped(
    found: list[Mapping[str, Any]], names_row: Callable[[Mapping[str, Any]], bool]
) -> list[Mapping[str, Any]]:
    """The objects, or those of which some name rows inside a single one around them."""
    if len(found) != 1 or names_row(found[0]):
        return found
    return _inside(found[0], names_row, MOST_WRAPPED) or found


def _inside(
    value: Any, names_row: Callable[[Mapping[str, Any]], bool], depth: int
) -> list[Mapping[str, Any]]:
    """The objects of the first list, or under the names of the first object, of which one names a row."""
    values = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    objects: list[Mapping[str, Any]] = [each for each in values if isinstance(each, dict)]
    if any(map(names_row, objects)):
        return objects
    deeper = (_inside(each, names_row, depth - 1) for each in values) if depth else iter(())
    return next(filter(None, deeper), [])


def unconfirmed(asked: Asked) -> OutcomeUnknown:
    """Return the failure of a creation whose answer is no batch."""
    return OutcomeUnknown(
        "provider_unavailable",
        f"{asked.title}'s answer to the creation of a batch cannot be read. It may have been created.",
        provider=asked.provider,
        model=asked.model,
    )
