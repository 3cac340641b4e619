"""Large documents read in pieces: the elements of their arrays come out, whatever text they hold."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from sidecar.json_file import read_elements
from sidecar.json_stream import MOST_BYTES, ArrayElements, BrokenJson, JsonTooLarge

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
    reader = ArrayElements(member)
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
    reader = ArrayElements("rows")
    list(reader.feed(document))
    with pytest.raises(ValueError, match=r"."):
        json.loads(reader.rest())


def test_only_what_is_not_an_element_is_held() -> None:
    reader = ArrayElements("rows")
    count = sum(1 for _ in reader.feed(b'{"rows": ['))
    element = json.dumps("x" * 1_000_000).encode() + b","
    for _ in range(40):
        count += sum(1 for _ in reader.feed(element))
    assert count == 40
    assert len(reader.rest()) < 100


def test_a_rest_that_is_too_large_is_refused() -> None:
    reader = ArrayElements("rows")
    member = b'"' + b"x" * (MOST_BYTES - 3) + b'",'
    assert list(reader.feed(member)) == []
    with pytest.raises(ValueError, match="too large"):
        list(reader.feed(b"1"))


VALUES = [1234567, -0.5e3, 'a\\"b]', True, None, {"a": [1, {"b": "}"}]}, [], "ü\u2028", [[[[[[1]]]]]]]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
@pytest.mark.parametrize("indent", [None, 1])
def test_pulled_pieces_of_any_size_give_the_same_elements(size: int, indent: int | None) -> None:
    document = io.BytesIO(json.dumps(VALUES, indent=indent, ensure_ascii=False).encode())
    assert [json.loads(each) for each in read_elements(lambda _: document.read(size))] == VALUES


def test_an_element_beyond_all_measure_is_given_up_before_the_document_ends() -> None:
    given = 0

    def endless(size: int) -> bytes:
        nonlocal given
        given += size
        return b'["' if given == size else b"x" * size

    with pytest.raises(JsonTooLarge, match="larger than 1,000,000 bytes"):
        next(read_elements(endless, most_bytes=1_000_000))
    assert given < 2_000_000


@pytest.mark.parametrize("document", [b"[" * 5_000, b'[{"a":' * 3_000])
def test_what_is_nested_too_deep_is_told_and_not_followed(document: bytes) -> None:
    with pytest.raises(JsonTooLarge, match="too deep"):
        list(read_elements(io.BytesIO(document).read))
    with pytest.raises(JsonTooLarge, match="too deep"):
        list(ArrayElements("rows").feed(b'{"rows":[' + document))


def test_an_element_that_is_too_large_to_hold_is_refused_while_it_arrives() -> None:
    reader = ArrayElements("rows", most_bytes=100_000)
    list(reader.feed(b'{"rows": [1, "'))
    for _ in range(4):
        list(reader.feed(b"x" * 20_000))
    with pytest.raises(JsonTooLarge, match="larger than"):
        list(reader.feed(b"x" * 20_000))


def test_more_elements_than_may_be_are_refused() -> None:
    reader = ArrayElements("rows", most_elements=3)
    elements = reader.feed(b'{"rows": [1, 2, 3, 4, 5]}')
    assert [next(elements) for _ in range(3)] == [b"1", b"2", b"3"]
    with pytest.raises(JsonTooLarge, match="more elements"):
        next(elements)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", 'Where "[" or "{" should stand there is the end of the file.'),
        (b"5", 'Where "[" or "{" should stand there is "5".'),
        (b"{}", 'The file is an object without a list of "rows". Give an array of objects.'),
        (b'{"a" 1}', 'Where ":" should stand there is "1".'),
        ("[1 ü]".encode(), 'Where "," or "]" should stand there is "ü".'),
        (b"[1, ]", 'From here on the file is not JSON (Expecting value, not "]").'),
        (b"[1,", "From here on the file is not JSON (Expecting value, not the end of the file)."),
    ],
)
def test_a_document_that_cannot_be_read_any_more_says_where_and_why(document: bytes, said: str) -> None:
    with pytest.raises(BrokenJson) as raised:
        list(read_elements(io.BytesIO(document).read))
    assert str(raised.value) == said


def test_a_large_element_in_many_pieces_is_looked_through_once() -> None:
    """Four times the length takes about four times as long, where beginning anew with each piece takes sixteen."""
    took = []
    for size in (1_500_000, 6_000_000):
        text = json.dumps(
            {"rows": [{"a": ["x" * 50, {"b": 'q"'}] * (size // 80), "long": "y" * size}]}
        ).encode()
        began = time.process_time()
        reader = ArrayElements("rows")
        found = [each for at in range(0, len(text), 4_096) for each in reader.feed(text[at : at + 4_096])]
        took.append(time.process_time() - began)
        assert len(found) == 1
    assert took[1] < 10 * took[0] + 0.5


DEEP = b"[" * 900 + b"1" + b"]" * 900
UNFINISHED = b'[[[["' + b"x" * 50 + b'", '


def cut(element: bytes, size: int = 65_536) -> float:
    """Cut `[[first], element]`, and return the processor time for it in seconds."""
    document = b'{"rows": [[%b], 1]}' % element
    reader = ArrayElements("rows")
    found: list[bytes] = []
    began = time.process_time()
    for at in range(0, len(document), size):
        found += reader.feed(document[at : at + size])
    took = time.process_time() - began
    assert found == [b"[%b]" % element, b"1"]
    return took


@pytest.mark.parametrize("many", [b"[]", b'{"a": []}', b'[[1, "]"], {}]'])
def test_a_row_of_very_many_lists_is_cut_about_as_fast_as_one_of_texts(many: bytes) -> None:
    """It took twenty-five times as long, so that a row of eight megabytes took a minute and more."""
    texts = b",".join([b'""'] * 700_000)
    of_texts = min(cut(texts) for _ in range(3))
    lists = b",".join([many] * (len(texts) // len(many)))
    assert min(cut(lists) for _ in range(3)) < 8 * of_texts


@pytest.mark.parametrize("piece", [DEEP + b",", UNFINISHED])
def test_what_is_nested_deep_or_does_not_end_is_looked_through_a_few_times_at_most(piece: bytes) -> None:
    """Four times the length takes about four times as long."""
    took = []
    for number in (100, 400):
        document = b'{"rows": [[' + piece * number
        reader = ArrayElements("rows", most_depth=4 * number + 1_000)
        began = time.process_time()
        for at in range(0, len(document), 512):
            list(reader.feed(document[at : at + 512]))
        took.append(time.process_time() - began)
    assert took[1] < 12 * took[0] + 0.05


@pytest.mark.parametrize("size", [1, 3, 100_000])
def test_the_bound_on_the_depth_is_as_exact_beside_small_lists(size: int) -> None:
    small = b"[[[1]]],"
    for levels in (10, 11):
        document = b'{"rows": [' + (b"[" + small) * (levels - 3) + small[:-1] + b"]" * (levels - 3) + b"]}"
        reader = ArrayElements("rows", most_depth=10)
        pieces = [document[at : at + size] for at in range(0, len(document), size)]
        if levels == 10:
            assert len([each for piece in pieces for each in reader.feed(piece)]) == 1
        else:
            with pytest.raises(JsonTooLarge, match="too deep"):
                [list(reader.feed(piece)) for piece in pieces]
