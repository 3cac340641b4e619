from __future__ import annotations

import json
import logging
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sidecar.recorder.reading import read_sessions
from sidecar.recorder.recorder import Recorder
from sidecar.recorder.redaction import Redaction

ABOUT = {"title": "A test.", "day": "2026-11-23", "recorded": 1}


def recorder(path: Path, **options: Any) -> Recorder:
    return Recorder(path, Redaction(), ABOUT, **options)


def entries(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def request(number: int, text: str = "") -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "project:list", "params": text}).encode()


def test_what_crossed_is_in_the_file_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "new" / "session.jsonl"
    made = recorder(file)
    made.arrived(request(1))
    made.sent(b'{"jsonrpc": "2.0", "id": 1, "result": []}')
    made.arrived(None)
    made.close()
    about, asked, answered, eof, end = entries(file)
    assert about["meta"] == ABOUT
    assert asked[">"]["id"] == answered["<"]["id"] == 1
    assert 0 <= asked["at"] <= answered["at"] <= eof["meta"]["eof"]["at"] <= end["meta"]["end"]["at"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of this kind")
def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = recorder(tmp_path / "session.jsonl")
    made.close()
    assert stat.S_IMODE((tmp_path / "session.jsonl").stat().st_mode) == 0o600


def test_a_second_run_is_a_second_session_and_a_torn_line_is_no_line(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    first = recorder(file)
    first.arrived(request(1))
    first.close()
    with file.open("ab") as torn:
        torn.write(b'{">": {"jsonrpc": "2.0", "id": 2')
    second = recorder(file)
    second.arrived(request(3))
    second.close()
    sessions = read_sessions(file.name, file.read_text(encoding="utf-8"))
    assert [[step.message["id"] for step in each.steps] for each in sessions] == [[1], [3]]


def test_a_file_that_is_full_says_so_and_grows_no_further(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "session.jsonl"
    made = recorder(file, max_bytes=5_000)
    with caplog.at_level(logging.WARNING):
        for number in range(100):
            made.arrived(request(number, "x" * 100))
        made.close()
    assert file.stat().st_size <= 5_000
    assert "stopped" in entries(file)[-1]["meta"]
    assert [record.message for record in caplog.records if "limit of 5000 bytes" in record.message]


def test_a_file_that_cannot_be_written_ends_the_recording_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made = recorder(tmp_path)
        made.arrived(request(1))
        made.close()
    assert "cannot be written" in caplog.text


def test_a_slow_disk_costs_messages_and_no_memory(tmp_path: Path) -> None:
    released = threading.Event()

    class Slow(Redaction):
        def request(self, message: Any) -> Any:
            assert released.wait(20)
            return super().request(message)

    file = tmp_path / "session.jsonl"
    made = Recorder(file, Slow(), ABOUT, max_waiting_bytes=500)
    for number in range(100):
        made.arrived(request(number, "x" * 100))
    released.set()
    made.close()
    kept = [entry[">"]["id"] for entry in entries(file) if ">" in entry]
    lost = sum(entry["meta"].get("lost", 0) for entry in entries(file) if "meta" in entry)
    assert 0 < len(kept) < 10
    assert kept == list(range(len(kept)))
    assert len(kept) + lost == 100


def test_a_key_that_was_read_is_hidden_and_said_to_be_there(tmp_path: Path) -> None:
    made = recorder(tmp_path / "session.jsonl")
    made.key_known("openai", "plain.word.secret")
    made.sent(b'{"jsonrpc": "2.0", "id": 1, "result": "plain.word.secret"}')
    made.close()
    text = (tmp_path / "session.jsonl").read_text(encoding="utf-8")
    assert "plain.word.secret" not in text
    [session] = read_sessions("session", text)
    assert session.saved_keys == ["openai"]
