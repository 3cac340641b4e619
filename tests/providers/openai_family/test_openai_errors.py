from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from sidecar.providers.kernel.error_fields import ErrorFields
from sidecar.providers.kernel.errors import refused_response, stream_failure
from sidecar.providers.kernel.vendor import Asked
from sidecar.providers.openai.errors import OPENAI

KEY = "some-odd-key-without-a-known-shape"
ASKED = Asked(OPENAI, "openai", "gpt-5", KEY)


def error(message: str = "It says so.", **members: Any) -> bytes:
    return json.dumps(
        {"error": {"message": message, "type": None, "param": None, "code": None, **members}}
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (400, error("Incorrect API key provided: x"), "invalid_api_key", False),
        (400, error("Your prompt broke our usage policy.", code="invalid_prompt"), "content_filtered", False),
        (400, error("The prompt has no end.", code="invalid_prompt"), "provider_rejected", False),
        (404, b"<html><h1>Not here</h1></html>", "provider_rejected", False),
        (429, error(type="insufficient_quota"), "rate_limited", False),
        (429, error(code="credit_balance_exhausted"), "rate_limited", False),
        (429, error(code="project_spend_limit_exceeded"), "rate_limited", False),
        (429, error(code="organization_spend_limit_exceeded"), "rate_limited", False),
        (400, error(code="billing_hard_limit_reached"), "rate_limited", False),
        (429, error(type="billing_not_active", code="billing_not_active"), "rate_limited", False),
        (429, error("Your account is suspended, check your billing details."), "rate_limited", False),
        (429, error("余额不足或无可用资源包,请充值。", code="1113"), "rate_limited", False),
        # It passes: only what would raise it has to do with billing.
        (
            429,
            error("Limit: 3 / min. Try again in 20s. Add a method in billing to raise it."),
            "rate_limited",
            True,
        ),
        (429, error("Rate limit reached; see account/billing."), "rate_limited", True),
        (
            429,
            error("Request too large on tokens per min (TPM): Limit 30000, Requested 50000.", type="tokens"),
            "context_length_exceeded",
            False,
        ),
        (503, b"upstream is down", "provider_unavailable", True),
    ],
)
def test_each_of_its_words_has_its_kind(status: int, body: bytes, kind: str, retryable: bool) -> None:
    failure = refused_response(status, {"x-request-id": "req_1"}, body, ASKED, 0)
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert (failure.provider, failure.model, failure.status) == ("openai", "gpt-5", status)
    assert failure.request_id == "req_1"
    assert failure.message.endswith((".", "。"))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (ErrorFields("m", "server_error", "server_error"), "provider_unavailable"),
        (ErrorFields("m", "", "rate_limit_exceeded"), "rate_limited"),
        (ErrorFields("m", "invalid_request_error", "context_length_exceeded"), "context_length_exceeded"),
        (ErrorFields("m", "", "bio_policy"), "content_filtered"),
        (ErrorFields("m", "invalid_request_error"), "provider_rejected"),
        (ErrorFields("m", "", "429"), "rate_limited"),
        (ErrorFields("m", "", "99999999"), "provider_unavailable"),
        (ErrorFields(), "provider_unavailable"),
    ],
)
def test_errors_inside_a_stream_have_the_same_kinds(fields: ErrorFields, kind: str) -> None:
    assert stream_failure({"error": asdict(fields)}, ASKED, produced=False).kind == kind
