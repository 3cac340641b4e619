"""A session that has a bit of everything, recorded by the real process against a simulator with all four vendors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment
from tests.helpers.simulator import simulator_process

# None of them looks like a key, so that nothing but knowing them can hide them.
KEYS = {
    "OPENAI_API_KEY": "first.quiet.password",
    "ANTHROPIC_API_KEY": "second.quiet.password",
    "XAI_API_KEY": "third.quiet.password",
}
SAVED_KEY = "fourth.quiet.password"
MODELS = (
    "openai/gpt-6.1-terra",
    "anthropic/claude-sonnet-5-5",
    "gemini/gemini-3.5-flash",
    "grok/grok-4.5",
)


@asynccontextmanager
async def recording_sidecar(
    folder: Path, file: Path, *flags: str, pace_ms: int = 2
) -> AsyncIterator[SidecarProcess]:
    """A sidecar that records, over the real network, with a simulator behind it."""
    async with simulator_process(pace_ms=pace_ms) as simulator:
        environment = quiet_environment(**{**simulator.environment, **KEYS})
        environment.pop("GEMINI_API_KEY", None)
        given = command(folder, "--record", str(file), *flags)
        async with SidecarProcess(given, env=environment) as sidecar:
            yield sidecar
            sidecar.close_stdin()
            assert await sidecar.wait() == 0, list(sidecar.stderr)


async def record_everything(folder: Path, file: Path, models: Sequence[str] = MODELS) -> None:
    async with recording_sidecar(folder, file) as sidecar:
        await sidecar.call("initialize", {"protocolVersion": "1.0"})
        await sidecar.call("settings:save", {"key": "apiKey", "provider": "gemini", "value": SAVED_KEY})
        project = await sidecar.call("project:create", {"name": "Recorded"})
        conversation = await sidecar.call("conversation:create", {"projectId": project["id"]})
        for model in models:
            await sidecar.call("chat:send", _ask(f"Hello {model}", model, conversation["id"]))
        streamed = [
            sidecar.start_call("chat:send", _ask("All at once", model, None, token=f"t-{model}"))
            for model in models
        ]
        await asyncio.gather(*(sidecar.result(each) for each in streamed))
        await sidecar.call("chat:compare", {"content": "Which is best?", "modelIds": list(models)})
        for order in ("status=400", "status=429 retry_after=0 times=1", "cut=2", "status=500 times=1"):
            await _whatever(sidecar, _ask(f"Fail. [[simulate: {order}]]", models[0], None))
        await _cancelled(sidecar, models[0])
        await sidecar.call("messages:list", {"conversationId": conversation["id"]})
        await sidecar.call("activity:get", {"projectId": project["id"]})
        await sidecar.call("settings:load", {"key": "apiKey", "provider": "gemini"})
        sidecar.send_raw(b'{"jsonrpc": "2.0", "value": "first.quiet.password"\n')
        await sidecar.read_message()


async def _cancelled(sidecar: SidecarProcess, model: str) -> None:
    asked = _ask("Tell me much. [[simulate: pace_ms=60]]", model, None, token="stopped")
    started = sidecar.start_call("chat:send", asked)
    async with asyncio.timeout(60):
        await sidecar.progress["stopped"].get()
    sidecar.notify("$/cancelRequest", {"id": started.id})
    with pytest.raises(RpcError) as caught:
        await sidecar.result(started)
    assert caught.value.code == -32800


async def _whatever(sidecar: SidecarProcess, params: Any) -> None:
    try:
        await sidecar.call("chat:send", params)
    except RpcError:
        return


def _ask(content: str, model: str, conversation: str | None, token: str | None = None) -> dict[str, Any]:
    asked = {
        "content": content,
        "modelId": model,
        "conversationId": conversation,
        "partialResultToken": token,
    }
    return {name: value for name, value in asked.items() if value is not None}
