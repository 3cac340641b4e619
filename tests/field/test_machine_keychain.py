"""Keychains that are locked, silent, or keep nothing, beside the real process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import chat_chunks, claude_events, serving, stream
from tests.field.lab import (
    KEY,
    SILENT,
    ask,
    batch_rows,
    own_models,
    project,
    refused,
    sidecar,
    vendor_environment,
)
from tests.helpers.process import RpcError

LOCKED = """
def get_password(self, service, name, *password):
    raise RuntimeError("the keychain is locked")
set_password = delete_password = get_password
"""
KEEPS_NOTHING = """
def get_password(self, service, name, *password):
    return None
def set_password(self, service, name, password):
    pass
delete_password = get_password
"""
# The entry of one vendor does not answer; that of another is there.
ONE_SILENT = """
def get_password(self, service, name, *password):
    if name == "openai":
        threading.Event().wait()
    return "k-from-the-keychain-1" if name == "anthropic" else None
set_password = delete_password = get_password
"""

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


@field("machine", "locked (every call raises): a server that needs no key")
@field("machine", "hanging (no call returns): the same two")
@pytest.mark.parametrize("keychain", [LOCKED, SILENT], ids=["locked", "silent"])
async def test_a_server_that_needs_no_key_is_asked_whatever_the_keychain_does(
    keychain: str, tmp_path: Path
) -> None:
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path, models=own_models(server.url), keychain=keychain, deadline=10) as process,
    ):
        assert (await ask(process))["answer"] == "Good morning"
        assert [
            row["response"] for row in await batch_rows(process, {"prompt": "Why?", "model": "lab/m"})
        ] == ["Good morning"]


@field("machine", "locked: OpenAI, its key in the environment")
@field("machine", "hanging (no call returns): the same two")
@pytest.mark.parametrize("keychain", [LOCKED, SILENT], ids=["locked", "silent"])
async def test_a_key_in_the_environment_is_used_whatever_the_keychain_does(
    keychain: str, tmp_path: Path
) -> None:
    async with (
        serving(GOOD) as server,
        sidecar(
            tmp_path, environment=vendor_environment(server.url, "openai"), keychain=keychain, deadline=10
        ) as process,
    ):
        assert (await ask(process, model="openai/gpt-6-sol"))["answer"] == "Good morning"
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


@field("machine", "hanging: `settings:load allKeys`")
@pytest.mark.parametrize("keychain", [LOCKED, SILENT], ids=["locked", "silent"])
async def test_the_page_of_keys_opens_beside_a_keychain_that_does_not_answer(
    keychain: str, tmp_path: Path
) -> None:
    environment = vendor_environment("http://127.0.0.1:9", "openai")
    async with sidecar(tmp_path, environment=environment, keychain=keychain, deadline=8) as process:
        states = await process.call("settings:load", {"key": "allKeys"})
    assert states["openai"] == {"configured": True}
    assert states["anthropic"]["configured"] is False
    assert "keychain" in states["anthropic"]["problem"]


@field("machine", "keeps nothing (saving succeeds, reading gives none)")
async def test_a_key_that_the_keychain_did_not_keep_is_told(tmp_path: Path) -> None:
    async with sidecar(tmp_path, keychain=KEEPS_NOTHING) as process:
        with pytest.raises(RpcError, match="did not keep it"):
            await process.call("settings:save", {"key": "apiKey", "provider": "openai", "value": KEY})
        assert await process.call("settings:load", {"key": "apiKey", "provider": "openai"}) is None


@field("trust", "saving a key → a sentence within 20 s")
@field("trust", "`batch:submit` with the key in the environment")
async def test_saving_beside_a_silent_keychain_ends_with_a_sentence_and_a_batch_goes_on(
    tmp_path: Path,
) -> None:
    environment = vendor_environment("http://127.0.0.1:9", "openai")
    async with sidecar(tmp_path, environment=environment, keychain=SILENT) as process:
        saving = process.start_call("settings:save", {"key": "apiKey", "provider": "grok", "value": KEY})
        rows = [{"prompt": "Why?", "model": "openai/gpt-6-sol"}]
        assert (await process.call("batch:submit", {"projectId": await project(process), "rows": rows}))["id"]
        with pytest.raises(RpcError, match="keychain does not answer") as caught:
            await process.result(saving)
    assert KEY not in json.dumps([str(caught.value), caught.value.data])


@field("trust", "the entry of one vendor does not answer")
async def test_an_entry_that_hangs_is_not_in_the_way_of_another_vendor(tmp_path: Path) -> None:
    async with serving(stream(*claude_events("Good morning"))) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url, "OPENAI_BASE_URL": server.url + "/v1"}
        async with sidecar(tmp_path, environment=environment, keychain=ONE_SILENT) as process:
            silent = asyncio.ensure_future(refused(process, model="openai/gpt-6-sol"))
            assert (await ask(process, model="anthropic/claude-sonnet-5"))["answer"] == "Good morning"
            assert server.asked[0].headers["x-api-key"] == "k-from-the-keychain-1"
            assert "keychain does not answer" in str(await silent)


@field("trust", "`keys.partial` is a link to another file")
async def test_saving_a_key_writes_through_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine", encoding="utf-8")
    data = tmp_path / "data"
    data.mkdir()
    for name in ("keys.partial", "keys.json.partial"):
        (data / name).symlink_to(precious)
    async with sidecar(data) as process:
        await process.call("settings:save", {"key": "apiKey", "provider": "openai", "value": KEY})
        assert await process.call("settings:load", {"key": "apiKey", "provider": "openai"}) is not None
    assert precious.read_text(encoding="utf-8") == "mine"
    assert (data / "keys.json").stat().st_mode & 0o777 == 0o600


# What it gives for each vendor is no key: another program's words, bytes, the wish to end the program.
ODD = """
def get_password(self, service, name, *password):
    if name == "grok":
        raise SystemExit(3)
    return {"openai": "not a key at all", "anthropic": b" k-in-bytes-0123456789 "}.get(name)
set_password = delete_password = get_password
"""


@field("machine", "holds what is no key, or ends its program")
async def test_what_the_keychain_holds_and_is_no_key_is_told_and_in_nobody_s_way(tmp_path: Path) -> None:
    async with serving(stream(*claude_events("Good morning"))) as server:
        environment = {"ANTHROPIC_BASE_URL": server.url, "XAI_BASE_URL": server.url + "/v1"}
        async with sidecar(tmp_path, environment=environment, keychain=ODD) as process:
            error = await refused(process, model="openai/gpt-6-sol")
            assert error.data["kind"] == "invalid_api_key"
            assert "What is saved as the API key for openai is none" in error.message
            assert "keychain" in (await refused(process, model="grok/grok-4.5")).message
            assert (await ask(process, model="anthropic/claude-sonnet-5"))["answer"] == "Good morning"
        assert server.asked[0].headers["x-api-key"] == "k-in-bytes-0123456789"
    async with serving(GOOD) as server:
        environment = vendor_environment(server.url, "openai")
        async with sidecar(tmp_path, environment=environment, keychain=ODD) as process:
            assert (await ask(process, model="openai/gpt-6-sol"))["answer"] == "Good morning"
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
