from __future__ import annotations

from collections.abc import AsyncGenerator

from sidecar.providers.batches import BatchResult
from sidecar.providers.kernel import known_ids
from sidecar.providers.kernel.batch_rows import read_rows
from sidecar.providers.kernel.known_ids import KnownIds

STRANGE = known_ids.MOST_IDS + 1_000


async def lines() -> AsyncGenerator[bytes, None]:
    yield b'{"custom_id": "ours"}'
    for number in range(STRANGE):
        yield b'{"custom_id": "a%d"}' % number
    yield b'{"custom_id": "ours"}'


async def test_a_results_file_of_rows_that_nobody_asked_for_is_remembered_only_so_far_and_ours_are_told_once() -> (
    None
):
    known, ours, all_ = KnownIds(), 0, 0
    async for came in read_rows(
        lines(), lambda value: BatchResult(str(value["custom_id"]), "Hi"), "b1", known
    ):
        all_ += 1
        ours += came.custom_id == "ours"
    assert len(known) == known_ids.MOST_IDS
    assert (ours, all_) == (1, STRANGE + 1)


def test_long_ids_are_remembered_only_as_far_as_there_is_room_for_their_letters() -> None:
    known, letters = KnownIds(), 1_000
    for number in range(2 * known_ids.MOST_LETTERS // letters):
        known.add(f"{number:0{letters}}")
    assert len(known) == known_ids.MOST_LETTERS // letters
