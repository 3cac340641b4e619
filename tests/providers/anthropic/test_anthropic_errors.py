from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.anthropic.errors import ANTHROPIC, why_declined
from sidecar.providers.kernel.errors import declined, refused_response, stream_failure
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked

ASKED = Asked(ANTHROPIC, "anthropic", "claude-sonnet-5-5", "some-odd-key-without-a-known-shape")
NOW_MS = 1_795_392_000_000


def error(kind: str, message: str = "It says so.", **members: Any) -> bytes:
    return json.dumps(
        {"type": "error", "error": {"type": kind, "message": message, **members}, "request_id": "req_1"}
    ).encode()


def spend(code: str) -> dict[str, Any]:
    return {"details": {"error_code": code}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (
            400,
            error(
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
            ),
            "rate_limited",
            False,
        ),
        (429, error("rate_limit_error", **spend("enforced_spend_limit_reached")), "rate_limited", False),
        (429, error("rate_limit_error", **spend("contract_spend_limit_reached")), "rate_limited", False),
    ],
)
def test_a_limit_on_spending_is_known_by_its_words_or_its_code(
    status: int, body: bytes, kind: str, retryable: bool
) -> None:
    failure = refused_response(status, {}, body, ASKED, NOW_MS)
    assert (failure.kind, failure.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("headers", "hint_ms"),
    [
        (
            {
                "anthropic-ratelimit-requests-remaining": "3",
                "anthropic-ratelimit-requests-reset": "2026-11-23T00:09:00Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-23T00:00:12Z",
                "anthropic-ratelimit-output-tokens-remaining": "0",
                "anthropic-ratelimit-output-tokens-reset": "2026-11-23T00:00:20",
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "soon",
            },
            20_000,
        ),
        (
            {
                "retry-after": "2",
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-11-23T00:09:00Z",
            },
            2_000,
        ),
    ],
)
def test_the_wait_is_known_from_when_the_limits_are_filled_again(
    headers: dict[str, str], hint_ms: int | None
) -> None:
    assert refused_response(429, headers, error("rate_limit_error"), ASKED, NOW_MS).retry_after_ms == hint_ms


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", "provider_unavailable"),
        ("api_error", "provider_unavailable"),
        ("rate_limit_error", "rate_limited"),
        ("authentication_error", "invalid_api_key"),
        ("invalid_request_error", "provider_rejected"),
        ("something_new", "provider_unavailable"),
    ],
)
@pytest.mark.parametrize("produced", [True, False])
def test_an_error_inside_a_stream_is_told_by_its_type(kind: str, expected: str, produced: bool) -> None:
    failure = stream_failure(json.loads(error(kind)), ASKED, produced=produced)
    assert failure.kind == expected
    assert isinstance(failure, OutcomeUnknown) is produced
    assert failure.status is None


def test_a_declined_question_says_why_where_the_vendor_does() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No malware."}
    failure = declined(why_declined(details), ASKED)
    assert (failure.kind, failure.detail) == ("content_filtered", "cyber: No malware.")
    assert declined(why_declined({"category": None, "explanation": None}), ASKED).detail is None
