"""Answers in the shapes of other protocols, and streams that are cut and spelled as servers of their own do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.hostile import (
    USAGE,
    Answer,
    Switch,
    chat_chunk,
    chat_chunks,
    head,
    raw,
    serving,
    stream,
    whole,
)
from tests.field.lab import LAB_USD, ask, batch_rows, own_models, sidecar

GOOD = list(chat_chunks("Good ", "morning"))
SAYS = "Good morning"
OLLAMA = [
    {"model": "m", "message": {"role": "assistant", "content": "Good "}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": "morning"}, "done": False},
    {
        "model": "m",
        "message": {"content": ""},
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 1000,
    },
]
OLLAMA[2]["eval_count"] = 100


def choice(said: dict[str, Any], **more: Any) -> Answer:
    """A whole completion with this choice."""
    return whole({"id": "c1", "choices": [{"finish_reason": "stop", **said}], "usage": USAGE, **more})


def content(value: Any) -> Answer:
    return choice({"message": {"role": "assistant", "content": value}})


def streamed(*choices: dict[str, Any]) -> Answer:
    return stream(
        *({"id": "c1", "choices": [each]} for each in choices), {"choices": [], "usage": USAGE}, "[DONE]"
    )


def lines(text: str, encoding: str = "utf-8", content_type: str = "text/event-stream") -> Answer:
    return raw(head(200, None, content_type), text.encode(encoding))


def events(prefix: str = "data: ", end: str = "\n\n") -> str:
    return "".join(f"{prefix}{json.dumps(each)}{end}" for each in [*GOOD]) + f"{prefix}[DONE]{end}"


def marked(text: str, content_type: str) -> Answer:
    """UTF-8 behind the mark of UTF-16, as it comes where a program writes the mark, and another one the text."""
    return raw(head(200, None, content_type), b"\xff\xfe" + text.encode())


WHOLE = {"choices": [{"message": {"content": SAYS}, "finish_reason": "stop"}], "usage": USAGE}


SHAPES: dict[str, Answer] = {
    "lines that end with a carriage return": lines(events(end="\r\r")),
    "no blank lines": lines(events(end="\n")),
    "UTF-16 with a mark": lines(events(), "utf-16"),
    "UTF-16 without": lines(events(), "utf-16-le"),
    "UTF-16, other way round": lines(events(), "utf-16-be"),
    "UTF-8 behind a mark of UTF-16": marked(events(), "text/event-stream"),
    "such a mark before a whole answer": marked(json.dumps(WHOLE), "application/json"),
    "a stream in a stream": lines(events("data: data: ")),
    "indented": lines(events("  data: ")),
    "in capitals": lines(events("Data: ")),
    "a line an object": lines(
        "".join(json.dumps(each) + "\n" for each in GOOD), content_type="application/x-ndjson"
    ),
    "data over several lines": lines(
        "".join("data: " + json.dumps(each, indent=1).replace("\n", "\ndata: ") + "\n\n" for each in GOOD)
    ),
    "text for a delta": streamed(
        *({"text": text} for text in ("Good ", "morning")), {"finish_reason": "stop"}
    ),
    "a delta that is a text": streamed({"delta": SAYS}, {"delta": {}, "finish_reason": "stop"}),
    "messages for deltas": streamed(
        *({"message": {"content": text}, "finish_reason": None} for text in ("Good ", "morning")),
        {"message": {"content": ""}, "finish_reason": "stop"},
    ),
    "a null delta at the end": streamed(
        {"delta": {"content": SAYS}}, {"delta": None, "finish_reason": "stop"}
    ),
    "an older completion": choice({"text": SAYS}),
    "a single choice": whole(
        {"choices": {"message": {"content": SAYS}, "finish_reason": "stop"}, "usage": USAGE}
    ),
    "parts": content([{"type": "text", "text": "Good "}, {"type": "text", "text": {"value": "morning"}}]),
    "parts of a response": content([{"type": "output_text", "text": SAYS}]),
    "parts with a content": content([{"type": "text", "content": SAYS}]),
    "an object": content({"type": "text", "text": SAYS}),
    "an object with parts": content({"parts": [{"text": SAYS}]}),
    "a message whose words are its text": choice(
        {"message": {"role": "assistant", "content": None, "text": SAYS}}
    ),
    "a response": whole(
        {
            "object": "response",
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": SAYS}]}],
            "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
        }
    ),
    "Ollama's own": whole({**OLLAMA[2], "message": {"role": "assistant", "content": SAYS}}),
    "Ollama's own, a line an object": lines("".join(json.dumps(each) + "\n" for each in OLLAMA)),
    "llama.cpp's own": whole(
        {"content": SAYS, "stop": True, "tokens_evaluated": 1000, "tokens_predicted": 100}
    ),
    "an envelope": whole({"success": True, "result": {"response": SAYS, "usage": USAGE}, "errors": []}),
    "another envelope": whole(
        {
            "code": 0,
            "msg": "success",
            "data": {"choices": [{"message": {"content": SAYS}, "finish_reason": "stop"}], "usage": USAGE},
        }
    ),
    **{
        f"an end called {name}": streamed({"delta": {"content": SAYS}}, {"delta": {}, name: word})
        for name, word in {
            "finishReason": "STOP",
            "native_finish_reason": "end_turn",
            "stop_reason": "end_turn",
            "done_reason": "stop",
            "finish_reason": True,
        }.items()
    },
}
ENDS = {
    "stop": ("STOP", "eos", "eos_token", "stop_sequence", "end_turn", "COMPLETE", "tool_calls", "unknown"),
    "length": (
        "LENGTH",
        "length_limit",
        "MAX_TOKENS",
        "max_length",
        "token_limit",
        "max_new_tokens",
        "incomplete",
    ),
    "content_filter": (
        "SAFETY",
        "sensitive",
        "ERROR_TOXIC",
        "refusal",
        "PROHIBITED_CONTENT",
        "guardrail_intervened",
    ),
    "error": ("ERROR", "engine_overloaded", "network_error", "abort", "cancelled", "timeout"),
}


async def test_an_answer_is_read_in_whatever_shape_a_server_gives_it(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for name, answer in SHAPES.items():
            switch.say(answer)
            found = await ask(process)
            told = (found["answer"], found["finishReason"], len(switch.asked))
            assert told == (SAYS, "stop", 1), name
            assert found["costUSD"] == pytest.approx(LAB_USD), name


async def test_an_end_means_the_same_in_whatever_words_it_is_told(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for reason, words in ENDS.items():
            for word in words:
                switch.say(stream(chat_chunk({"content": SAYS}), chat_chunk({}, word), {"usage": USAGE}))
                assert (await ask(process))["finishReason"] == reason, word


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t1", "type": "function"}]},
        {"role": "assistant", "content": "", "reasoning_content": "Hm."},
    ],
)
async def test_a_row_whose_answer_has_no_word_is_no_success(message: dict[str, Any], tmp_path: Path) -> None:
    async with (
        serving(choice({"message": message})) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        (row,) = await batch_rows(process, {"prompt": "Why?", "model": "lab/m"})
    assert row["status"] == "error", row
