"""The recorded exchanges are what is sent and answered today, and the provider reads them as they were meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import types

from sidecar.providers.base import Done
from sidecar.redact import redact
from tests.helpers.gemini import KEY, ask, collect, provider, sse, text_of
from tests.helpers.gemini_recordings import CASES, FOLDER, exchange, path_of
from tests.helpers.scripted import Reply


def recorded(case: str) -> Any:
    return json.loads(path_of(case).read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
async def test_a_recording_is_what_is_sent_and_answered_today(case: str) -> None:
    assert recorded(case) == await exchange(case)


def test_every_recording_has_its_case_and_no_key() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CASES)
    for path in FOLDER.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert KEY not in text
        assert redact(text) == text


@pytest.mark.parametrize(
    ("case", "said", "reason"),
    [
        ("bare", "four", "stop"),
        ("instructions", "four", "stop"),
        ("thinking-by-level", "four", "stop"),
        ("thinking-by-budget", "four", "stop"),
        ("json-schema", '{"n": 1}', "stop"),
        ("json-schema-in-words", '{"n": 1}', "stop"),
        ("search", "four", "stop"),
        ("held-back", "", "content_filtered"),
        ("error-midway", "four", "provider_unavailable"),
        ("busy", "", "rate_limited"),
        ("day-spent", "", "rate_limited"),
        ("unknown-model", "", "provider_rejected"),
    ],
)
async def test_a_recorded_reply_is_read_as_it_was_meant(case: str, said: str, reason: str) -> None:
    reply = recorded(case)["reply"]
    streams = reply["status"] == 200
    body = sse(*reply["body"]) if streams else json.dumps(reply["body"]).encode()
    made, _ = provider(Reply(reply["status"], {}, [body]), retries=0)
    model, text, options = CASES[case]
    events, failure = await collect(made, made.plan(ask(model, text, **options)))
    assert text_of(events) == said
    if failure is None:
        assert isinstance(events[-1], Done)
        assert events[-1].finish_reason == reason
    else:
        assert failure.kind == reason


@pytest.mark.parametrize(
    "case", [case for case in CASES if case not in {"busy", "day-spent", "unknown-model"}]
)
def test_recorded_chunks_have_the_types_of_the_official_client(case: str) -> None:
    for chunk in recorded(case)["reply"]["body"]:
        if "error" not in chunk:
            types.GenerateContentResponse.model_validate(chunk)
