"""Large documents read in pieces: the elements of their arrays come out, whatever text they hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.kernel.json_arrays import MAX_REST_BYTES, JsonArrays

TRICKY = [
    {"text": 'a "quoted" } ] , [ { : text', "n": [1, [2, {"rows": [3]}], []]},
    {"text": 'back\\slash \\" end\\\\', "e": {}},
    {"text": "rows", "ä": "\u2028 \U0001f600"},
    "rows",
    -1.5e3,
    None,
    [],
]


def read(document: bytes, size: int, member: str = "rows") -> tuple[list[Any], Any]:
    reader = JsonArrays(member)
    elements = []
    for at in range(0, len(document), size):
        elements += [json.loads(element) for element in reader.feed(document[at : at + size])]
    return elements, json.loads(reader.rest())


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_the_elements_come_out_however_the_document_is_cut(size: int, indent: int | None) -> None:
    document = {"before": {"x": "rows", "y": ["rows", [1]]}, "rows": TRICKY, "after": [1, "rows"]}
    encoded = json.dumps(document, ensure_ascii=False, indent=indent).encode()
    assert read(encoded, size) == (TRICKY, {**document, "rows": []})


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_every_array_of_that_name_is_emptied_at_any_depth(size: int) -> None:
    document = {
        "list": [{"out": {"rows": {"rows": [1, 2]}}}, {"rows": []}, {"rows": [{"a": 3}]}],
        "rows": None,
    }
    elements, rest = read(json.dumps(document).encode(), size)
    assert elements == [1, 2, {"a": 3}]
    assert rest == {"list": [{"out": {"rows": {"rows": []}}}, {"rows": []}, {"rows": []}], "rows": None}


def test_a_document_without_the_member_is_all_rest() -> None:
    document = {"a": [1, 2, {"b": "x"}], "c": "rows"}
    assert read(json.dumps(document).encode(), 4) == ([], document)


@pytest.mark.parametrize("document", [b'{"rows": [1, 2', b'{"rows": [1], "a": ', b"<html>", b""])
def test_a_document_that_breaks_off_leaves_no_json(document: bytes) -> None:
    reader = JsonArrays("rows")
    list(reader.feed(document))
    with pytest.raises(ValueError, match=r"."):
        json.loads(reader.rest())


def test_only_what_is_not_an_element_is_held() -> None:
    reader = JsonArrays("rows")
    count = sum(1 for _ in reader.feed(b'{"rows": ['))
    element = json.dumps("x" * 1_000_000).encode() + b","
    for _ in range(40):
        count += sum(1 for _ in reader.feed(element))
    assert count == 40
    assert len(reader.rest()) < 100


def test_a_rest_that_is_too_large_is_refused() -> None:
    reader = JsonArrays("rows")
    member = b'"' + b"x" * (MAX_REST_BYTES - 3) + b'",'
    assert list(reader.feed(member)) == []
    with pytest.raises(ValueError, match="too large"):
        list(reader.feed(b"1"))
