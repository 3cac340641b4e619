from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.rpc import codec
from sidecar.rpc.codec import MAX_DEPTH, MAX_VALUES, BadJson, Raw, dumps, loads, recover_id

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def not_json(text: str) -> Any:
    raise AssertionError(f"{text} is not JSON")


@given(JSON)
def test_what_is_dumped_is_read_by_any_parser_as_the_same_value(value: Any) -> None:
    assert json.loads(dumps(value), parse_constant=not_json) == value


@given(JSON)
def test_what_any_program_writes_is_read_as_the_same_value(value: Any) -> None:
    assert loads(json.dumps({"id": 0.5, "params": value}).encode()) == {"id": 0.5, "params": value}


def reason(data: bytes) -> str:
    with pytest.raises(BadJson) as refused:
        loads(data)
    return refused.value.reason


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}', "1e999", "-1e999", "9" * 4301])
def test_numbers_that_json_does_not_have_are_refused(text: str) -> None:
    assert reason(text.encode()) == "number"


def test_an_integer_of_4300_digits_is_still_taken() -> None:
    assert loads(b"9" * 4300) == int("9" * 4300)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{'a':1}", b'{"a":1}}', b'"\n"', b"[1,]", b"nul", b"01", b'"\\x"']
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    assert reason(data) == "syntax"


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\xaf"'])
def test_what_is_not_utf_8_is_refused(data: bytes) -> None:
    assert reason(data) == "encoding"


def nested(levels: int, kind: str) -> bytes:
    return b"[" * levels + b"]" * levels if kind == "list" else b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_the_deepest_value_that_is_taken_can_be_echoed_in_a_batch(kind: str) -> None:
    data = nested(MAX_DEPTH, kind)
    assert dumps([{"result": loads(data)}]) == b'[{"result":' + data + b"}]"


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 900, 1100, 100_000])
@pytest.mark.parametrize("kind", ["list", "dict"])
def test_deeper_nesting_is_refused(levels: int, kind: str) -> None:
    assert reason(nested(levels, kind)) == "depth"


def test_brackets_in_a_text_are_not_levels() -> None:
    assert loads(dumps("[" * 5000)) == "[" * 5000


def test_nesting_is_also_refused_where_orjson_does_not_do_the_reading() -> None:
    assert reason(b'["\\ud800",' + nested(MAX_DEPTH, "list") + b"]") == "depth"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'"a\\ud800b"', "a\ufffdb"),
        (b'"\\udc00"', "\ufffd"),
        (b'"\\ud83d\\ude00 \\ud83d"', "\U0001f600 \ufffd"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_lone_surrogates_are_replaced_and_pairs_are_not(data: bytes, text: str) -> None:
    assert loads(data) == text
    assert loads(b'{"' + data.strip(b'"') + b'":[1]}') == {text: [1]}


def test_surrogates_that_are_sent_are_replaced_too() -> None:
    assert json.loads(dumps({"\ud800": ["a\udfff"]})) == {"\ufffd": ["a\ufffd"]}


@pytest.mark.parametrize("number", [2**70, 2**70 + 1, -(2**90), 2**64, 10**400])
def test_an_id_keeps_every_digit(number: int) -> None:
    request = loads(b'{"id":%d}' % number)
    assert request["id"] == number
    assert dumps({"id": request["id"]}) == b'{"id":%d}' % number


@pytest.mark.parametrize("params", ['{"id":%d}', '[{"id":%d}]', "[%d]"])
def test_the_id_that_is_to_be_cancelled_keeps_every_digit(params: str) -> None:
    number = 2**70 + 1
    request = loads(f'[{{"params":{params % number}}}]'.encode())
    assert str(number) in str(request)


def test_nan_is_never_sent() -> None:
    assert dumps([float("nan"), float("inf"), 2**70, float("-inf")]) == b"[null,null,%d,null]" % 2**70


def test_raw_json_survives_next_to_what_orjson_refuses() -> None:
    assert json.loads(dumps({"id": 2**70, "result": Raw(b'{"a": 1}')})) == {"id": 2**70, "result": {"a": 1}}


def test_deep_results_are_written_in_pieces() -> None:
    value: Any = 2**70
    for _ in range(300):
        value = [value]
    assert dumps(value) == b"[" * 300 + b"%d" % 2**70 + b"]" * 300


@pytest.mark.parametrize("value", [object(), {1: 2}, {"a": {1, 2}}])
def test_what_json_cannot_say_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize(
    ("head", "tail", "found"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"m","params":{"id":8', b"", 7),
        (b' { "id" : "a\\"b" , "params":', b"", 'a"b'),
        (b'{"method":"m","params":{"id":8,', b'"x","id": 9 }\r', 9),
        (b'{"params":{', b',"id":"q"}', "q"),
        (b'{"params":{"a":1,"id":8}', b',"id":8}}', None),
        (b'[{"id":1},', b',"id":8}]', None),
        (b'{"id":true,"params":', b"", None),
        (b'{"id":null,"params":', b"", None),
        (b'{"id":1e999,"params":', b"", None),
        (b"garbage", b"garbage", None),
    ],
)
def test_the_id_is_found_at_either_end_of_a_frame_that_is_not_kept(
    head: bytes, tail: bytes, found: Any
) -> None:
    assert recover_id(head, tail) == found


@pytest.mark.parametrize("bad", ["NaN", "1e999", "[" * 300 + "]" * 300, "[" * 5000 + "]" * 5000])
def test_a_request_that_is_refused_for_its_contents_keeps_its_id(bad: str) -> None:
    with pytest.raises(BadJson) as refused:
        loads(f'{{"id":"me","params":[{bad}]}}'.encode())
    assert refused.value.id == "me"


def test_a_large_message_without_nesting_is_not_taken_for_a_deep_one() -> None:
    rows = [{"row": number, "cells": [number]} for number in range(2000)]
    assert codec.loads(dumps(rows)) == rows


@pytest.mark.parametrize("value", [b"[]", b'""', b"1", b'{"a":1}'])
def test_a_message_of_too_many_values_is_refused_with_its_id(value: bytes) -> None:
    many = b",".join([value] * (MAX_VALUES + 1))
    with pytest.raises(BadJson) as raised:
        loads(b'{"jsonrpc": "2.0", "id": 7, "params": {"a": [' + many + b"]}}")
    assert (raised.value.reason, raised.value.id) == ("values", 7)


def test_marks_within_a_text_are_no_values() -> None:
    text = '[{,:"' * MAX_VALUES
    assert loads(json.dumps([text]).encode()) == [text]
