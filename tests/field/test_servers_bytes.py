"""Answers whose bytes are not as they should be: sizes of chunks, comments before them, letters of other charsets."""

from __future__ import annotations

import json

import pytest

from tests.field.hostile import USAGE, Answer, chat_chunk, chat_chunks, event, head, raw, stream
from tests.field.lab import LAB_USD, Lab, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

SSE = "text/event-stream"
BODY = b"".join(event(each) for each in chat_chunks("Good ", "morning"))
WHOLE = {
    "choices": [{"message": {"content": "Good morning"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
JSON = json.dumps(WHOLE).encode()
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunks(before: bytes = b"", line: bytes = b"\r\n", behind: bytes = b"\r\n", size: int = 50) -> Answer:
    """The body in chunks; `before` stands before each size, `line` ends it, `behind` stands behind each chunk."""
    parts = [BODY[at : at + size] for at in range(0, len(BODY), size)]
    framed = [before + b"%x" % len(part) + line + part + behind for part in [*parts, b""]]
    # Cut elsewhere than between the chunks.
    joined = b"".join(framed)
    return raw(CHUNKED, *[joined[at : at + 37] for at in range(0, len(joined), 37)])


ODD_CHUNKS = {
    "bare line feeds": chunks(line=b"\n", behind=b"\n"),
    "a bare line feed behind the size": chunks(line=b"\n"),
    "0x": chunks(before=b"0x"),
    "a blank before": chunks(before=b" "),
    "no chunks at all": raw(CHUNKED, BODY),
    "usual ones": chunks(),
}
BEFORE = {
    "a comment": b"<!-- passed on by a proxy -->\n",
    "comments and a blank line": b"\n<!-- a --> <!-- data: b -->\n\n",
    "a word": b"connected\n",
}


@pytest.mark.parametrize("how", ODD_CHUNKS)
async def test_chunks_are_read_whose_sizes_are_written_otherwise(how: str, lab: Lab) -> None:
    found = await lab.answered(ODD_CHUNKS[how])
    assert (found["answer"], found["costUSD"]) == ("Good morning", pytest.approx(LAB_USD))


async def test_a_size_that_is_none_is_no_answer(lab: Lab) -> None:
    for line in (b"20\n", b"20\r\n"):
        lab.switch.say(raw(CHUNKED, line, BODY))
        assert (await refused(lab.process)).data["kind"] == "provider_unavailable"


@pytest.mark.parametrize("what", BEFORE)
async def test_what_stands_before_an_answer_takes_nothing_of_it(what: str, lab: Lab) -> None:
    found = await lab.answered(raw(head(200, None, SSE), BEFORE[what] + BODY))
    assert (found["answer"], found["costUSD"]) == ("Good morning", pytest.approx(LAB_USD))
    assert (await lab.answered(raw(head(), BEFORE[what] + JSON)))["answer"] == "Good morning"


@pytest.mark.parametrize(
    "page", [b"<!-- x -->", b"<!-- x --><html>Sign in</html>", b"<!-- x -->Sign in", b"<!-- x"]
)
async def test_a_page_that_begins_with_a_comment_is_a_page(page: bytes, lab: Lab) -> None:
    lab.switch.say(raw(head(200, None, "text/html"), page))
    assert "web page" in (await refused(lab.process)).message


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
async def test_western_letters_are_read_where_no_header_names_their_charset(encoding: str, lab: Lab) -> None:
    text = "Größe, café" if encoding == "latin-1" else "Größe, “café”"
    body = json.dumps(WHOLE).replace("Good morning", text.replace('"', "'")).encode(encoding)
    assert (await lab.answered(raw(head(), body)))["answer"] == text
    pieces = BODY.replace(b"Good ", text.encode(encoding))
    assert (await lab.answered(raw(head(200, None, SSE), pieces)))["answer"] == f"{text}morning"
    lab.switch.say(raw(head(400, None, "text/plain"), "Clé refusée".encode(encoding)))
    assert "Clé refusée" in (await refused(lab.process)).message


async def test_a_letter_that_was_cut_makes_no_other_one_wrong(lab: Lab) -> None:
    cut = [
        event(chat_chunk({"content": "X"})).replace(b"X", part)
        for part in (b"\xe4", b"\xbd\xa0", "好".encode())
    ]
    found = await lab.answered(
        stream(chat_chunk({"content": "So: "}), *cut, *chat_chunks(" – 5 €"), "[DONE]")
    )
    assert found["answer"].endswith("好 – 5 €")
