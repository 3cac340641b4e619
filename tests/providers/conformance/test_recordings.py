"""The recorded bodies: what we send has not changed, what was answered is still read to the same cost."""

from __future__ import annotations

import pytest

from sidecar.known_secrets import redact
from tests.helpers.scripted import Reply, ScriptedTransport
from tests.providers.conformance.recordings import CASES, FOLDER, outcome, record, recorded
from tests.providers.conformance.vendor import KEY


def test_every_recording_has_its_case() -> None:
    assert {path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.json")} == set(
        CASES
    )


@pytest.mark.parametrize("case", CASES)
async def test_a_case_is_sent_and_answered_as_it_was_recorded(case: str) -> None:
    assert await record(case) == recorded(case)


@pytest.mark.parametrize("case", CASES)
async def test_a_recorded_answer_is_read_to_the_same_text_usage_and_cost(case: str) -> None:
    told = recorded(case)
    exchanges = told.pop("exchanges")
    replies = [each["reply"] for each in exchanges]
    transport = ScriptedTransport(
        *[Reply(reply["status"], reply["headers"], [reply["body"].encode()]) for reply in replies]
    )
    assert await outcome(case, transport) == told
    assert [asked.body for asked in transport.asked] == [each["request"]["body"] for each in exchanges]


@pytest.mark.parametrize("case", CASES)
def test_no_recording_holds_a_key(case: str) -> None:
    text = (FOLDER / f"{case}.json").read_text(encoding="utf-8")
    assert KEY not in text
    assert "invalid-key" not in text
    assert not {"x-api-key", "x-goog-api-key", "authorization"} & set(text.lower().split('"'))
    # xAI repeats a wrong key with stars in it.
    assert redact(text) == text or case == "grok/wrong-key"
