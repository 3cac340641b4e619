"""The system's keychain never answers, and the person has a key in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.fault import Counts, Fault
from tests.faults.stand import KEY, MODEL, planted, secrets_out
from tests.field.lab import SILENT, ask, batch_rows, sidecar
from tests.helpers.process import RpcError


async def hanging(folder: Path, number: int) -> Counts:
    del number
    async with (
        planted() as simulator,
        sidecar(folder, environment=simulator.environment, keychain=SILENT) as process,
    ):
        saving = process.start_call(
            "settings:save", {"key": "apiKey", "provider": "grok", "value": KEY[::-1]}
        )
        answer = await ask(process, "Why?", MODEL)
        rows = await batch_rows(process, *({"prompt": f"Why {row}?", "model": MODEL} for row in range(4)))
        assert answer["answer"]
        with pytest.raises(RpcError, match="keychain does not answer"):
            await process.result(saving)
        run = (await simulator.ledger())["requests"]
        return Counts(
            times=1,
            kept=len(rows),
            lost=sum(not row["response"] for row in rows),
            paid=len(run),
            paid_twice=len(run) - len({entry["promptSha256"] for entry in run}),
            secrets=secrets_out(process, folder),
        )


FAULTS = [
    Fault(
        "keychain hangs",
        "chats and batches go on with the environment's key; saving ends with a sentence",
        hanging,
    )
]
