"""Streams of servers in the field: what means nothing loses nothing."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.field.claims import field
from tests.field.hostile import (
    USAGE,
    Answer,
    chat_chunk,
    chat_chunks,
    claude_events,
    event,
    head,
    raw,
    serving,
    stream,
    whole,
)
from tests.field.lab import (
    LAB_USD,
    Lab,
    ask,
    conversation,
    messages,
    refused,
    sidecar,
    vendor_environment,
)

CLAUDE = "anthropic/claude-sonnet-5"
GOOD = list(chat_chunks("Good ", "morning"))
PARTS = [json.dumps(each) for each in GOOD]
BROKEN = '{"id": "c1", "choices": [{"index": 0, "delta": {"content": "lo'


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def answered(answer: Answer, lab: Lab) -> dict[str, Any]:
    """What the person sees of this answer of their own server."""
    found = await lab.answered(answer)
    assert found["costUSD"] == pytest.approx(LAB_USD)
    return found


def between(noise: Any) -> Answer:
    """A proper stream with the noise before, between and after its pieces."""
    return stream(noise, *(each for chunk in GOOD for each in (chunk, noise)), "[DONE]", noise)


@field("servers", "empty `data:` lines before, between and after the pieces")
@field("servers", "an event whose data is `null`, another with `{}`, as heart-beat")
@pytest.mark.parametrize(
    "noise",
    [
        b"data:\n\n",
        b"data: \ndata:\n\n",
        b"data\n\n",
        b"data: null\n\n",
        b"data: {}\n\n",
        b"data: []\n\n",
        b": keep-alive\n\n",
        b": keep-alive\n",
        b"data: ping\n\n",
        b"event: ping\ndata: {}\n\n",
        b"comment: what\nnothing\n\n",
        b"data: 7\n\n",
        b"\n\n\n",
    ],
)
async def test_what_means_nothing_costs_nothing_wherever_it_stands(noise: bytes, lab: Lab) -> None:
    assert (await answered(between(noise), lab))["answer"] == "Good morning"


@field("servers", 'an emoji as `"\\ud83d"` at the end of one piece')
@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (("Hi \ud83d", "\ude00!"), "Hi 😀!"),
        (("\ud83d", "", "\ude00"), "😀"),
        (("a\ud83d", "b"), "a\ufffdb"),
        (("\ude00", "b\ud83d"), "\ufffdb\ufffd"),
        (("\ud83d", "\ude00\ud83d", "\ude00"), "😀😀"),
    ],
)
async def test_an_emoji_that_is_cut_in_two_is_one(texts: tuple[str, ...], shown: str, lab: Lab) -> None:
    assert (await answered(stream(*chat_chunks(*texts), "[DONE]"), lab))["answer"] == shown


@field("servers", 'an emoji as `"\\ud83d"` at the end of one piece')
async def test_an_emoji_that_is_cut_in_two_is_one_in_the_vendors_own_protocols(tmp_path: Path) -> None:
    gemini = [
        {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **more}]}
        for text, more in (("Hi \ud83d", {}), ("\ude00", {"finishReason": "STOP"}))
    ]
    async with serving(stream(*claude_events("Hi \ud83d", "\ude00")), stream(*gemini)) as server:
        environment = vendor_environment(server.url, "anthropic", "gemini")
        async with sidecar(tmp_path, environment=environment) as process:
            for model in (CLAUDE, "gemini/gemini-3.8-flash"):
                assert (await ask(process, model=model))["answer"] == "Hi 😀"


@field("servers", "`-Infinity` among `logprobs`")
@pytest.mark.parametrize("number", ["-Infinity", "NaN", "Infinity"])
async def test_numbers_that_are_none_where_nobody_reads_them_are_no_trouble(number: str, lab: Lab) -> None:
    piece = PARTS[0].replace(
        '"index": 0', f'"index": 0, "logprobs": {{"content": [{{"logprob": {number}}}]}}'
    )
    assert (await answered(stream(piece, *GOOD[1:]), lab))["answer"] == "Good morning"


@field("servers", "a raw tab inside a JSON text")
@pytest.mark.parametrize("control", ["\t", "\x01", "\x1f", "\x00"])
async def test_a_raw_control_character_is_part_of_the_text(control: str, lab: Lab) -> None:
    piece = PARTS[0].replace("Good ", f"Good{control}")
    assert (await answered(stream(piece, *GOOD[1:]), lab))["answer"] == f"Good{control}morning"


@field("servers", "one event whose JSON breaks off, between readable ones")
@pytest.mark.parametrize("broken", [BROKEN, "{", BROKEN + '"}}]', "[" + BROKEN])
async def test_one_event_that_breaks_off_loses_itself_alone_and_is_noted(broken: str, lab: Lab) -> None:
    found = await answered(stream(GOOD[0], broken, *GOOD[1:], "[DONE]"), lab)
    assert found["answer"] == "Good morning"
    assert any("could not be read" in note for note in found["notes"])


async def test_two_events_without_the_line_between_them_are_two(lab: Lab) -> None:
    lines = b"".join(f"data: {part}\n".encode() for part in PARTS)
    assert (await answered(stream(lines + b"data: [DONE]\n\n"), lab))["answer"] == "Good morning"


async def test_lines_of_json_in_place_of_events_are_read(lab: Lab) -> None:
    assert (await answered(stream("\n".join(PARTS).encode()), lab))["answer"] == "Good morning"


@field("servers", "`data: [DONE]` behind Anthropic's `message_stop`, in the same packet")
@pytest.mark.parametrize("behind", [b"data: [DONE]\n\n", b"data: {nonsense\n\n", b'data: {"error": "x"}\n\n'])
async def test_what_stands_behind_the_end_is_not_read(behind: bytes, tmp_path: Path) -> None:
    packet = b"".join(map(event, claude_events("Good morning"))) + behind
    async with (
        serving(stream(packet)) as server,
        sidecar(tmp_path, environment=vendor_environment(server.url, "anthropic")) as process,
    ):
        found = await ask(process, model=CLAUDE)
    assert found["answer"] == "Good morning"
    assert found["costUSD"] > 0
    assert "notes" not in found or not any("could not be read" in note for note in found["notes"])


@pytest.mark.parametrize(
    "events",
    [
        ["[DONE]", *GOOD],
        [*GOOD[:2], "[DONE]", *GOOD[2:]],
        [*GOOD[:3], "[DONE]", GOOD[3], "[DONE]"],
        [*GOOD, "[DONE]", "[DONE]", {"error": {"message": "late"}}, chat_chunk({"content": "more"})],
    ],
)
async def test_the_mark_of_the_end_loses_nothing_wherever_it_stands(events: list[Any], lab: Lab) -> None:
    assert (await answered(stream(*events), lab))["answer"] == "Good morning"


@field("servers", "Stay as they are: `id:` and `retry:` lines, a byte order mark")
@pytest.mark.parametrize(
    "answer",
    [
        stream(
            b"\xef\xbb\xbfid: 1\nretry: 10\n",
            *(event(each) for each in chat_chunks("Good ", "morning")),
            b"data: [DONE]",
        ),
        raw(
            head(content_type="text/event-stream", headers={"content-encoding": "deflate"}),
            zlib.compress(b"".join(map(event, GOOD))),
        ),
        stream({**GOOD[0], "choices": [{**GOOD[0]["choices"][0], "finish_reason": ""}]}, *GOOD[1:]),
        stream({"choices": [], "prompt_filter_results": []}, {"choices": [{"index": 0}]}, *GOOD),
        stream(*GOOD),
        whole(
            {
                "id": "c1",
                "model": "m",
                "choices": [{"message": {"content": "Good morning"}, "finish_reason": "stop"}],
                "usage": USAGE,
            }
        ),
    ],
    ids=["marks", "deflate", "empty reason", "filter", "no mark", "whole"],
)
async def test_ids_retries_a_byte_order_mark_and_a_missing_last_newline_are_no_trouble(
    answer: Answer, lab: Lab
) -> None:
    assert (await answered(answer, lab))["answer"] == "Good morning"


async def test_bytes_that_are_no_text_are_marks_in_it(lab: Lab) -> None:
    piece = event(GOOD[0]).replace(b"Good ", b"G\xffd ")
    assert (await answered(stream(piece, *GOOD[1:]), lab))["answer"] == "G\ufffdd morning"


@pytest.mark.parametrize("last", [b"", b"data: {nonsense\n\n"])
async def test_a_stream_without_any_end_is_an_error_and_its_text_is_kept(last: bytes, lab: Lab) -> None:
    lab.switch.say(stream(*GOOD[:2], last))
    talk = await conversation(lab.process)
    error = await refused(lab.process, conversationId=talk)
    kept = await messages(lab.process, talk)
    assert "may have charged" in error.message
    assert [message["content"] for message in kept] == ["Why?", "Good morning"]


@pytest.mark.parametrize("keeps", ["the mark", "only its reason and usage"])
async def test_a_finished_answer_whose_server_forgets_to_close_has_ended(keeps: str, lab: Lab) -> None:
    marks = ["[DONE]"] if keeps == "the mark" else []
    found = await answered(stream(*GOOD, *marks, keep_open=True), lab)
    assert found["answer"] == "Good morning"


@pytest.mark.parametrize(
    "events",
    [
        [*PARTS, "[done]"],
        [*PARTS, '"[DONE]"'],
        ["".join(PARTS), "[DONE]"],
        ["data: ".join(PARTS)],
        [*map(json.dumps, PARTS), "[DONE]"],
    ],
    ids=["mark in small letters", "mark as JSON", "objects without a line between", "glued", "JSON in JSON"],
)
async def test_pieces_that_are_written_down_oddly_are_read(events: list[str], lab: Lab) -> None:
    found = await answered(stream(*events), lab)
    assert found["answer"] == "Good morning"
    assert found.get("notes", []) == []


async def test_a_thought_of_google_s_compatible_api_is_no_answer(lab: Lab) -> None:
    thought = chat_chunk({"content": "Hm.", "extra_content": {"google": {"thought": True}}})
    found = await answered(stream(thought, *GOOD, "[DONE]"), lab)
    assert (found["thinking"], found["answer"]) == ("Hm.", "Good morning")
