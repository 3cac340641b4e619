from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.kernel.jsonl import LineReader, SpreadObjects, read_line

CONTENT = st.lists(
    st.sampled_from([b"{}", b"\n", b"\r\n", b'{"a": "\xc3\xbc"}', b" ", b"x"]), max_size=30
).map(b"".join)


def lines(chunks: list[bytes]) -> list[bytes]:
    reader = LineReader()
    return [line for chunk in chunks for line in reader.feed(chunk)] + list(reader.finish())


@given(CONTENT, st.integers(1, 9))
def test_where_the_bytes_are_cut_changes_no_line(content: bytes, size: int) -> None:
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    whole = [line.strip() for line in content.split(b"\n") if line.strip()]
    assert lines(chunks) == whole


def test_the_last_line_needs_no_end() -> None:
    assert lines([b'{"a": 1}\n{"b"', b": 2}"]) == [b'{"a": 1}', b'{"b": 2}']


def test_only_an_object_is_a_line() -> None:
    assert read_line(b'{"a": 1}') == {"a": 1}
    assert [read_line(line) for line in (b"[]", b"nonsense", b"1", b"\xff")] == [None] * 4


def test_a_line_that_is_too_long_is_passed_over_and_comes_as_an_empty_one() -> None:
    reader = LineReader(most_bytes=10)
    fed = [
        line
        for chunk in (b"short\n0123", b"456789", b"0\nnext\n", b"01234567890")
        for line in reader.feed(chunk)
    ]
    assert [*fed, *reader.finish()] == [b"short", b"", b"next", b""]


def test_objects_over_several_lines_are_put_together_and_a_list_around_them_is_none_of_them() -> None:
    spread = SpreadObjects()
    assert spread.begin(b"take({")
    assert spread.begun
    assert [*spread.feed(b'"a": "} \\" {",'), *spread.feed(b'"b": [1]}, {'), *spread.feed(b'"c": 2}')] == [
        b'{\n"a": "} \\" {",\n"b": [1]}',
        b'{\n"c": 2}',
    ]
    assert not spread.begun
    assert not spread.begin(b"[")
    assert not spread.begin(b'{"whole": 1}')


def test_an_object_over_several_lines_that_is_too_long_comes_as_an_empty_one() -> None:
    spread = SpreadObjects(most_bytes=10)
    assert spread.begin(b"{")
    assert [*spread.feed(b'"a": "0123456789",'), *spread.feed(b'"b": 1}')] == [b""]
