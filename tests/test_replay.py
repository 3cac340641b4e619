"""Every recording, against the server inside this process and against the real process in both framings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.inside import inside
from tests.helpers.sidecar import mock_sidecar
from tests.helpers.wire import Framing
from tests.replay_tools.play import play
from tests.replay_tools.recording import data_folder, read
from tests.replay_tools.scripts import scripts

FOLDER = Path(__file__).parent / "replay"
FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_server_inside_this_process_answers_as_recorded(file: Path, tmp_path: Path) -> None:
    recording = read(file)
    async with inside(data_folder(tmp_path), day=recording.day) as wire:
        await play(recording, wire, tmp_path)


@pytest.mark.parametrize("framing", ["newline", "headers"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_real_process_answers_as_recorded(file: Path, framing: Framing, tmp_path: Path) -> None:
    recording = read(file)
    async with mock_sidecar(data_folder(tmp_path), day=recording.day, framing=framing) as wire:
        await play(recording, wire, tmp_path)


def test_every_recording_can_be_recorded_again() -> None:
    assert {file.stem for file in FILES} == set(scripts())
