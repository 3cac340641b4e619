"""API keys: where they are kept, how they are shown, which one is used."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import sys
from pathlib import Path

import pytest

from sidecar.errors import Failure
from sidecar.key_stores import MemoryKeys
from sidecar.key_text import key_mark, mask
from sidecar.keychain import KeyFile, SavedKeys
from sidecar.keys import Keys
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError, SidecarProcess

VARIABLES = {"openai": ("OPENAI_API_KEY",), "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY")}


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("sk-proj-aaaaaaaaaaaaaaaaaaaaaaaaabcd", "sk-…abcd"),
        ("xai-aaaaaaaaaaaaaaaaaaaaaaaaabcd", "xai-…abcd"),
        ("AIzaSyAAAAAAAAAAAAAAAAAAAAAAAAabcd", "AIza…abcd"),
        ("shortkey", "…"),
        ("0123456789abcdef", "…cdef"),
    ],
)
def test_a_key_is_shown_by_its_ends_only(key: str, shown: str) -> None:
    assert mask(key) == shown


async def test_a_saved_key_wins_over_the_environment_and_removing_it_gives_that_one_back() -> None:
    keys = Keys(MemoryKeys({}), {"OPENAI_API_KEY": "sk-environment"}, VARIABLES)
    assert await keys.get("openai") == "sk-environment"
    await keys.save("openai", "  sk-saved \n")
    assert await keys.get("openai") == "sk-saved"
    await keys.save("openai", "")
    assert await keys.get("openai") == "sk-environment"


async def test_each_variable_of_a_vendor_is_looked_at_in_turn() -> None:
    keys = Keys(MemoryKeys({}), {"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "AIza-one"}, VARIABLES)
    assert await keys.get("gemini") == "AIza-one"
    assert await keys.get("openai") is None


@pytest.mark.parametrize("wrong", ["two words", "line\nbreak", "schlüssel", "nul\0"])
async def test_what_can_be_no_key_is_refused_and_the_old_one_stays(wrong: str) -> None:
    keys = Keys(MemoryKeys({"openai": "sk-old"}), {}, {})
    with pytest.raises(Failure, match="API key"):
        await keys.save("openai", wrong)
    assert await keys.get("openai") == "sk-old"


async def test_a_machine_without_a_keychain_keeps_keys_in_a_file_of_its_owner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "folder" / "keys.json"
    saved = SavedKeys(path, open_keychain=lambda: None)
    with caplog.at_level(logging.WARNING):
        await saved.set("openai", "sk-one")
        await saved.set("grok", "xai-two")
        await saved.delete("grok")
        await saved.delete("never-saved")
    saved.close()

    assert json.loads(path.read_text(encoding="utf-8")) == {"openai": "sk-one"}
    assert [record.message for record in caplog.records].count(caplog.records[0].message) == 1
    assert "sk-one" not in caplog.text
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_keys_are_found_again_by_the_next_run(tmp_path: Path) -> None:
    first = SavedKeys(tmp_path / "keys.json", file_only=True)
    await first.set("openai", "sk-one")
    first.close()
    second = SavedKeys(tmp_path / "keys.json", file_only=True)
    assert await second.get("openai") == "sk-one"
    assert await second.get("grok") is None
    second.close()


async def test_a_key_file_that_cannot_be_read_is_said_without_losing_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{broken", encoding="utf-8")
    saved = SavedKeys(path, file_only=True)
    with pytest.raises(Failure) as caught:
        await saved.set("openai", "sk-one")
    saved.close()
    assert caught.value.kind == "storage_error"
    assert "sk-one" not in caught.value.message
    assert path.read_text(encoding="utf-8") == "{broken"


async def test_a_keychain_that_keeps_nothing_is_told_when_the_key_is_saved() -> None:
    class Losing(MemoryKeys):
        async def set(self, provider: str, key: str) -> None:
            """Says nothing, and keeps nothing."""

    keys = Keys(Losing({}), {}, {})
    with pytest.raises(Failure, match="did not keep it"):
        await keys.save("openai", "sk-precious")
    assert await keys.get("openai") is None


class LockedKeychain:
    """A keychain that the person has not unlocked."""

    def get(self, provider: str) -> str | None:
        raise RuntimeError("locked: sk-hidden-in-the-message")

    def set(self, provider: str, key: str) -> None:
        raise RuntimeError(f"locked: {key}")

    def delete(self, provider: str) -> None:
        raise RuntimeError("locked")


async def test_a_keychain_that_refuses_is_told_in_a_sentence_without_the_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved = SavedKeys(tmp_path / "keys.json", open_keychain=LockedKeychain)
    with pytest.raises(Failure, match="keychain") as caught:
        await saved.set("openai", "sk-precious")
    saved.close()
    assert caught.value.kind == "storage_error"
    assert "sk-precious" not in caplog.text


def test_a_mark_knows_its_key_again_and_is_far_too_short_to_hold_it() -> None:
    first, second = key_mark("sk-one", "part-1"), key_mark("sk-two", "part-1")
    assert first == key_mark("sk-one", "part-1")
    assert first != second
    # The same key has another mark elsewhere, so that two things do not tell that they share it.
    assert first != key_mark("sk-one", "part-2")
    assert len(first) == 6


def test_replacing_a_key_leaves_no_second_file(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    file.set("openai", "sk-one")
    file.set("openai", "sk-two")
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("content", [b'{"openai": "sk-', b"[]", b"\xff\xfe"])
async def test_a_key_file_that_is_damaged_is_named_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    saved = SavedKeys(path, file_only=True)
    with pytest.raises(Failure, match=r"keys\.json in the data folder"):
        await saved.get("openai")
    with pytest.raises(Failure, match="Move it away"):
        await saved.set("openai", "sk-new")
    saved.close()
    assert path.read_bytes() == content


HANGING_KEYCHAIN = """
import threading
from keyring.backend import KeyringBackend

class Hanging(KeyringBackend):
    priority = 10

    def get_password(self, service, name):
        print("asking for the password", flush=True)
        threading.Event().wait()

    set_password = delete_password = get_password
"""


async def test_a_keychain_that_waits_for_a_password_does_not_keep_the_process_from_ending(
    tmp_path: Path,
) -> None:
    (tmp_path / "hanging.py").write_text(HANGING_KEYCHAIN, "utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if name != "ABAI_KEY_STORE"},
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)]),
        "PYTHON_KEYRING_BACKEND": "hanging.Hanging",
    }
    command = [sys.executable, "-m", "sidecar", "serve", "--data-dir", str(tmp_path / "data")]
    async with SidecarProcess(command, env=environment) as sidecar:
        asking = sidecar.start_call("settings:load", {"key": "allKeys"})
        await sidecar.logged("asking for the password")
        sidecar.notify("$/cancelRequest", {"id": asking.id})
        with pytest.raises(RpcError, match="cancelled"):
            await sidecar.result(asking)
        sidecar.close_stdin()
        assert await sidecar.wait() == 0


async def test_the_keychain_is_asked_once_however_many_wait_for_it() -> None:
    class Counting(MemoryKeys):
        asked = 0

        async def get(self, provider: str) -> str | None:
            self.asked += 1
            await asyncio.sleep(0)
            return "sk-one"

    store = Counting({})
    keys = Keys(store, {}, {})
    assert await asyncio.gather(*(keys.get("openai") for _ in range(1000))) == ["sk-one"] * 1000
    assert store.asked == 1


async def test_a_key_that_the_keychain_gives_late_is_used_from_then_on() -> None:
    unlocked = asyncio.Event()

    class Slow(MemoryKeys):
        async def get(self, provider: str) -> str | None:
            await unlocked.wait()
            return "sk-saved"

    keys = Keys(Slow({}), {"OPENAI_API_KEY": "sk-environment"}, VARIABLES, short_patience=0.01)
    assert await keys.get("openai") == "sk-environment"
    unlocked.set()
    await asyncio.sleep(0)
    assert await keys.get("openai") == "sk-saved"


async def test_a_partial_file_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine", "utf-8")
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("keys.partial", "keys.json.partial"):
        (folder / name).symlink_to(precious)
    KeyFile(folder / "keys.json").set("openai", "sk-one")
    assert precious.read_text("utf-8") == "mine"
    assert KeyFile(folder / "keys.json").get("openai") == "sk-one"


async def test_what_a_kill_left_of_a_key_file_is_cleared_by_the_next_change(tmp_path: Path) -> None:
    (tmp_path / "keys.abc.partial").write_text('{"openai": "sk-', "utf-8")
    KeyFile(tmp_path / "keys.json").set("openai", "sk-one")
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


async def test_the_first_question_beside_a_silent_keychain_waits_for_it_once() -> None:
    class Silent(MemoryKeys):
        async def get(self, provider: str) -> str | None:
            await asyncio.get_running_loop().create_future()
            return None

    patience = 1.2
    keys = Keys(Silent({}), {"OPENAI_API_KEY": "sk-environment"}, VARIABLES, short_patience=patience)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await keys.get("openai") == "sk-environment"
    # Whoever answers may quote any of them.
    await keys.ahead.known()
    assert loop.time() - begun < 1.8 * patience
