from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.kernel.errors import Words, read_words
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.openai_family.errors import Asked, refusal, stream_error

KEY = "some-odd-key-without-a-known-shape"
ASKED = Asked("OpenAI", "openai", "gpt-5", KEY)


def error(message: str = "It says so.", **members: Any) -> bytes:
    return json.dumps(
        {"error": {"message": message, "type": None, "param": None, "code": None, **members}}
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (400, error(), "provider_rejected", False),
        (400, error(code="context_length_exceeded"), "context_length_exceeded", False),
        (400, error("This model's maximum context length is 8 tokens."), "context_length_exceeded", False),
        (400, error("Incorrect API key provided: x"), "invalid_api_key", False),
        (400, error("Your prompt broke our usage policy.", code="invalid_prompt"), "content_filtered", False),
        (400, error("The prompt has no end.", code="invalid_prompt"), "provider_rejected", False),
        (400, error(code="content_policy_violation"), "content_filtered", False),
        (401, error(code="invalid_api_key"), "invalid_api_key", False),
        (401, b"", "invalid_api_key", False),
        (402, error(), "rate_limited", False),
        (403, error(), "invalid_api_key", False),
        (404, error(code="model_not_found"), "provider_rejected", False),
        (404, b"<html><h1>Not here</h1></html>", "provider_rejected", False),
        (408, error(), "timeout", True),
        (409, error(), "provider_rejected", True),
        (413, error("too large"), "provider_rejected", False),
        (422, error(), "provider_rejected", False),
        (429, error(code="rate_limit_exceeded"), "rate_limited", True),
        (429, error(code="insufficient_quota"), "rate_limited", False),
        (429, error(type="insufficient_quota"), "rate_limited", False),
        (429, error(code="credit_balance_exhausted"), "rate_limited", False),
        (429, error(code="project_spend_limit_exceeded"), "rate_limited", False),
        (429, error(code="organization_spend_limit_exceeded"), "rate_limited", False),
        (500, error(type="server_error"), "provider_unavailable", True),
        (503, b"upstream is down", "provider_unavailable", True),
        (529, b"", "provider_unavailable", True),
        (302, b"", "provider_rejected", False),
    ],
)
def test_each_refusal_has_its_kind(status: int, body: bytes, kind: str, retryable: bool) -> None:
    failure = refusal(status, {"x-request-id": "req_1"}, body, ASKED, 0)
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert (failure.provider, failure.model, failure.status) == ("openai", "gpt-5", status)
    assert failure.request_id == "req_1"
    assert failure.message.endswith(".")


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 500, 503, 529, 302])
def test_rejections_and_outages_name_the_api(status: int) -> None:
    assert "API" in refusal(status, {}, error(), ASKED, 0).message


@pytest.mark.parametrize("status", [400, 401, 404, 422, 503])
def test_the_vendors_own_words_are_passed_on(status: int) -> None:
    assert "The field foo is odd." in refusal(status, {}, error("The field foo is odd."), ASKED, 0).message


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abcdefghijklmnop1234",
        "sk-proj-abc***********xyz9",
        "AIzaSyA1234567890abcdefg",
        "xai-abcdefghij0123456789",
        KEY,
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_no_key_is_ever_repeated(status: int, secret: str) -> None:
    failure = refusal(status, {}, error(f"Incorrect key: {secret}. Bearer {secret} is wrong."), ASKED, 0)
    assert secret not in failure.message + (failure.detail or "")


def test_spent_credit_says_what_to_do_and_hides_the_hint() -> None:
    failure = refusal(429, {"retry-after": "5"}, error(code="insufficient_quota"), ASKED, 0)
    assert "credit" in failure.message
    assert failure.retry_after_ms is None


def test_a_rate_limit_says_how_long() -> None:
    failure = refusal(429, {"retry-after": "90"}, error(), ASKED, 0)
    assert "90 s" in failure.message
    assert failure.retry_after_ms == 90_000


def test_markup_is_nobodys_words() -> None:
    failure = refusal(502, {}, b"<html><body>Bad gateway</body></html>", ASKED, 0)
    assert "<" not in failure.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "m", "type": "t", "code": "c", "param": "p"}}, Words("m", "t", "c", "p")),
        ({"error": {"message": "m", "code": 42}}, Words("m", "", "42")),
        ({"error": "plain"}, Words("plain")),
        ({"error": "plain", "code": "some code"}, Words("plain", "", "some code")),
        ({"detail": "plain"}, Words("plain")),
        ({"detail": [{"msg": "field required", "type": "missing"}]}, Words("field required", "missing")),
        ({"message": "m"}, Words("m")),
        ([{"error": {"message": "m"}}], Words("m")),
        ("plain", Words("plain")),
        ({"error": None, "message": "m"}, Words("m")),
        ([], Words()),
        (7, Words()),
        ({}, Words()),
    ],
)
def test_words_are_found_in_every_shape(body: Any, words: Words) -> None:
    assert read_words(json.dumps(body).encode()) == words


def test_words_that_are_no_json_are_taken_as_they_are() -> None:
    assert read_words(b"  upstream is down \xff") == Words("upstream is down \ufffd")
    assert len(read_words(b"x" * 10_000).message) == 500


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (Words("m", "server_error", "server_error"), "provider_unavailable"),
        (Words("m", "", "rate_limit_exceeded"), "rate_limited"),
        (Words("m", "invalid_request_error", "context_length_exceeded"), "context_length_exceeded"),
        (Words("m", "", "bio_policy"), "content_filtered"),
        (Words("m", "invalid_request_error"), "provider_rejected"),
        (Words("m", "", "429"), "rate_limited"),
        (Words("m", "", "99999999"), "provider_unavailable"),
        (Words(), "provider_unavailable"),
    ],
)
def test_errors_inside_a_stream_have_the_same_kinds(words: Words, kind: str) -> None:
    assert stream_error(words, ASKED, produced=False).kind == kind


def test_an_error_after_text_leaves_the_bill_unknown() -> None:
    assert isinstance(stream_error(Words("m"), ASKED, produced=True), OutcomeUnknown)
    assert not isinstance(stream_error(Words("m"), ASKED, produced=False), OutcomeUnknown)
