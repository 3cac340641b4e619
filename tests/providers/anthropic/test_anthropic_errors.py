from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.providers.anthropic.errors import Asked, declined, refusal, stream_error
from sidecar.providers.kernel.outcome import OutcomeUnknown
from tests.helpers.anthropic_asking import KEY, provider
from tests.helpers.scripted import Reply

ASKED = Asked("claude-sonnet-5-5", "some-odd-key-without-a-known-shape")
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
        (400, error("invalid_request_error"), "provider_rejected", False),
        (
            400,
            error("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
            "context_length_exceeded",
            False,
        ),
        (
            400,
            error("invalid_request_error", "Your credit balance is too low to use the API."),
            "rate_limited",
            False,
        ),
        (
            400,
            error(
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2026-12-01.",
            ),
            "rate_limited",
            False,
        ),
        (
            400,
            error("invalid_request_error", "Output blocked by content filtering policy"),
            "content_filtered",
            False,
        ),
        (401, error("authentication_error", "invalid x-api-key"), "invalid_api_key", False),
        (401, b"", "invalid_api_key", False),
        (402, error("billing_error"), "rate_limited", False),
        (403, error("permission_error"), "invalid_api_key", False),
        (404, error("not_found_error", "model: claude-9"), "provider_rejected", False),
        (408, b"", "timeout", True),
        (409, error("conflict_error"), "provider_rejected", True),
        (413, error("request_too_large"), "context_length_exceeded", False),
        (429, error("rate_limit_error"), "rate_limited", True),
        (429, error("rate_limit_error", **spend("enforced_spend_limit_reached")), "rate_limited", False),
        (429, error("rate_limit_error", **spend("contract_spend_limit_reached")), "rate_limited", False),
        (500, error("api_error"), "provider_unavailable", True),
        (502, b"<html>Bad gateway</html>", "provider_unavailable", True),
        (504, error("timeout_error"), "provider_unavailable", True),
        (529, error("overloaded_error", "Overloaded"), "provider_unavailable", True),
        (302, b"", "provider_rejected", False),
    ],
)
def test_each_refusal_has_its_kind(status: int, body: bytes, kind: str, retryable: bool) -> None:
    failure = refusal(status, {"request-id": "req_1"}, body, ASKED, NOW_MS)
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert (failure.provider, failure.model, failure.status) == ("anthropic", "claude-sonnet-5-5", status)
    assert failure.request_id == "req_1"
    assert failure.message.endswith(".")
    assert "<" not in failure.message


@pytest.mark.parametrize("status", [400, 404, 409, 500, 504, 529, 302])
def test_rejections_and_outages_name_the_api(status: int) -> None:
    assert "API" in refusal(status, {}, error("api_error"), ASKED, NOW_MS).message


@pytest.mark.parametrize("status", [400, 401, 404, 529])
def test_the_vendors_own_words_are_passed_on(status: int) -> None:
    assert "Foo is odd." in refusal(status, {}, error("api_error", "Foo is odd."), ASKED, NOW_MS).message


@pytest.mark.parametrize("secret", ["sk-ant-api03-abcdefghijklmnop", ASKED.key])
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_no_key_is_ever_repeated(status: int, secret: str) -> None:
    failure = refusal(status, {}, error("api_error", f"The key {secret} is wrong."), ASKED, NOW_MS)
    assert secret not in failure.message + (failure.detail or "")


@pytest.mark.parametrize(
    ("headers", "hint_ms"),
    [
        ({"retry-after": "7"}, 7_000),
        ({"retry-after-ms": "1500"}, 1_500),
        ({"retry-after": "Mon, 23 Nov 2026 00:00:30 GMT"}, 30_000),
        ({}, None),
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
def test_a_rate_limit_says_how_long_in_every_form(headers: dict[str, str], hint_ms: int | None) -> None:
    assert refusal(429, headers, error("rate_limit_error"), ASKED, NOW_MS).retry_after_ms == hint_ms


def test_spent_credit_says_what_to_do_and_hides_the_hint() -> None:
    failure = refusal(402, {"retry-after": "5"}, error("billing_error"), ASKED, NOW_MS)
    assert "credit" in failure.message
    assert failure.retry_after_ms is None


def test_the_vendor_may_forbid_to_ask_again() -> None:
    assert refusal(529, {"x-should-retry": "false"}, b"", ASKED, NOW_MS).retryable is False


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
    failure = stream_error(json.loads(error(kind)), ASKED, produced=produced)
    assert failure.kind == expected
    assert isinstance(failure, OutcomeUnknown) is produced
    assert failure.status is None


def test_a_declined_question_says_why_where_the_vendor_does() -> None:
    failure = declined({"type": "refusal", "category": "cyber", "explanation": "No malware."}, ASKED)
    assert (failure.kind, failure.detail) == ("content_filtered", "cyber: No malware.")
    assert declined({"category": None, "explanation": None}, ASKED).detail is None


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(200, {}, [b'{"data": []}']), None),
        (Reply(401, {}, [error("authentication_error", "invalid x-api-key")]), "refused the API key"),
        (Reply(403, {}, [error("permission_error", "Not allowed here")]), "Not allowed here"),
        (Reply(429, {"x-should-retry": "false"}), None),
    ],
)
async def test_a_key_is_judged_by_the_vendor(reply: Reply, reason: str | None) -> None:
    made, transport = provider(reply)
    said = await made.validate_key(KEY)
    assert said is None if reason is None else said is not None and reason in said
    (asked,) = transport.asked
    assert (asked.method, asked.url) == ("GET", "https://api.example/v1/models?limit=1")
    assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == (KEY, "2023-06-01")


async def test_a_key_that_nobody_can_judge_is_neither_good_nor_bad() -> None:
    made, _ = provider(Reply(500), retries=0)
    with pytest.raises(Failure) as raised:
        await made.validate_key(KEY)
    assert raised.value.kind == "provider_unavailable"


async def test_a_key_that_can_be_no_header_never_leaves() -> None:
    made, transport = provider()
    with pytest.raises(Failure) as raised:
        await made.validate_key("sk-two\nlines")
    assert raised.value.kind == "invalid_api_key"
    assert transport.asked == []
