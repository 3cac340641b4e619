"""Heads of answers as servers of people's own write them, which the HTTP library refuses, and browsers read."""

from __future__ import annotations

import json

import pytest

from tests.field.claims import field
from tests.field.hostile import USAGE, chat_chunks, event, raw
from tests.field.lab import LAB_USD, Lab, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")
_CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Grüße"}, "finish_reason": "stop"}
_SAID = {"id": "c", "object": "chat.completion", "model": "m", "choices": [_CHOICE], "usage": USAGE}
BODY = json.dumps(_SAID, ensure_ascii=False).encode()
SIZE = b"%d" % len(BODY)
LETTERS = b"%d" % len(BODY.decode())
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
EVENTS = b"".join(event(each) for each in (*chat_chunks("Grüße"), "[DONE]"))
FIRST = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def head(*lines: bytes, first: bytes = FIRST) -> bytes:
    return first + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


LENGTHS = {
    "twice": head(b"Content-Length: " + SIZE, b"content-length: " + SIZE) + BODY,
    "a list": head(b"content-length: %b, %b" % (SIZE, SIZE)) + BODY,
    "two that differ": head(b"content-length: 5", b"content-length: " + SIZE) + BODY,
    "beside chunks": head(b"content-length: 5", b"transfer-encoding: chunked") + CHUNKED,
    "chunks twice": head(b"transfer-encoding: chunked, Chunked") + CHUNKED,
    "a coding that is none": head(b"transfer-encoding: identity", b"content-length: " + SIZE) + BODY,
    "negative": head(b"content-length: -1") + BODY,
    "a word": head(b"content-length: many") + BODY,
    "a plus": head(b"content-length: +" + SIZE) + BODY,
    "letters": head(b"content-length: " + LETTERS) + BODY,
    "letters of a stream": head(b"content-length: 60", first=b"HTTP/1.1 200 OK\r\n") + EVENTS,
}
PROPER = b"content-length: " + SIZE
LINES = {
    "no carriage return": head(PROPER).replace(b"\r", b"") + BODY,
    "one of them without": FIRST.replace(b"\r\n", b"\n", 1) + PROPER + b"\r\n\r\n" + BODY,
    "folded": head(b"x-policy: a;\r\n b;\r\n\tc", PROPER) + BODY,
    "folded at once": head(b"x-policy:\r\n a", PROPER) + BODY,
    "no colon": head(b"junk", PROPER) + BODY,
    "no name": head(b": x", PROPER) + BODY,
    "a blank in a name": head(b"x policy: a", PROPER) + BODY,
    "a blank behind a name": head(b"content-length : " + SIZE) + BODY,
    "letters in a name": head("région: 東".encode(), PROPER) + BODY,
    "a NUL": head(b"x-policy: a\x00b", PROPER) + BODY,
    "200,000 letters": head(b"x-policy: " + b"a" * 200_000, PROPER) + BODY,
    "2,000 lines": head(*(b"x-%d: 1" % number for number in range(2_000)), PROPER) + BODY,
}
STATUS = {
    first.decode("latin-1")[:40]: head(b"content-type: application/json", PROPER, first=first) + BODY
    for first in (
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 200 \r\n",
        b"HTTP/1.1  200 OK\r\n",
        b"HTTP/1.1\t200\tOK\r\n",
        b"HTTP/2 200 OK\r\n",
        b"HTTP/1.2 200 OK\r\n",
        b"http/1.1 200 OK\r\n",
        "HTTP/1.1 200 成功\r\n".encode(),
        b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" * 3 + b"HTTP/1.1 200 OK\r\n",
    )
}


@field("servers", "a length that is told twice, as a list, beside chunks")
async def test_an_answer_is_read_whatever_its_length_says(lab: Lab) -> None:
    await _all_answered(lab, LENGTHS)


@field("servers", "lines end without a carriage return, are folded")
async def test_an_answer_is_read_whatever_lines_stand_in_its_head(lab: Lab) -> None:
    await _all_answered(lab, LINES)


@field("servers", "`HTTP/2 200 OK`, `http/1.1 200 OK`, two blanks")
async def test_an_answer_is_read_however_its_status_is_written(lab: Lab) -> None:
    await _all_answered(lab, STATUS)


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_a_head_may_come_in_any_pieces(lab: Lab, size: int) -> None:
    for whole in (LENGTHS["twice"], LENGTHS["beside chunks"], LINES["folded"], EVENTS_WHOLE):
        pieces = [whole[begin : begin + size] for begin in range(0, len(whole), size)]
        assert (await lab.answered(raw(*pieces)))["answer"] == "Grüße"


EVENTS_WHOLE = head(b"content-type: text/event-stream", first=b"HTTP/1.1 200 OK\r\n") + EVENTS


@field("servers", "a status of four digits, a body without a head")
async def test_what_began_as_an_answer_is_never_called_free(lab: Lab) -> None:
    for answer in (
        head(PROPER, first=b"HTTP/1.1 2000 OK\r\n") + BODY,
        head(PROPER, first=b"HTTP/1.1 OK\r\n") + BODY,
        BODY,
        EVENTS,
        FIRST,
        FIRST + b"x" * 2_000_000,
    ):
        lab.switch.say(raw(answer))
        error = await refused(lab.process)
        assert "may have charged" in error.message, (answer[:40], error.message)
        assert "Nothing was run" not in error.message
        assert len(lab.switch.asked) == 1


async def test_what_is_no_web_server_is_called_that(lab: Lab) -> None:
    for answer in (
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.example ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ):
        lab.switch.say(raw(answer))
        assert "is no web server" in (await refused(lab.process)).message


async def _all_answered(lab: Lab, answers: dict[str, bytes]) -> None:
    for what, answer in answers.items():
        found = await lab.answered(raw(answer))
        assert found["answer"] == "Grüße", what
        assert found["costUSD"] == pytest.approx(LAB_USD), what
        assert len(lab.switch.asked) == 1, what
