"""Keys that an earlier run saved are hidden before this run has used any of them."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.field import sweep, taint
from tests.field.hostile import Answer, serving, whole
from tests.field.lab import MODEL, SILENT, batch_rows, own_models, refused, sidecar

KEY = "k7f3Qz9+LmW2p/Xr8TnB5vYc1HdJ4sGa6=="
ADMIN = "a4Rt8Zq1+VbN6m/Ks3WyE9uPd7FhC2xJ5g=="
DEBUG = ("--log-level", "debug")
# A keychain that gives one key, and says in the log each time that it is asked.
COUNTED = f"""
def get_password(self, service, name, *password):
    print("the keychain was asked for", name, flush=True)
    return {{"anthropic": "{KEY}", "openai-admin": "{ADMIN}"}}.get(name)
set_password = delete_password = get_password
"""
# One whose person says no.
REFUSING = """
def get_password(self, service, name, *password):
    print("the keychain was asked for", name, flush=True)
    raise RuntimeError("the person said no")
set_password = delete_password = get_password
"""
# One that hangs at the key of another vendor, and has those of the rest.
ONE_HANGS = f"""
def get_password(self, service, name, *password):
    if name == "openai":
        threading.Event().wait()
    return {{"anthropic": "{KEY}", "openai-admin": "{ADMIN}"}}.get(name)
set_password = delete_password = get_password
"""


def quoting(words: str) -> Answer:
    return whole({"error": {"message": words, "type": "invalid_request_error"}}, 400)


def saved_before(folder: Path) -> None:
    """What an earlier run left in a machine without a keychain."""
    folder.mkdir()
    file = folder / "keys.json"
    file.write_text(json.dumps({"anthropic": KEY, "openai-admin": ADMIN}), "utf-8")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)


async def test_a_server_that_quotes_the_keys_of_an_earlier_run_before_they_were_used(tmp_path: Path) -> None:
    data = tmp_path / "data"
    saved_before(data)
    async with (
        serving(quoting(f"I know {KEY} and {ADMIN}.")) as server,
        sidecar(data, *DEBUG, models=own_models(server.url)) as process,
    ):
        assert "I know" in (await refused(process, conversationId="c")).message
        await batch_rows(process, {"prompt": "Why?", "model": MODEL})
        await sweep.check_everywhere(process, data, KEY, ADMIN)


async def test_a_key_that_was_just_saved_and_not_used_is_quoted_by_another_server(tmp_path: Path) -> None:
    async with (
        serving(quoting("No."), quoting(f"I know {KEY}.")) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url)) as process,
    ):
        await refused(process)
        await process.call("settings:save", {"key": "apiKey", "provider": "anthropic", "value": KEY})
        assert "I know" in (await refused(process)).message
        taint.check(process, tmp_path / "nothing", KEY)


async def test_a_recording_hides_a_key_of_an_earlier_run_in_the_very_first_words(tmp_path: Path) -> None:
    data, recording = tmp_path / "data", tmp_path / "recording.jsonl"
    saved_before(data)
    async with sidecar(data, "--record", str(recording)) as process:
        await process.call("project:create", {"name": f"About {KEY}"})
        process.close_stdin()
        assert await process.wait() == 0
    assert b"About" in recording.read_bytes()
    assert taint.leaks(recording.read_bytes(), KEY) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a keychain of the test's own")
async def test_each_entry_of_the_keychain_is_asked_for_once_and_none_before_anybody_is_called(
    tmp_path: Path,
) -> None:
    async with (
        serving(quoting(f"I know {KEY} and {ADMIN}.")) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), keychain=COUNTED) as process,
    ):
        await process.call("project:list")
        assert not asked_for(process.stderr)
        for _ in range(2):
            assert "I know" in (await refused(process)).message
        await process.call("settings:load", {"key": "allKeys"})
        taint.check(process, tmp_path / "nothing", KEY, ADMIN)
        names = asked_for(process.stderr)
        assert {"anthropic", "openai-admin"} <= set(names)
        assert len(names) == len(set(names)), names


async def test_a_person_who_says_no_to_the_keychain_is_not_asked_for_every_other_key(tmp_path: Path) -> None:
    async with (
        serving(quoting("No.")) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), keychain=REFUSING) as process,
    ):
        for _ in range(3):
            assert "No." in (await refused(process)).message
        # Once for what is asked itself, each time, and for two of the others at most.
        assert len([name for name in asked_for(process.stderr) if name != "lab"]) <= 2


async def test_one_key_whose_keychain_entry_hangs_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    async with (
        serving(quoting(f"I know {KEY} and {ADMIN}.")) as server,
        sidecar(tmp_path, *DEBUG, models=own_models(server.url), keychain=ONE_HANGS, deadline=15) as process,
    ):
        assert "I know" in (await refused(process)).message
        taint.check(process, tmp_path / "nothing", KEY, ADMIN)


async def test_a_keychain_that_never_answers_delays_the_first_question_only(tmp_path: Path) -> None:
    async with (
        serving(quoting("No.")) as server,
        sidecar(tmp_path, models=own_models(server.url), keychain=SILENT, deadline=10) as process,
    ):
        for _ in range(2):
            assert "No." in (await refused(process)).message
        process.close_stdin()
        assert await process.wait() == 0


def asked_for(lines: Iterable[str]) -> list[str]:
    return [line.rpartition(" ")[2] for line in lines if "the keychain was asked for" in line]
