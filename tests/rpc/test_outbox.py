from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sidecar.rpc.outbox import Outbox


class Client:
    """Takes what an outbox writes; while `stuck`, the write that is under way does not end."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self._free = asyncio.Event()
        self._free.set()

    async def write(self, data: bytes) -> None:
        self.writes.append(data)
        await self._free.wait()

    def stop(self) -> None:
        self._free.clear()

    def go_on(self) -> None:
        self._free.set()

    @property
    def messages(self) -> list[Any]:
        return [json.loads(line) for data in self.writes for line in data.splitlines()]

    @property
    def values(self) -> list[Any]:
        """The progress values, and the ids of responses among them."""
        return [
            message["params"]["value"] if "method" in message else message["id"] for message in self.messages
        ]


async def flush(outbox: Outbox, client: Client) -> None:
    outbox.framing = "newline"
    outbox.close()
    async with asyncio.timeout(60):
        await outbox.run(client.write)


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def thinking(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "text": words, **more}


async def left(*values: Any, token: str = "t") -> list[Any]:
    """What leaves when these progress values wait together; an int stands for a response."""
    outbox, client = Outbox(), Client()
    for value in values:
        if isinstance(value, int):
            outbox.send(b'{"id":%d}' % value)
        else:
            outbox.progress(token, value)
    await flush(outbox, client)
    return client.values


async def test_text_that_waits_is_joined() -> None:
    assert await left(text("a"), text("b"), text("ü")) == [text("abü")]


async def test_kinds_are_not_mixed_and_keep_their_order() -> None:
    assert await left(thinking("a"), thinking("b"), text("c"), thinking("d"), text("e"), text("f")) == [
        thinking("ab"),
        text("c"),
        thinking("d"),
        text("ef"),
    ]


async def test_the_models_of_a_comparison_are_joined_each_for_itself() -> None:
    one, two = {"modelId": "one"}, {"modelId": "two"}
    assert await left(
        text("a", **one), text("x", **two), text("b", **one), thinking("?", **two), text("y", **two)
    ) == [text("ab", **one), text("x", **two), thinking("?", **two), text("y", **two)]


async def test_other_values_are_kept_and_nothing_overtakes_them() -> None:
    done = {"type": "done", "costUSD": 0.1}
    assert await left(text("a"), done, text("b"), done, done) == [text("a"), done, text("b"), done, done]


async def test_what_is_done_for_one_model_does_not_part_the_text_of_another() -> None:
    one, two = {"modelId": "one"}, {"modelId": "two"}
    done = {"type": "done", **one}
    assert await left(text("a", **one), text("x", **two), done, text("y", **two), text("b", **one)) == [
        text("a", **one),
        text("xy", **two),
        done,
        text("b", **one),
    ]


async def test_text_with_more_to_say_is_not_joined() -> None:
    marked = text("b", index=1)
    assert await left(text("a"), marked, marked) == [text("a"), marked, marked]


async def test_tokens_are_not_mixed() -> None:
    outbox, client = Outbox(), Client()
    for token in ("t", "u", "t"):
        outbox.progress(token, text(token))
    await flush(outbox, client)
    assert client.values == [text("tt"), text("u")]


async def test_joined_text_leaves_before_the_response_that_follows_it() -> None:
    assert await left(text("a"), 1, text("b"), 2) == [text("ab"), 1, 2]


async def test_lone_surrogates_do_not_break_joined_text() -> None:
    assert await left(text("a\ud800"), text("b")) == [text("a\ufffdb")]


async def test_what_has_begun_to_leave_takes_nothing_more() -> None:
    outbox, client = Outbox(), Client()
    outbox.framing = "newline"
    client.stop()
    running = asyncio.create_task(outbox.run(client.write))
    outbox.progress("t", text("first"))
    while not client.writes:
        await asyncio.sleep(0)
    for number in range(100):
        outbox.progress("t", text("."))
        outbox.notify("job", {"done": number}, merge_key="j")
    outbox.send(b'{"id":1}')
    client.go_on()
    outbox.close()
    async with asyncio.timeout(60):
        await running
    assert [message.get("method") for message in client.messages] == ["$/progress", "$/progress", "job", None]
    assert client.messages[1]["params"]["value"] == text("." * 100)
    assert client.messages[2]["params"] == {"done": 99}


async def test_only_the_newest_of_a_merge_key_leaves_and_in_the_place_of_the_oldest() -> None:
    outbox, client = Outbox(), Client()
    outbox.notify("job", {"done": 1}, merge_key="a")
    outbox.notify("row", {"row": 1})
    outbox.notify("job", {"done": 9}, merge_key="b")
    outbox.notify("other", None, merge_key="a")
    outbox.notify("job", {"done": 2}, merge_key="a")
    outbox.notify("row", {"row": 1})
    await flush(outbox, client)
    assert [(message["method"], message.get("params")) for message in client.messages] == [
        ("job", {"done": 2}),
        ("row", {"row": 1}),
        ("job", {"done": 9}),
        ("other", None),
        ("row", {"row": 1}),
    ]


async def test_everything_of_one_turn_leaves_in_one_write() -> None:
    outbox, client = Outbox(), Client()
    for number in range(500):
        outbox.send(b'{"id":%d}' % number)
    await flush(outbox, client)
    assert [len(client.writes), client.values] == [1, list(range(500))]


async def test_a_write_is_bounded() -> None:
    outbox, client = Outbox(write_bytes=1000), Client()
    for number in range(500):
        outbox.send(b'{"id":%d}' % number)
    await flush(outbox, client)
    assert max(map(len, client.writes)) < 1100
    assert client.values == list(range(500))


async def test_nothing_leaves_before_the_framing_is_known() -> None:
    outbox, client = Outbox(), Client()
    running = asyncio.create_task(outbox.run(client.write))
    outbox.notify("early", {})
    for _ in range(10):
        await asyncio.sleep(0)
    assert client.writes == []
    outbox.framing = "headers"
    outbox.close()
    async with asyncio.timeout(60):
        await running
    assert client.writes[0].startswith(b"Content-Length: 46\r\n\r\n{")


async def test_too_much_that_waits_leaves_no_room_until_most_has_left() -> None:
    outbox, client = Outbox(high_water_bytes=1000, low_water_bytes=200, write_bytes=100), Client()
    outbox.framing = "newline"
    for _ in range(10):
        outbox.send(b"1" * 101)
    assert outbox.full
    waiting = asyncio.create_task(outbox.room())
    client.stop()
    running = asyncio.create_task(outbox.run(client.write))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    client.go_on()
    async with asyncio.timeout(60):
        await waiting
    assert len(client.writes) >= 8
    outbox.close()
    await running


async def test_progress_that_is_joined_is_counted_by_its_text() -> None:
    outbox = Outbox(high_water_bytes=10_000)
    outbox.framing = "newline"
    for _ in range(1000):
        outbox.progress("t", text("abc"))
        outbox.notify("job", {}, merge_key="j")
    assert not outbox.full
    outbox.progress("t", text("a" * 10_000))
    assert outbox.full


async def test_before_the_framing_is_known_reading_never_pauses() -> None:
    outbox = Outbox(high_water_bytes=10)
    outbox.notify("early", {"text": "x" * 100})
    async with asyncio.timeout(60):
        await outbox.room()


async def test_when_nobody_reads_any_more_nothing_is_kept() -> None:
    outbox, client = Outbox(high_water_bytes=10), Client()
    outbox.framing = "newline"
    outbox.send(b"1" * 100)
    outbox.discard()
    outbox.send(b"2")
    outbox.progress("t", text("x" * 100))
    outbox.notify("job", {}, merge_key="j")
    assert not outbox.full
    await flush(outbox, client)
    assert client.writes == []


@pytest.mark.parametrize("merge_key", [None, "k"])
async def test_a_notification_that_json_cannot_say_hurts_only_itself(merge_key: str | None) -> None:
    outbox, client = Outbox(), Client()
    outbox.notify("bad", {"value": object()}, merge_key=merge_key)
    outbox.notify("good", {})
    await flush(outbox, client)
    assert [message["method"] for message in client.messages] == ["good"]


async def test_many_small_deltas_take_little_more_memory_than_their_text() -> None:
    import tracemalloc

    outbox, client = Outbox(), Client()
    tracemalloc.start()
    try:
        for _ in range(100_000):
            outbox.progress("t", text("abcdefghij"))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    await flush(outbox, client)
    assert client.values == [text("abcdefghij" * 100_000)]


async def test_an_answer_that_is_alone_leaves_at_once_and_one_that_is_not_keeps_its_place() -> None:
    outbox = Outbox()
    outbox.framing = "newline"
    left: list[bytes] = []

    def write_now(data: bytes) -> bool:
        left.append(data)
        return True

    async def write(data: bytes) -> None:
        left.append(data)

    running = asyncio.create_task(outbox.run(write, write_now))
    await asyncio.sleep(0)
    outbox.send_last(b"1")
    assert left == [b"1\n"]
    outbox.send(b"2")
    outbox.send_last(b"3")
    assert left == [b"1\n"]
    outbox.close()
    await running
    assert left == [b"1\n", b"2\n3\n"]


async def test_an_answer_waits_while_another_is_being_written_or_does_not_fit() -> None:
    outbox = Outbox()
    outbox.framing = "newline"
    left: list[bytes] = []
    free = asyncio.Event()

    async def write(data: bytes) -> None:
        await free.wait()
        left.append(data)

    running = asyncio.create_task(outbox.run(write, lambda data: False))
    await asyncio.sleep(0)
    outbox.send_last(b"1")
    await asyncio.sleep(0)
    outbox.send_last(b"2")
    free.set()
    outbox.close()
    await running
    assert left == [b"1\n", b"2\n"]
