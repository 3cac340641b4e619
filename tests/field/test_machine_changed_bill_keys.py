"""A key that reads what was charged is replaced while A-B/AI runs, by another program: by `abai` in a terminal too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.hostile import Answer, Asked, chat_chunk, serving, stream, whole
from tests.field.lab import KEY, own_models, refused, sidecar, vendor_environment
from tests.field.test_bills import ANTHROPIC, OPENAI
from tests.field.test_machine_changed_keys import REFUSALS, replaced_by_another_program, save

OLD, NEW = "sk-admin-older-9Qz7Lm2WpXr8", "sk-admin-newer-9Qz7Lm2WpXr8"
DAYS = {"from": "2026-11-20", "to": "2026-11-22"}
BILLS = {"openai": (OPENAI, 3.0), "anthropic": (ANTHROPIC, 0.1234567)}


@pytest.mark.parametrize("vendor", BILLS)
async def test_a_bill_is_read_with_the_admin_key_that_another_program_saved_in_place_of_a_refused_one(
    vendor: str, tmp_path: Path
) -> None:
    pages, theirs = BILLS[vendor]
    status, said = REFUSALS[vendor]

    def script(asked: Asked) -> Answer:
        if OLD in str(asked.headers):
            return whole(said, status)
        return whole(pages[next((each for each in pages if each and each in asked.target), "")])

    async with serving(script) as server:
        environment = vendor_environment(server.url, vendor)
        async with sidecar(tmp_path, environment=environment) as process:
            await save(process, OLD, f"{vendor}-admin")
            replaced_by_another_program(tmp_path, **{f"{vendor}-admin": NEW})
            for _ in range(2):
                result = await process.call("cost:reconcile", {"provider": vendor, **DAYS})
                assert sum(day["theirsUSD"] for day in result["days"]) == pytest.approx(theirs)
    assert sum(OLD in str(asked.headers) for asked in server.asked) == 1


async def test_a_gateway_s_record_of_a_call_is_read_with_the_key_that_another_program_saved(
    tmp_path: Path,
) -> None:
    record = {"id": "c1", "total_cost": 0.5, "is_byok": False}
    record |= {"native_tokens_prompt": 1000, "native_tokens_completion": 50}
    good = [KEY]

    def script(asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {good[-1]}":
            return whole(REFUSALS["openai"][1], 401)
        if asked.path == "/v1/generation":
            return whole({"data": record})
        return stream(chat_chunk({"content": "Good"}))

    async with serving(script) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        await save(process, KEY)
        await refused(process)
        replaced_by_another_program(tmp_path, lab=NEW)
        good.append(NEW)
        days = {"from": "2020-01-01", "to": "2099-12-31"}
        result = await process.call("cost:reconcile", {"provider": "lab", **days})
    assert "Settled by the server's own record of the call: c1." in result["notes"]
