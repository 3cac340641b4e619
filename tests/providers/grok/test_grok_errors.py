from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.grok.errors import GROK, key_problem
from sidecar.providers.kernel.errors import refused_response, stream_failure
from sidecar.providers.kernel.vendor import Asked

ASKED = Asked(GROK, "grok", "grok-4.3", "xai-secret-key-1")
BAD = "Client specified an invalid argument"


def strings(error: str, code: str = BAD) -> bytes:
    return json.dumps({"code": code, "error": error}).encode()


def nested(message: str, **members: Any) -> bytes:
    return json.dumps({"error": {"message": message, **members}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (400, nested("Incorrect API key provided: xa***1."), "invalid_api_key", False),
        (401, strings("No API key was given.", "Unauthenticated"), "invalid_api_key", False),
        (403, strings("The caller does not have permission."), "invalid_api_key", False),
        (403, strings("Your team doesn't have any credits yet."), "rate_limited", False),
        (405, b"", "provider_rejected", False),
        (415, strings("Expected JSON."), "provider_rejected", False),
        (429, strings("Too many requests.", "Some resource has been exhausted"), "rate_limited", True),
        (429, strings("You reached your monthly spending limit."), "rate_limited", False),
        (503, b"upstream connect error", "provider_unavailable", True),
    ],
)
def test_its_words_decide_where_its_codes_say_little(
    status: int, body: bytes, kind: str, retryable: bool
) -> None:
    failure = refused_response(status, {"x-request-id": "r1"}, body, ASKED, 0)
    assert (failure.kind, failure.retryable) == (kind, retryable)


def test_the_vendors_own_code_stays_in_the_detail() -> None:
    failure = refused_response(400, {}, strings("Incorrect API key provided: xa***1."), ASKED, 0)
    assert BAD in (failure.detail or "")


def test_what_the_vendor_leaves_of_the_key_is_hidden_too() -> None:
    failure = refused_response(
        400, {}, strings("Incorrect API key provided: xa***1. Get one at console.x.ai."), ASKED, 0
    )
    told = failure.message + (failure.detail or "")
    assert "xa***1" not in told
    assert "provided: [key hidden]. Get one at console.x.ai." in told


def test_an_error_inside_a_stream_has_its_kind() -> None:
    assert stream_failure("You have run out of credits", ASKED, produced=False).kind == "rate_limited"
    assert (
        stream_failure({"error": "Broken", "code": "Internal error"}, ASKED, produced=False).kind
        == "provider_unavailable"
    )


@pytest.mark.parametrize(
    ("description", "word"),
    [
        ({"api_key_disabled": True}, "switched off"),
        ({"disabled": True}, "switched off"),
        ({"api_key_blocked": True}, "blocked this key"),
        ({"team_blocked": True}, "team"),
        ({"api_key_blocked": False, "api_key_disabled": False, "team_blocked": False}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_key_that_exists_may_yet_be_useless(description: Any, word: str | None) -> None:
    problem = key_problem(description)
    assert problem is None if word is None else problem is not None and word in problem
