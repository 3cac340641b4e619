"""What a vendor says of a batch and its rows, in orders and shapes that the simulator does not bring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.batches import BatchResult
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.batches import KEY, outcomes
from tests.helpers.scripted import Chunk, Reply
from tests.providers.conformance.batch_vendor import ANSWER, BatchVendor, RowEnd, said


async def read(batches: BatchVendor, *rows: tuple[str, RowEnd], size: int = 7) -> list[BatchResult]:
    """The results as they come out of the vendor's bytes, cut into pieces of that size."""
    state, content = batches.results(*(batches.row(id_, ended) for id_, ended in rows))
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    adapter, _ = batches.scripted(Reply(chunks=pieces))
    return await outcomes(adapter, state)


async def next_row(stream: AsyncGenerator[BatchResult, None]) -> BatchResult:
    while not (came := await anext(stream)).custom_id:
        pass
    return came


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_rows_are_read_in_any_order_however_their_bytes_are_cut(
    batches: BatchVendor, size: int
) -> None:
    came = await read(batches, ("ü", "answer"), ("b", "answer"), ("a", "error"), size=size)
    assert [(row.custom_id, row.text) for row in came] == [("ü", ANSWER), ("b", ANSWER), ("a", "")]
    assert came[0].done is not None
    assert came[0].done.served_model == batches.model


async def test_a_row_that_failed_has_a_failure_and_no_answer(batches: BatchVendor) -> None:
    (came,) = await read(batches, ("a", "error"))
    assert came.failure is not None
    assert (came.failure.kind, came.failure.provider) == ("provider_unavailable", batches.provider)
    assert not isinstance(came.failure, OutcomeUnknown)
    assert "It broke." in came.failure.message
    assert (came.done, came.never_ran) == (None, None)


@pytest.mark.parametrize("ended", ["expired", "cancelled"])
async def test_a_row_that_never_ran_is_told_apart(batches: BatchVendor, ended: RowEnd) -> None:
    came = await read(batches, ("a", "answer"), ("b", ended))
    assert [(row.custom_id, row.never_ran, row.failure) for row in came] == [
        ("a", None, None),
        ("b", ended, None),
    ]


async def test_a_stray_row_is_left_out_and_the_others_are_not(batches: BatchVendor) -> None:
    came = await read(batches, ("a", "answer"), ("", "stray"), ("b", "answer"))
    assert [row.custom_id for row in came] == ["a", "b"]


async def test_what_names_no_row_is_told_as_a_result_of_nobody(batches: BatchVendor) -> None:
    state, content = batches.results(batches.row("a", "answer"), batches.row("", "stray"))
    adapter, _ = batches.scripted(Reply(chunks=[content]))
    async with aclosing(adapter.results(KEY, state)) as results:
        names = [row.custom_id async for row in results]
    assert "a" in names
    assert "" in names


async def test_a_row_that_failed_and_was_answered_is_told_with_both(batches: BatchVendor) -> None:
    came = await read(batches, ("a", "error"), ("a", "answer"), ("a", "error"))
    assert [(row.custom_id, row.failure is None) for row in came] == [("a", False), ("a", True)]


@pytest.mark.parametrize("broken", [(), (httpx.ReadError("reset"),)], ids=["ends", "breaks"])
async def test_results_that_break_off_are_a_failure_and_can_be_read_again(
    batches: BatchVendor, broken: tuple[Chunk, ...]
) -> None:
    state, content = batches.results(batches.row("a", "answer"), batches.row("b", "answer"))
    second = content.index(b'"b"')
    adapter, transport = batches.scripted(Reply(chunks=[content[:second], *broken]), Reply(chunks=[content]))
    stream = adapter.results(KEY, state)
    assert (await next_row(stream)).custom_id == "a"
    if broken or not batches.ends_with_a_line:
        with pytest.raises(Failure) as raised:
            await next_row(stream)
        assert raised.value.retryable is not False
        assert raised.value.kind == "provider_unavailable"
        assert not isinstance(raised.value, OutcomeUnknown)
    await stream.aclose()
    assert transport.closed == 1
    assert [row.custom_id for row in await outcomes(adapter, state)] == ["a", "b"]


async def test_results_that_nobody_reads_on_close_their_connection(batches: BatchVendor) -> None:
    state, content = batches.results(batches.row("a", "answer"), batches.row("b", "answer"))
    second = content.index(b'"b"')
    adapter, transport = batches.scripted(Reply(chunks=[content[:second], asyncio.Event()]))
    stream = adapter.results(KEY, state)
    await anext(stream)
    assert transport.closed == 0
    await stream.aclose()
    assert transport.closed == 1


@pytest.mark.parametrize(
    "answer", [said({}), said([]), said({"object": "batch"})], ids=["{}", "[]", "nameless"]
)
async def test_an_answer_that_is_no_batch_is_a_failure(batches: BatchVendor, answer: Reply) -> None:
    adapter, _ = batches.scripted(answer)
    with pytest.raises(Failure) as raised:
        await adapter.check(KEY, "batch_1")
    assert (raised.value.retryable, raised.value.provider) == (True, batches.provider)


async def test_an_id_cannot_lead_to_another_path(batches: BatchVendor) -> None:
    adapter, transport = batches.scripted(said(batches.batch("batch_1", "done")))
    await adapter.check(KEY, "../files?x")
    url = transport.asked[0].url
    assert "/../" not in url
    assert "?" not in url


async def test_a_cancel_that_is_refused_while_the_batch_runs_is_a_failure(batches: BatchVendor) -> None:
    adapter, _ = batches.scripted(Reply(401), said(batches.batch("batch_1", "running")))
    with pytest.raises(Failure) as raised:
        await adapter.cancel(KEY, "batch_1")
    assert raised.value.kind == "invalid_api_key"
