from __future__ import annotations

import re
from typing import Any

import pytest

from sidecar.chat.json_output.ecma_patterns import to_python
from sidecar.chat.json_output.schema import read_schema
from sidecar.chat.json_output.validate import read_reply
from sidecar.errors import Failure

# A pattern as JavaScript has it, a text that it is found in, and one that it is not.
PATTERNS = [
    (r"^(?<year>\d{4})-\k<year>$", "2020-2020", "2020-2021"),
    (r"^\d+$", "12", "١٢"),
    (r"^\d+$", "12", "12\n"),
    (r"^\w+$", "abc_1", "Zoë"),
    (r"^\p{Lu}\p{L}*$", "Élan", "élan"),
    (r"^[\p{Letter}\p{Nd} ]+$", "Zoë 12", "Zoë!"),
    (r"^\P{L}+$", "123", "a"),
    (r"^\u{1F600}$", "😀", "😁"),
    (r"^\uD83D\uDE00$", "😀", "😁"),
    (r"^[\u{1F600}-\u{1F64F}]+$", "😀😁", "x"),
    (r"^[^]$", "\n", "ab"),
    (r"^[[\]]+$", "[]", "a"),
    (r"^\/api\/v\d+\/[\w.-]+$", "/api/v1/a-b", "/api/v/a"),
    (r"^a\cJ$", "a\n", "a"),
    (r"^\y$", "y", "z"),
    (r"^(?=.*\d)(?!x).+$", "a1", "x1"),
    # What is Python's alone stays so.
    (r"\A(?P<a>x)(?P=a)\Z", "xx", "xxx"),
    (r"(?im)^abc$", "ABC\nd", "abcd"),
]


@pytest.mark.parametrize(("pattern", "found", "not_found"), PATTERNS)
def test_a_pattern_of_javascript_means_in_python_what_it_meant(
    pattern: str, found: str, not_found: str
) -> None:
    written = re.compile(to_python(pattern))
    assert written.search(found)
    assert not written.search(not_found)


def test_an_empty_class_is_found_nowhere() -> None:
    assert re.search(to_python("[]"), "anything") is None


@pytest.mark.parametrize(
    ("schema", "reply"),
    [
        ({"properties": {"year": {"type": "string", "pattern": r"^(?<y>\d{4})$"}}}, '{"year": "2026"}'),
        (
            {"patternProperties": {r"^\p{L}+$": {"type": "integer"}}, "additionalProperties": False},
            '{"É": 1}',
        ),
        ({"properties": {"pattern": {"enum": ["("]}}}, '{"pattern": "("}'),
        ({"anyOf": [{"items": {"pattern": r"^\u{61}$"}}]}, '["a"]'),
    ],
)
def test_a_schema_out_of_typescript_is_held_against_the_reply(schema: dict[str, Any], reply: str) -> None:
    read = read_schema(schema)
    # The vendor gets what the person wrote.
    assert read == schema
    assert read_reply(reply, read) is not None


@pytest.mark.parametrize(
    "pattern", ["(", "a\\", r"\p{Script=Greek}", r"(?<=a+)b", r"\u{110000}", r"[\P{L}]", "a" * 60_000]
)
def test_a_schema_whose_pattern_cannot_be_read_is_refused_before_anything_is_paid(pattern: str) -> None:
    with pytest.raises(Failure, match=r"pattern .* cannot be read .*nothing was paid") as caught:
        read_schema({"type": "string", "pattern": pattern})
    assert caught.value.kind == "invalid_params"


def test_a_reply_that_a_javascript_pattern_does_not_fit_is_told_so() -> None:
    pattern = r"^(?<y>\d{4})$"
    with pytest.raises(Failure, match="does not follow the schema") as caught:
        read_reply('{"year": "26"}', read_schema({"properties": {"year": {"pattern": pattern}}}))
    assert repr(pattern) in caught.value.message
