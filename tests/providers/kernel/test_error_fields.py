from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.kernel.error_fields import ErrorFields, fields_of, read_body


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {"error": {"message": "m", "type": "t", "code": "c", "param": "p"}},
            ErrorFields("m", "t", "c", "p"),
        ),
        ({"error": {"message": "m", "code": 42}}, ErrorFields("m", "", "42")),
        ({"error": "plain"}, ErrorFields("plain")),
        ({"error": "plain", "code": "some code"}, ErrorFields("plain", "", "some code")),
        ({"detail": "plain"}, ErrorFields("plain")),
        (
            {"detail": [{"msg": "field required", "type": "missing"}]},
            ErrorFields("field required", "missing"),
        ),
        ({"message": "m"}, ErrorFields("m")),
        ([{"error": {"message": "m"}}], ErrorFields("m")),
        ("plain", ErrorFields("plain")),
        ({"error": None, "message": "m"}, ErrorFields("m")),
        ([], ErrorFields()),
        (7, ErrorFields()),
        ({}, ErrorFields()),
    ],
)
def test_the_fields_are_found_in_every_shape(body: Any, fields: ErrorFields) -> None:
    assert fields_of(read_body(json.dumps(body).encode())) == fields


def test_words_that_are_no_json_are_taken_as_they_are() -> None:
    assert fields_of(read_body(b"  upstream is down \xff")) == ErrorFields("upstream is down \ufffd")
    assert len(fields_of(read_body(b"x" * 10_000)).message) == 500
