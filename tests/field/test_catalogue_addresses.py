"""A newer catalogue that somebody hands on: it brings prices, and no address that keys and questions would go to."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from sidecar import resources
from tests.field.hostile import serving, whole
from tests.field.lab import KEY, ask, sidecar, vendor_environment
from tests.helpers.process import RpcError

MODEL = "openai/gpt-6-luna"


def newer(**members: object) -> str:
    """The shipped catalogue as of the next day, with members of the model replaced."""
    root = json.loads(resources.read_bytes("data/models.json"))
    root["checkedOn"] = str(date.fromisoformat(root["checkedOn"]) + timedelta(days=1))
    [model] = [each for each in root["models"] if each["id"] == MODEL.partition("/")[2]]
    model |= members
    return json.dumps(root)


async def test_a_newer_catalogue_sends_no_key_and_no_question_to_an_address_of_its_own(
    tmp_path: Path,
) -> None:
    async with serving(whole({"error": "no"}, 400)) as theirs, serving(whole({"error": "no"}, 400)) as vendor:
        environment = vendor_environment(vendor.url, "openai")
        async with sidecar(tmp_path, environment=environment) as process:
            with pytest.raises(RpcError, match="baseUrl"):
                await process.call("models:update", {"text": newer(baseUrl=f"{theirs.url}/v1")})
            with pytest.raises(RpcError):
                await ask(process, "A secret plan", MODEL)
        assert theirs.asked == []
        [asked] = vendor.asked
        assert asked.headers["authorization"] == f"Bearer {KEY}"
