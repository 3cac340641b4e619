from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.store.migrations import lenient_parse

ANYTHING = st.none() | st.integers() | st.floats() | st.text() | st.binary()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_700_000_000_000, 1_700_000_000_000),
        (1_700_000_000_000.9, 1_700_000_000_000),
        ("1700000000000", 1_700_000_000_000),
        ("2024-05-01T12:00:00.250Z", 1_714_564_800_250),
        ("2024-05-01T14:00:00+02:00", 1_714_564_800_000),
        ("2024-05-01 12:00:00", 1_714_564_800_000),
        ("last week", None),
        (None, None),
        (float("nan"), None),
        (10**17, None),
        (b"\xff", None),
    ],
)
def test_times_are_read_from_numbers_and_from_iso_text(value: Any, expected: int | None) -> None:
    assert lenient_parse.time_ms(value) == expected


@pytest.mark.parametrize(
    ("value", "has_model", "expected"),
    [
        ("user", True, "user"),
        (" Assistant ", False, "assistant"),
        ("system", False, "system"),
        ("human", False, "user"),
        ("bot", False, "assistant"),
        ("narrator", True, "assistant"),
        (None, False, "user"),
        (b"user", False, "user"),
    ],
)
def test_roles_are_read_as_one_of_three(value: Any, has_model: bool, expected: str) -> None:
    assert lenient_parse.role(value, has_model=has_model) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "{}"),
        ("", "{}"),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": NaN}', '{"_unreadable": "{\\"a\\": NaN}"}'),
        ("[]", '{"_unreadable": "[]"}'),
        ("{", '{"_unreadable": "{"}'),
        ("[" * 100_000, None),
    ],
)
def test_settings_are_an_object_or_are_kept_as_text_in_one(value: str | None, expected: str | None) -> None:
    text = lenient_parse.json_object_text(value)
    assert text == (expected or json.dumps({"_unreadable": value}))


@given(ANYTHING)
def test_nothing_that_a_column_can_hold_is_too_odd_to_read(value: Any) -> None:
    assert isinstance(lenient_parse.text(value), str | None)
    assert isinstance(lenient_parse.real(value), float | None)
    assert isinstance(lenient_parse.integer(value), int | None)
    assert isinstance(lenient_parse.time_ms(value), int | None)
    assert lenient_parse.role(value, has_model=False) in {"user", "assistant", "system"}
    assert isinstance(json.loads(lenient_parse.json_object_text(value)), dict)


@given(ANYTHING | st.text('[]{}":,0123456789.eE+-\\ntrfuals \x00', max_size=12))
def test_sqlite_agrees_that_what_is_kept_is_json(value: Any) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        for text in (lenient_parse.json_text(value), lenient_parse.json_object_text(value)):
            assert conn.execute("SELECT ? IS NULL OR json_valid(?)", (text, text)).fetchone() == (1,)
