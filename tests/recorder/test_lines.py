from __future__ import annotations

import json
from typing import Any

from sidecar.known_secrets import HIDDEN
from sidecar.recorder import lines
from sidecar.recorder.reassembly import Reassembler
from sidecar.recorder.redaction import Redaction


def parsed(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def one(data: bytes) -> Any:
    [entry] = parsed(data)
    return entry


def test_a_frame_that_is_not_json_is_only_counted() -> None:
    frame = b'{"method": "settings:save", "params": {"key": "apiKey", "value": "plain words"}'
    assert one(lines.received(frame, 7, Redaction())) == {
        "meta": {"unreadable": {"at": 7, "bytes": len(frame)}}
    }


def test_numbers_that_json_does_not_have_are_not_written() -> None:
    assert "unreadable" in one(lines.received(b'{"id": 1, "params": [1e999]}', 0, Redaction()))["meta"]


def test_a_lone_surrogate_does_not_break_the_line() -> None:
    entry = one(lines.received(b'{"id": 1, "params": ["\\ud800"]}', 0, Redaction()))
    assert entry[">"]["params"] == ["\ud800"]


def test_a_message_of_some_megabytes_is_kept_whole() -> None:
    state = "x" * 5_000_000
    frame = json.dumps({"id": 1, "method": "jobqueue:save-state", "params": {"state": state}}).encode()
    assert one(lines.received(frame, 0, Redaction()))[">"]["params"]["state"] == state


def test_a_message_beyond_the_limit_keeps_its_name_and_its_id() -> None:
    state = '"id": 99, ' * 1_000_000
    request = {"jsonrpc": "2.0", "id": 4, "method": "jobqueue:save-state", "params": {"state": state}}
    frame = json.dumps(request).encode()
    entry = one(lines.received(frame, 3, Redaction()))
    assert entry == {
        ">": {"jsonrpc": "2.0", "method": "jobqueue:save-state", "id": 4},
        "at": 3,
        "cut": len(frame),
    }
    answer = json.dumps({"jsonrpc": "2.0", "result": state, "id": "a-4"}).encode()
    entry = one(lines.sent(answer, 3, Redaction()))
    assert entry["<"] == {"jsonrpc": "2.0", "result": "<any>", "id": "a-4"}


def test_a_body_that_is_no_text_comes_back_as_it_was() -> None:
    data = bytes(range(256))
    members = one(lines.piece(1, 0, data, Redaction()))["meta"]["net<"]
    assert "base64" in members
    assert lines.data_of(members) == data


def test_a_request_is_hidden_by_the_key_that_it_carries_itself() -> None:
    headers = {"x-api-key": "plain.word.secret", "content-type": "application/json"}
    body = b'{"echo": "plain.word.secret"}'
    line = lines.asked(
        1, 0, "POST", "https://example.org/plain.word.secret", headers, body, len(body), Redaction()
    )
    assert b"plain.word" not in line
    assert one(line)["meta"]["net"]["json"] == {"echo": HIDDEN}


def test_a_body_that_was_not_kept_says_how_large_it_was() -> None:
    members = one(lines.asked(1, 0, "POST", "https://example.org/", {}, b"", 9_000_000, Redaction()))["meta"][
        "net"
    ]
    assert members["cut"] == 9_000_000
    assert lines.data_of(members) == b""


def test_a_key_that_came_in_two_pieces_is_hidden() -> None:
    reassembler = Reassembler(Redaction(secrets=["plain.word.secret"]))
    first = reassembler.add(1, 5, b'data: {"text": 1}\n\ndata: {"error": "plain.wo')
    second = reassembler.add(1, 9, b'rd.secret"}\n\n')
    members = [entry["meta"]["net<"] for entry in parsed(first + second + reassembler.end(1, 10, "complete"))]
    assert members == [
        {"n": 1, "at": 5, "text": 'data: {"text": 1}\n\n'},
        {"n": 1, "at": 9, "text": f'data: {{"error": "{HIDDEN}"}}\n\n'},
        {"n": 1, "at": 10, "end": "complete"},
    ]


def test_what_is_left_of_an_answer_that_broke_off_is_written() -> None:
    reassembler = Reassembler(Redaction())
    assert reassembler.add(1, 0, b'data: {"te') == b""
    members = [entry["meta"]["net<"] for entry in parsed(reassembler.end(1, 4, "closed"))]
    assert members == [{"n": 1, "at": 4, "text": 'data: {"te'}, {"n": 1, "at": 4, "end": "closed"}]


def test_an_answer_without_end_is_cut() -> None:
    reassembler = Reassembler(Redaction(), max_bytes=10)
    assert reassembler.add(1, 0, b"12345678\n") != b""
    assert reassembler.add(1, 1, b"12345678\n") == b""
    assert one(reassembler.end(1, 2, "complete"))["meta"]["net<"] == {
        "n": 1,
        "at": 2,
        "end": "complete",
        "cut": 9,
    }
