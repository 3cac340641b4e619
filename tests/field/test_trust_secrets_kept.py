"""Keys that vendors work into bills, into batches of their own, and beside a newer catalogue get out by no way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from sidecar import resources
from tests.field import sweep, taint
from tests.field.hostile import Answer, Asked, serving, whole
from tests.field.lab import MODEL, VENDORS, batch_rows, own_models, sidecar, vendor_environment
from tests.field.vendors import POLL, Misbehaviour, Whole, closed, rows, submitted, vendors

KEY = "k7f3Qz9+LmW2p/Xr8TnB5vYc1HdJ4sGa6=="
# Like no vendor's: nothing but knowing it can hide it.
ADMIN = "a4Rt8Zq1+VbN6m/Ks3WyE9uPd7FhC2xJ5g=="


def openai_bill(asked: Asked) -> Answer:
    amount = {"value": 0.75, "currency": "usd", "note": ADMIN}
    lines = [f"{ADMIN}, input", "gpt-6-luna, output", f"gpt-6-luna, {ADMIN}"]
    results = [
        {"amount": amount, "line_item": line, "project_id": ADMIN, "api_key_id": ADMIN, ADMIN: ADMIN}
        for line in lines
    ]
    return whole(
        {"data": [{"start_time": 1795132800, "results": results}], "has_more": False, "next_page": ADMIN}
    )


def anthropic_bill(asked: Asked) -> Answer:
    group = {"model": f"claude-{ADMIN}", "token_type": ADMIN, "workspace_id": ADMIN, "api_key_id": ADMIN}
    line = {
        "starting_at": "2026-11-20T00:00:00Z",
        "group": group,
        "description": ADMIN,
        "model": ADMIN,
        "cost": {"amount": "12.34567", "currency": "USD"},
    }
    return whole(
        {"data": [line, line | {"results": [line]}], "has_more": False, "next_page": ADMIN, ADMIN: ADMIN}
    )


BILLS: dict[str, Callable[[Asked], Answer]] = {"openai": openai_bill, "anthropic": anthropic_bill}


@pytest.mark.parametrize("how", ["saved now", "saved by an earlier run", "in the environment"])
@pytest.mark.parametrize("vendor", BILLS)
async def test_a_bill_that_quotes_the_admin_key_it_was_read_with(
    vendor: str, how: str, tmp_path: Path
) -> None:
    data, recording = tmp_path / "data", tmp_path / "recording.jsonl"
    data.mkdir()
    name = f"{vendor}-admin"
    if how == "saved by an earlier run":
        (data / "keys.json").write_text(json.dumps({name: ADMIN}), "utf-8")
    async with serving(BILLS[vendor]) as server:
        environment = vendor_environment(server.url, vendor, key=KEY)
        if how == "in the environment":
            environment |= {f"{vendor.upper()}_ADMIN_KEY": ADMIN}
        flags = ("--log-level", "debug", "--record", str(recording))
        async with sidecar(data, *flags, environment=environment) as process:
            if how == "saved now":
                await process.call("settings:save", {"key": "apiKey", "provider": name, "value": ADMIN})
            days = {"provider": vendor, "from": "2026-11-20", "to": "2026-11-22"}
            for group in ("model", "day"):
                told = await process.call("cost:reconcile", days | {"group": group})
                assert sum(day["theirsUSD"] for day in told["days"]) > 0.1
            assert ADMIN in str(server.asked[0].headers)
            assert (
                "cost:reconcile" in await sweep.check_everywhere(process, data, ADMIN, KEY)
                or vendor != "openai"
            )
    assert taint.leaks(recording.read_bytes(), ADMIN) == []


def with_the_key(said: Whole) -> Whole:
    """The vendor's answer, with the key in whatever does not name the batch, its files or its rows."""
    status, body = said
    try:
        return status, orjson.dumps(_tainted(orjson.loads(body)))
    except orjson.JSONDecodeError:
        pass
    try:
        lines = [orjson.dumps(_tainted(orjson.loads(line))) for line in body.splitlines()]
    except orjson.JSONDecodeError:
        return said
    return status, b"\n".join(lines)


_WHOLE = {
    "model",
    "system_fingerprint",
    "request_id",
    "modelVersion",
    "responseId",
    "code",
    "endpoint",
    "param",
}
_ADDED = {"message", "error", "error_message", "description"}


def _tainted(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {**{name: _tainted(member, name) for name, member in value.items()}, "note": KEY, KEY: [KEY]}
    if isinstance(value, list):
        return [_tainted(each, name) for each in value]
    # Gemini's batches are asked for under their model's name.
    if isinstance(value, str) and name in _WHOLE and not value.startswith("models/"):
        return KEY
    if isinstance(value, str) and name in _ADDED:
        return f"{value} You said {KEY[:20]}\n{KEY[20:]}."
    return value


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "grok"])
async def test_a_vendor_s_batch_that_quotes_its_key_from_its_creation_to_its_last_row(
    provider: str, tmp_path: Path
) -> None:
    data, recording = tmp_path / "data", tmp_path / "recording.jsonl"
    quoting = Misbehaviour(r".*", with_the_key, times=1_000_000)
    prompts = ["One", "Two [[simulate: status=400]]", "Three"]
    async with vendors(quoting) as there:
        environment = there.environment | {VENDORS[provider][2]: KEY}
        flags = ("--log-level", "debug", "--record", str(recording), POLL, "0.05")
        async with sidecar(data, *flags, environment=environment) as process:
            job_id = await submitted(process, provider, prompts)
            found = await closed(process, job_id)
            came = await rows(process, job_id)
            assert [bool(row.get("response")) for row in came] == [True, False, True], (found, came)
            assert "You said" in came[1]["errorMessage"]
            await sweep.check_everywhere(process, data, KEY)
    assert quoting.left < 1_000_000
    assert taint.leaks(recording.read_bytes(), KEY) == []


async def test_a_newer_catalogue_beside_servers_with_keys_in_their_addresses(tmp_path: Path) -> None:
    data, recording = tmp_path / "data", tmp_path / "recording.jsonl"
    newer = json.loads(resources.read_bytes("data/models.json"))
    newer["checkedOn"] = str(date.fromisoformat(newer["checkedOn"]) + timedelta(days=1))
    newer["models"][0]["description"] = "Newer."
    said = whole({"error": {"message": f"You said {KEY}.", "type": "odd"}}, 400)
    async with serving(said) as server:
        models = own_models(server.url, path=f"/v1?api-key={KEY}")
        flags = ("--log-level", "debug", "--record", str(recording))
        async with sidecar(data, *flags, models=models) as process:
            told = await process.call("models:update", {"text": json.dumps(newer)})
            assert told["shipped"] is False
            came = await batch_rows(process, {"prompt": "Why?", "model": MODEL})
            assert "You said" in came[0]["errorMessage"]
            await process.call("models:update", {"undo": True})
            (data / "models.json").unlink()
            await sweep.check_everywhere(process, data, KEY)
    assert taint.leaks(recording.read_bytes(), KEY) == []
