"""A batch after something went wrong: found again, certainly not there, or in doubt. Never a second one."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import httpx
import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.batches import KEY, billed, finished, outcomes, submit, uploaded
from tests.helpers.scripted import Reply, Step
from tests.helpers.simulated import simulator
from tests.providers.conformance.batch_vendor import BatchVendor, Way, said

both_ways = pytest.mark.parametrize("way", get_args(Way))
OTHERS = 205


@both_ways
async def test_a_create_whose_answer_was_lost_is_found_again(batches: BatchVendor, way: Way) -> None:
    sim = simulator()
    async with batches.reached(sim, way) as adapter:
        part = await uploaded(adapter, batches.part(batches.rows(4, orders="create_cut=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert found.state is not None
        assert found.certain
        # The id of what was uploaded may be lost as well.
        again = await adapter.find(KEY, replace(part, input_file_id=None))
        assert again.state is not None
        assert again.state.native_id == found.state.native_id
        came = await outcomes(adapter, await finished(adapter, found.state.native_id))
    assert len(came) == 4
    (bill,) = billed(sim)
    assert (bill["creates"], bill["tag"], bill["id"]) == (1, "part-1", found.state.native_id)
    assert bill["customIds"] == [f"row-{number}" for number in range(4)]


@both_ways
async def test_a_create_that_never_arrived_is_certainly_absent_and_can_be_sent_again(
    batches: BatchVendor, way: Way
) -> None:
    sim = simulator()
    async with batches.reached(sim, way) as adapter:
        part = await uploaded(adapter, batches.part(batches.rows(4, orders="create_lost=1")))
        with pytest.raises(OutcomeUnknown):
            await adapter.create(KEY, part)
        found = await adapter.find(KEY, part)
        assert (found.state, found.certain) == (None, True)
        made = await adapter.create(KEY, part)
        await finished(adapter, made.native_id)
        found = await adapter.find(KEY, part)
        assert found.state is not None
        assert found.state.native_id == made.native_id
    assert [bill["creates"] for bill in billed(sim)] == [1]


@pytest.mark.parametrize("ended", [False, True], ids=["while it runs", "when it has ended"])
async def test_another_batch_of_as_many_rows_is_not_taken_for_ours(batches: BatchVendor, ended: bool) -> None:
    adapter = batches.on(simulator())
    other = await submit(adapter, batches.part(batches.rows(2, "other"), tag="part-2"))
    if ended:
        await finished(adapter, other.native_id)
    ours = await uploaded(adapter, batches.part(batches.rows(2, "ours")))
    found = await adapter.find(KEY, ours)
    assert found.state is None
    assert found.certain or not ended


async def test_a_batch_that_is_another_parts_leaves_no_doubt(batches: BatchVendor) -> None:
    adapter = batches.on(simulator())
    other = await submit(adapter, batches.part(batches.rows(2, "other"), tag="part-2"))
    ours = await uploaded(adapter, batches.part(batches.rows(2, "ours")))
    found = await adapter.find(KEY, replace(ours, others=frozenset({other.native_id})))
    assert (found.state, found.certain) == (None, True)


async def test_a_part_that_was_never_uploaded_has_certainly_no_batch(batches: BatchVendor) -> None:
    found = await batches.on(simulator()).find(KEY, batches.part(batches.rows(2)))
    assert (found.state, found.certain) == (None, True)


async def test_a_batch_is_found_behind_two_hundred_others(batches: BatchVendor) -> None:
    adapter = batches.on(simulator())
    part = await uploaded(adapter, batches.part(batches.rows(2)))
    made = await adapter.create(KEY, part)
    await finished(adapter, made.native_id)
    for number in range(OTHERS):
        # Where the list holds the answers of each, it is long.
        other = await submit(adapter, batches.part(batches.rows(1, f"other{number}"), tag="other"))
        await finished(adapter, other.native_id)
    for looked_for in (part, replace(part, input_file_id=None)):
        found = await adapter.find(KEY, looked_for)
        assert found.state is not None
        assert found.state.native_id == made.native_id


async def test_absence_is_not_certain_where_the_key_does_not_see_what_was_uploaded(
    batches: BatchVendor,
) -> None:
    adapter = batches.on(simulator())
    found = await adapter.find(KEY, batches.part(batches.rows(2), input_file_id=batches.foreign_file))
    assert (found.state, found.certain) == (None, False)
    assert "key" in found.note


@pytest.mark.parametrize(
    "step",
    [
        *(Reply(status) for status in (408, 500, 502, 504, 529)),
        Reply(503, {"retry-after": "0"}),
        httpx.ReadTimeout("silence"),
        httpx.ReadError("reset"),
    ],
    ids=repr,
)
async def test_a_create_that_may_have_happened_is_said_to_and_is_sent_once(
    batches: BatchVendor, step: Step
) -> None:
    adapter, transport = batches.scripted(step)
    with pytest.raises(OutcomeUnknown) as raised:
        await adapter.create(KEY, batches.lone)
    assert raised.value.provider == batches.provider
    assert len(transport.asked) == 1


@pytest.mark.parametrize(
    "step",
    [Reply(chunks=[b'{"id": "ba', httpx.ReadError("reset")]), Reply(chunks=[b"<html>"]), said({}), said([])],
    ids=["cut", "a page", "an object", "a list"],
)
async def test_a_create_whose_answer_makes_no_sense_may_have_happened(
    batches: BatchVendor, step: Step
) -> None:
    adapter, transport = batches.scripted(step)
    with pytest.raises(OutcomeUnknown) as raised:
        await adapter.create(KEY, batches.lone)
    assert raised.value.provider == batches.provider
    assert len(transport.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_a_create_that_was_refused_certainly_did_not_happen(batches: BatchVendor, status: int) -> None:
    adapter, transport = batches.scripted(Reply(status))
    with pytest.raises(Failure) as raised:
        await adapter.create(KEY, batches.lone)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert len(transport.asked) == 1


@pytest.mark.parametrize(
    "first", [Reply(429), httpx.ConnectError("refused")], ids=["limited", "no connection"]
)
async def test_a_create_that_certainly_did_not_happen_is_sent_again_whole(
    batches: BatchVendor, first: Step
) -> None:
    adapter, transport = batches.scripted(first, batches.created())
    assert (await adapter.create(KEY, batches.lone)).native_id.endswith("batch_1")
    one, two = transport.asked
    assert one == two
    assert int(one.headers["content-length"]) > 0


@pytest.mark.parametrize(
    "step", [httpx.ReadError("reset"), said({}), said([])], ids=["cut", "an object", "a list"]
)
async def test_an_upload_that_is_not_confirmed_has_run_nothing(batches: BatchVendor, step: Step) -> None:
    adapter, _ = batches.scripted(step)
    with pytest.raises(Failure) as raised:
        await adapter.upload(KEY, replace(batches.lone, input_file_id=None))
    assert not isinstance(raised.value, OutcomeUnknown)
    assert raised.value.retryable
    assert "try again" in raised.value.message


async def test_a_list_that_turns_in_circles_proves_nothing(batches: BatchVendor) -> None:
    page = said(batches.page(batches.batch("other", "done", "other"), more=True))
    adapter, _ = batches.scripted(page, page, page)
    with pytest.raises(Failure, match="no end"):
        await adapter.find(KEY, replace(batches.lone, input_file_id=None))


@pytest.mark.parametrize(
    "step",
    [
        Reply(chunks=[b"<html>"]),
        Reply(chunks=[b'{"data": [{}, ']),
        Reply(chunks=[b"{", httpx.ReadError("reset")]),
    ],
    ids=["a page", "half", "cut"],
)
async def test_a_list_that_cannot_be_read_proves_nothing(batches: BatchVendor, step: Step) -> None:
    adapter, _ = batches.scripted(step)
    with pytest.raises(Failure) as raised:
        await adapter.find(KEY, replace(batches.lone, input_file_id=None))
    assert raised.value.provider == batches.provider


async def test_a_list_that_is_not_there_proves_nothing_and_is_not_said_to_be_a_model(
    batches: BatchVendor,
) -> None:
    adapter, _ = batches.scripted(Reply(404))
    with pytest.raises(Failure) as raised:
        await adapter.find(KEY, replace(batches.lone, input_file_id=None))
    assert raised.value.status == 404
    assert "model" not in raised.value.message


async def test_a_batch_is_found_among_what_is_none(batches: BatchVendor) -> None:
    listed = [None, 7, {}, "batch", batches.batch("ours", "running"), []]
    adapter, _ = batches.scripted(said(batches.page(*listed)))
    found = await adapter.find(KEY, replace(batches.lone, input_file_id=None))
    assert found.state is not None
    assert found.state.native_id.endswith("ours")


async def test_of_several_batches_of_a_part_the_one_that_did_not_fail_is_ours(batches: BatchVendor) -> None:
    listed = [batches.batch("b2", "failed"), batches.batch("b1", "running")]
    adapter, _ = batches.scripted(said(batches.page(*listed)))
    found = await adapter.find(KEY, batches.lone)
    assert found.state is not None
    assert found.state.native_id.endswith("b1")
    assert "2 batches" in found.note
    # What has ended is nothing to stop.
    assert found.others == ()


async def test_of_several_batches_of_a_part_that_run_those_that_are_not_ours_are_told(
    batches: BatchVendor,
) -> None:
    listed = [batches.batch("b2", "running"), batches.batch("b1", "running")]
    adapter, _ = batches.scripted(said(batches.page(*listed)))
    found = await adapter.find(KEY, batches.lone)
    assert found.state is not None
    assert [found.state.native_id[-2:], *(each[-2:] for each in found.others)] == ["b2", "b1"]
