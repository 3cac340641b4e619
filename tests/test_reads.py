"""Which methods only read is said in the contract, and the recordings show whether it is so.

What they answer is held against the contract, and they are asked once more where the database had to be set right.
"""

from __future__ import annotations

from pathlib import Path

from sidecar.contract.methods import METHODS
from tests.helpers.inside import inside
from tests.replay_tools.play import play
from tests.replay_tools.recording import data_folder, read

FILES = sorted((Path(__file__).parent / "replay").glob("*.jsonl"))
# They write nothing into the database in their recordings, and are not asked again all the same.
NOT_AGAIN = {
    "initialize": "the app waits for it before all else, and it reads nothing but ids",
    "work:attach": "it has told its pieces before it is answered",
    "batch:export": "it writes a file of the person's",
    "batch:report": "it writes a file of the person's",
    "cost:reconcile": "it asks a vendor for its whole bill",
}
# They write, and the same once more.
THE_SAME_AGAIN = {
    "batch:get-status": "how far the vendor says that it is, is kept",
    "jobqueue:load-state": "it is read by the writer, in its turn",
}


async def test_what_only_reads_in_its_recordings_is_said_to_in_the_contract(tmp_path: Path) -> None:
    reading: set[str] = set()
    writing: set[str] = set()
    for number, file in enumerate(FILES):
        recording, folder = read(file), tmp_path / str(number)
        folder.mkdir()
        async with inside(data_folder(folder), day=recording.day) as wire:
            await play(recording, wire, folder)
        reading |= wire.store.reading
        writing |= wire.store.writing
    said = {method.name for method in METHODS if method.reads}
    assert reading - writing - said == NOT_AGAIN.keys()
    assert said & writing == THE_SAME_AGAIN.keys()
