"""Above the limit of what waits, new requests are refused and told when to come again; the ways out stay open."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sidecar.rpc.in_flight import MAX_IN_FLIGHT
from tests.field.lab import KEY, SILENT, sidecar
from tests.helpers.process import RpcError, SidecarProcess, Started

SAVING = {"key": "apiKey", "provider": "openai", "value": KEY}


async def overloaded(process: SidecarProcess) -> list[Started]:
    """As many requests as are taken at once, all of which wait for a keychain, and the refusal of one more."""
    waiting = [process.start_call("settings:save", SAVING) for _ in range(MAX_IN_FLIGHT + 1)]
    with pytest.raises(RpcError) as caught:
        await process.result(waiting.pop())
    assert caught.value.data["kind"] == "overloaded"
    assert caught.value.data["retryAfterMs"] > 0
    assert "try again" in caught.value.message
    return waiting


@pytest.mark.parametrize("end", ["exit", "end of input"])
async def test_above_the_limit_one_may_still_ask_for_the_health_cancel_and_end(
    end: str, tmp_path: Path
) -> None:
    async with sidecar(tmp_path, keychain=SILENT, deadline=60) as process:
        await process.call("system:health")
        waiting = await overloaded(process)
        assert (await process.call("system:health"))["status"] == "ok"
        process.notify("$/cancelRequest", {"id": waiting[7].id})
        with pytest.raises(RpcError) as caught:
            await process.result(waiting[7])
        assert caught.value.data["kind"] == "cancelled"
        if end == "exit":
            process.notify("exit")
        else:
            process.close_stdin()
        # Far more than five seconds, for a busy machine, and far less than for ever.
        async with asyncio.timeout(60):
            assert await process.wait() == 0, list(process.stderr)[-12:]
