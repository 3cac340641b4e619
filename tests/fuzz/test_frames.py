"""Whatever bytes come down the pipe, each is answered or let be: no bug of ours, no hang, no exit, no growth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.fuzz.drawn import drawn
from tests.helpers.sidecar import mock_process
from tests.helpers.soak import longer
from tests.helpers.wire import Framing

# Enough for each kind of frame to come up many times, and over in seconds.
EXAMPLES = longer(150, 400)
AT_ONCE = 50
GROWTH_BYTES = 64 * 1024 * 1024

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# A method that ends the process ends it by right.
METHODS = st.sampled_from(
    ["system:health", "project:list", "chat:send", "$/cancelRequest", "rpc.x", "", "initialize"]
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | JSON,
        # No number: those are the test's own.
        "id": st.text(max_size=8) | st.none() | st.booleans() | st.lists(JSON, max_size=2),
        "method": METHODS | JSON.filter(lambda value: value not in ("exit", "shutdown")),
        "params": JSON,
        "result": JSON,
    },
)
SPELLED = (MESSAGES | st.lists(MESSAGES, max_size=3) | JSON).map(lambda value: json.dumps(value).encode())
PIECES = (
    st.binary(max_size=40) | SPELLED | st.sampled_from([b"\r\n\r\n", b"\xef\xbb\xbf", b"Content-Type: x"])
)
LINES = st.lists(PIECES, max_size=4).map(lambda pieces: b"".join(pieces) + b"\n")
# What a length says of itself is at times not so; what follows is then read as it falls.
BLOCKS = (
    st.lists(PIECES, max_size=4)
    .map(b"".join)
    .map(lambda body: b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
)


@pytest.mark.parametrize(("framing", "frames"), [("newline", LINES), ("headers", BLOCKS)])
async def test_no_bytes_on_the_pipe_are_a_bug_of_ours(
    framing: Framing, frames: st.SearchStrategy[bytes], tmp_path: Path
) -> None:
    sent = drawn(frames, EXAMPLES)
    async with mock_process(tmp_path, framing=framing) as process:
        await process.call("system:health")
        before = process.rss_bytes()
        for at in range(0, len(sent), AT_ONCE):
            process.send_raw(b"".join(sent[at : at + AT_ONCE]))
            assert (await process.call("system:health"))["status"], sent[at : at + AT_ONCE]
            assert bugs(process.received) == [], sent[at : at + AT_ONCE]
        after = process.rss_bytes()
        assert len(process.received) > EXAMPLES / 2  # what is wrong is said, not swallowed
        assert before is None or after is None or after - before < GROWTH_BYTES
        process.close_stdin()
        assert await process.wait() == 0


def bugs(received: list[Any]) -> list[Any]:
    """The answers that say of themselves that they are a bug."""
    answers = [each for message in received for each in (message if isinstance(message, list) else [message])]
    return [each for each in answers if each.get("error", {}).get("code") == -32603]
