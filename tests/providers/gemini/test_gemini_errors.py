from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.gemini.errors import GEMINI, classify, refuses_form
from sidecar.providers.kernel.error_fields import read_body
from sidecar.providers.kernel.errors import refused_response, stream_failure
from sidecar.providers.kernel.outcome import OutcomeUnknown, wait_before_retry_ms
from sidecar.providers.kernel.vendor import Asked

KEY = "some-odd-key-without-a-known-shape"
ASKED = Asked(GEMINI, "gemini", "gemini-3.8-flash", KEY)
RPC = "type.googleapis.com/google.rpc."


def error(status: str = "", message: str = "It says so.", *details: dict[str, Any], code: int = 0) -> bytes:
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    ).encode()


def reason(word: str) -> dict[str, Any]:
    return {"@type": f"{RPC}ErrorInfo", "reason": word, "domain": "googleapis.com"}


def quota(id_: str) -> dict[str, Any]:
    return {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": id_}]}


def delay(value: Any) -> dict[str, Any]:
    return {"@type": f"{RPC}RetryInfo", "retryDelay": value}


PER_DAY = quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
PER_MINUTE = quota("GenerateRequestsPerMinutePerProjectPerModel")
TOO_LONG = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (400, error("INVALID_ARGUMENT", "Bad.", reason("API_KEY_INVALID")), "invalid_api_key", False),
        (400, error("INVALID_ARGUMENT", "API key expired. Renew it."), "invalid_api_key", False),
        (400, error("FAILED_PRECONDITION", "User location is not supported."), "provider_rejected", False),
        (403, error("PERMISSION_DENIED", "Blocked.", reason("API_KEY_SERVICE_BLOCKED")), "invalid_api_key", False),
        (403, b"", "invalid_api_key", False),
        (429, error("RESOURCE_EXHAUSTED", "m", PER_MINUTE), "rate_limited", True),
        (429, error("RESOURCE_EXHAUSTED", "m", PER_MINUTE, PER_DAY), "rate_limited", False),
        (499, error("CANCELLED"), "provider_unavailable", False),
    ],
)  # fmt: skip
def test_the_words_and_the_details_decide_where_the_status_is_vague(
    status: int, body: bytes, kind: str, retryable: bool
) -> None:
    for shape in (body, b"[" + body + b"]" if body.startswith(b"{") else body):
        failure = refused_response(status, {}, shape, ASKED, 0)
        assert (failure.kind, failure.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("details", "message", "headers", "hint"),
    [
        ([delay("12s")], "m", {}, 12_000),
        ([PER_MINUTE, delay("1.5s")], "m", {"retry-after": "60"}, 1_500),
        ([delay("0s")], "m", {}, 0),
        ([delay({"seconds": "3", "nanos": 250_000_000})], "m", {}, 3_250),
        ([delay("soon")], "m", {"retry-after": "60"}, 60_000),
        ([], "Please retry in 26.5s.", {}, 26_500),
        ([], "Please retry in 250ms.", {}, 250),
    ],
)
def test_the_hint_to_wait_is_found_in_every_form(
    details: list[dict[str, Any]], message: str, headers: dict[str, str], hint: int | None
) -> None:
    failure = refused_response(429, headers, error("RESOURCE_EXHAUSTED", message, *details), ASKED, 0)
    assert failure.retry_after_ms == hint
    if hint is not None:
        assert wait_before_retry_ms(failure, 0, 0.0) == (hint if hint <= 60_000 else None)


def test_a_spent_day_is_never_tried_again_whatever_the_hint() -> None:
    failure = refused_response(429, {}, error("RESOURCE_EXHAUSTED", "m", PER_DAY, delay("12s")), ASKED, 0)
    assert failure.retry_after_ms is None
    assert wait_before_retry_ms(failure, 0, 0.0) is None
    assert "tomorrow" in failure.message


def test_the_vendors_status_and_reason_stay_in_the_detail() -> None:
    failure = refused_response(400, {}, error("INVALID_ARGUMENT", "Foo is odd.", reason("ODD")), ASKED, 0)
    assert failure.detail == "INVALID_ARGUMENT ODD: Foo is odd."


@pytest.mark.parametrize(
    "body", [b"", b"upstream is down", b"[]", b"7", b'"text"', b'{"error": "plain"}', b'{"error": {"details": [7]}}']
)  # fmt: skip
def test_any_body_is_an_error(body: bytes) -> None:
    assert classify(None, read_body(body)).codes == ""
    assert refused_response(500, {}, body, ASKED, 0).kind == "provider_unavailable"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"error": {"code": 503, "status": "UNAVAILABLE", "message": "m"}}, "provider_unavailable"),
        ({"error": {"status": "RESOURCE_EXHAUSTED", "message": "m"}}, "rate_limited"),
        ({"error": {"status": "DEADLINE_EXCEEDED"}}, "timeout"),
        ({"error": {"code": 400, "message": TOO_LONG}}, "context_length_exceeded"),
        ({"error": {}}, "provider_unavailable"),
        ({"error": "plain"}, "provider_unavailable"),
    ],
)
def test_errors_inside_a_stream_have_the_same_kinds(value: Any, kind: str) -> None:
    failure = stream_failure(value, ASKED, produced=False)
    assert (failure.kind, failure.status) == (kind, None)
    assert not isinstance(failure, OutcomeUnknown)
    assert isinstance(stream_failure(value, ASKED, produced=True), OutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (400, error("INVALID_ARGUMENT", "Tool use with a response mime type is unsupported"), True),
        (400, b"", True),
        (400, error("FAILED_PRECONDITION"), False),
        (400, error("INVALID_ARGUMENT", "m", reason("API_KEY_INVALID")), False),
        (400, error("INVALID_ARGUMENT", TOO_LONG), False),
        (404, error("NOT_FOUND"), False),
        (500, error("INTERNAL"), False),
    ],
)
def test_only_a_request_that_was_not_understood_may_be_put_another_way(
    status: int, body: bytes, refused: bool
) -> None:
    assert refuses_form(refused_response(status, {}, body, ASKED, 0)) is refused
