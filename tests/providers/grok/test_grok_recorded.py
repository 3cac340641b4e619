"""Recorded bodies of Grok and compatible servers: sent as before, and what was answered is still read the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.helpers.compatible_recording import CASES, FOLDER, outcome, record
from tests.helpers.grok import KEY
from tests.helpers.scripted import Reply, ScriptedTransport


def recorded(case: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((FOLDER / f"{case}.json").read_text(encoding="utf-8"))
    return told


def test_every_recording_has_its_case() -> None:
    files = {
        f"{vendor}/{path.stem}" for vendor in ("grok", "compatible") for path in (FOLDER / vendor).iterdir()
    }
    assert files == set(CASES)


@pytest.mark.parametrize("case", sorted(CASES))
async def test_a_case_is_sent_and_answered_as_it_was_recorded(case: str) -> None:
    assert await record(case) == recorded(case)


@pytest.mark.parametrize("case", sorted(CASES))
async def test_a_recorded_answer_is_read_to_the_same_text_usage_and_charge(case: str) -> None:
    told = recorded(case)
    exchanges = told.pop("exchanges")
    replies = [each["reply"] for each in exchanges]
    transport = ScriptedTransport(
        *[Reply(reply["status"], reply["headers"], [reply["body"].encode()]) for reply in replies]
    )
    assert await outcome(case, transport) == told
    assert [asked.body for asked in transport.asked] == [each["request"]["body"] for each in exchanges]


@pytest.mark.parametrize("case", sorted(CASES))
def test_no_recording_holds_a_key(case: str) -> None:
    text = (FOLDER / f"{case}.json").read_text(encoding="utf-8")
    assert KEY not in text
    assert "invalid-key" not in text
    assert "authorization" not in text.lower()
