from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.kernel.errors import Words, read_words
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
        (400, error("Incorrect API key provided: x"), "invalid_api_key", False),
        (400, error("Your prompt broke our usage policy.", code="invalid_prompt"), "content_filtered", False),
        (400, error("The prompt has no end.", code="invalid_prompt"), "provider_rejected", False),
        (404, b"<html><h1>Not here</h1></html>", "provider_rejected", False),
        (429, error(type="insufficient_quota"), "rate_limited", False),
        (429, error(code="credit_balance_exhausted"), "rate_limited", False),
        (429, error(code="project_spend_limit_exceeded"), "rate_limited", False),
        (429, error(code="organization_spend_limit_exceeded"), "rate_limited", False),
        (503, b"upstream is down", "provider_unavailable", True),
    ],
)
def test_each_of_its_words_has_its_kind(status: int, body: bytes, kind: str, retryable: bool) -> None:
    failure = refusal(status, {"x-request-id": "req_1"}, body, ASKED, 0)
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert (failure.provider, failure.model, failure.status) == ("openai", "gpt-5", status)
    assert failure.request_id == "req_1"
    assert failure.message.endswith(".")


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
