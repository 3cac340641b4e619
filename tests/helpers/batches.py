"""A native batch from its rows to its results, for any vendor's adapter."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from sidecar.providers.base import ChatRequest, Provider
from sidecar.providers.batches import BatchAdapter, BatchPart, BatchResult, BatchState
from sidecar.simulator.core import Simulator
from tests.helpers.simulated import NOW_MS

KEY = "sk-simulated"
# More looks than any batch of the simulator needs.
MOST_LOOKS = 12


def part_of(
    adapter: BatchAdapter,
    provider: Provider,
    rows: Mapping[str, ChatRequest],
    *,
    tag: str = "part-1",
    since: int = NOW_MS,
    input_file_id: str | None = None,
) -> BatchPart:
    """The rows, by custom id, as one part."""
    return BatchPart(
        tag=tag,
        model=next(iter(rows.values())).model,
        lines=[adapter.line(id_, provider.plan(request)) for id_, request in rows.items()],
        custom_ids=list(rows),
        since=since,
        input_file_id=input_file_id,
    )


async def uploaded(adapter: BatchAdapter, part: BatchPart) -> BatchPart:
    """The part with its input where the vendor wants it."""
    id_ = await adapter.upload(KEY, part)
    return BatchPart(part.tag, part.model, part.lines, part.custom_ids, part.since, id_)


async def submit(adapter: BatchAdapter, part: BatchPart) -> BatchState:
    return await adapter.create(KEY, await uploaded(adapter, part))


async def finished(adapter: BatchAdapter, native_id: str) -> BatchState:
    """Looks until the results are there."""
    for _ in range(MOST_LOOKS):
        state = await adapter.check(KEY, native_id)
        if state.ended and state.results_ready:
            return state
    raise AssertionError(f"the batch does not end: {state}")


async def outcomes(adapter: BatchAdapter, state: BatchState) -> list[BatchResult]:
    """The results of rows; what cannot be read has no custom id, and is left out."""
    async with aclosing(adapter.results(KEY, state)) as results:
        return [outcome async for outcome in results if outcome.custom_id]


async def run(adapter: BatchAdapter, part: BatchPart) -> tuple[BatchState, dict[str, BatchResult]]:
    """The whole way. No row may have two results."""
    state = await finished(adapter, (await submit(adapter, part)).native_id)
    listed = await outcomes(adapter, state)
    by_id = {outcome.custom_id: outcome for outcome in listed}
    assert len(by_id) == len(listed)
    return state, by_id


def billed(sim: Simulator) -> list[dict[str, Any]]:
    """The batches in the simulator's ledger."""
    batches: list[dict[str, Any]] = sim.ledger.wire()["batches"]
    return batches
