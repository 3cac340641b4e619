"""A real server of local models, llama.cpp's own: not what we think that such a server says, but what one says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.field.lab import ask, batch_rows, own_models, refused, sidecar
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError, drain

pytest.importorskip("xllamacpp", reason="llama.cpp has no ready build for this machine")

SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": ["loan", "lease"]}, "sure": {"type": "boolean"}},
    "required": ["kind", "sure"],
    "additionalProperties": False,
}


@asynccontextmanager
async def llama(folder: Path) -> AsyncIterator[str]:
    """The address of a running server."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-W", "ignore", "-m", "tests.field.llama_server", str(folder)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, cwd=REPOSITORY
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def test_a_real_local_server_answers_streams_stops_keeps_to_a_schema_and_runs_a_batch(
    tmp_path: Path,
) -> None:
    async with llama(tmp_path) as url, sidecar(tmp_path / "data", models=own_models(url)) as process:
        whole = await ask(process, options={"maxOutputTokens": 20})
        assert whole["usage"]["completion_tokens"] == 20
        assert whole["finishReason"] == "length"
        assert whole["costUSD"] > 0

        streamed = await ask(process, options={"maxOutputTokens": 20}, partialResultToken="t")
        pieces = [value["text"] for value in drain(process.progress["t"]) if value["type"] == "text"]
        assert "".join(pieces) == streamed["answer"]

        enforced = {"jsonMode": True, "jsonSchema": SCHEMA, "maxOutputTokens": 60}
        structured = await ask(process, options=enforced)
        assert structured["json"]["kind"] in ("loan", "lease")
        assert isinstance(structured["json"]["sure"], bool)

        long = process.start_call(
            "chat:send",
            {
                "content": "Go on",
                "modelId": "lab/m",
                "options": {"maxOutputTokens": 12_000},
                "partialResultToken": "long",
            },
        )
        await process.progress["long"].get()
        process.notify("$/cancelRequest", {"id": long.id})
        with pytest.raises(RpcError, match="cancelled"):
            await process.result(long)

        rows = [{"prompt": f"Row {number}", "model": "lab/m", "maxOutputTokens": 10} for number in range(8)]
        results = await batch_rows(process, *rows)
        assert [row["status"] for row in results] == ["success"] * 8


async def test_a_prompt_that_a_real_local_server_has_no_room_for_is_told_as_that(tmp_path: Path) -> None:
    models_room = {"contextSize": 1_000_000}
    async with (
        llama(tmp_path) as url,
        sidecar(tmp_path / "data", models=own_models(url, model=models_room)) as process,
    ):
        error = await refused(process, content="word " * 20_000)
    assert error.data["kind"] == "context_length_exceeded"
