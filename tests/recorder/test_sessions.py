"""What a person did with the real process, recorded, and done again by `abai-sidecar replay`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.process import SidecarProcess
from tests.helpers.sidecar import command, quiet_environment

KEY = "sk-Zq7x9Kd2Wv5Tn8Rb3Mf6-Hy4cLs6gPe1-Jt8m"
MODEL = "openai/gpt-6-luna"
NATIVE = {
    "openai": MODEL,
    "anthropic": "anthropic/claude-sonnet-5-5",
    "gemini": "gemini/gemini-3.8-flash",
    "grok": "grok/grok-4.3",
}


@asynccontextmanager
async def recorded(file: Path) -> AsyncIterator[SidecarProcess]:
    """A simulated sidecar that records; at the end of the block its input ends."""
    flags = ["--mock", "--mock-pace-ms", "0", "--batch-poll-seconds", "0.1", "--record", str(file)]
    given = command(file.parent / "data", *flags)
    async with SidecarProcess(given, env=quiet_environment()) as sidecar:
        yield sidecar
        sidecar.close_stdin()
        assert await sidecar.wait() == 0


async def replayed(file: Path) -> str:
    """What `abai-sidecar replay` says of it; it must find nothing different."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "sidecar", "replay", str(file)],
        stdout=asyncio.subprocess.PIPE,
        env=quiet_environment(),
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def ended(sidecar: SidecarProcess) -> dict[str, Any]:
    """The progress of the job that ends first."""
    while True:
        told: dict[str, Any] = await sidecar.notification("batch:progress")
        if told["status"] != "processing":
            return told


async def test_a_session_of_questions_failures_and_a_saved_key_is_the_same_again(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    async with recorded(file) as sidecar:
        await sidecar.call("settings:save", {"key": "apiKey", "provider": "openai", "value": KEY})
        question = {"conversationId": "null", "content": "What is a good key?", "modelId": MODEL}
        streamed = {**question, "content": "And now?", "partialResultToken": 1}
        for asked in (question, {**streamed, "options": {"enableStreaming": True}}):
            assert (await sidecar.call("chat:send", asked))["answer"]
        models = [MODEL, NATIVE["anthropic"], "openai/nobody"]
        compared = await sidecar.call("chat:compare", {"content": "Why?", "modelIds": models})
        assert [("reply" in each, "error" in each) for each in compared["replies"]] == [
            (True, False),
            (True, False),
            (False, True),
        ]
        project = await sidecar.call("project:create", {"name": "Recorded"})
        rows = [{"prompt": f"Reply with exactly: {n}", "model": MODEL} for n in range(3)]
        await sidecar.call("batch:submit", {"projectId": project["id"], "rows": rows, "start": True})
        await ended(sidecar)
    assert KEY not in file.read_text(encoding="utf-8")
    assert "all as recorded" in await replayed(file)


async def test_a_key_that_a_model_spells_out_piece_by_piece_is_in_no_recording(tmp_path: Path) -> None:
    """The person who pastes the key into the question, and sends the recording in."""
    file = tmp_path / "session.jsonl"
    async with recorded(file) as sidecar:
        await sidecar.call("settings:save", {"key": "apiKey", "provider": "openai", "value": KEY})
        question = {"conversationId": "c", "content": f"Is {KEY} a good key?", "modelId": MODEL}
        told = {**question, "partialResultToken": 1, "options": {"enableStreaming": True}}
        assert KEY in (await sidecar.call("chat:send", told))["answer"]
        # The model sees it again with the history.
        await sidecar.call("chat:send", {**told, "content": "Why?"})
    text = file.read_text(encoding="utf-8")
    assert '"method": "$/progress"' in text
    # Not a fragment of it, however it was cut.
    assert [KEY[at : at + 5] for at in range(3, len(KEY) - 4) if KEY[at : at + 5] in text] == []


@pytest.mark.parametrize("provider", NATIVE)
async def test_a_native_batch_is_the_same_again_although_its_ids_are_others(
    provider: str, tmp_path: Path
) -> None:
    file = tmp_path / "session.jsonl"
    async with recorded(file) as sidecar:
        project = await sidecar.call("project:create", {"name": "Recorded"})
        rows = [{"prompt": f"Reply with exactly: {n}", "model": NATIVE[provider]} for n in range(3)]
        given = {"projectId": project["id"], "rows": rows, "providerName": provider}
        job = await sidecar.call("batch:submit-native", given)
        assert (await ended(sidecar))["completedRows"] == 3
        results = await sidecar.call("batch:get-results", {"jobId": job["jobId"]})
        assert [row["response"] for row in results] == ["0", "1", "2"]
    assert "all as recorded" in await replayed(file)
