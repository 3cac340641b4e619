"""Parts of a request that a vendor or a server refuses: left out, remembered, and told where it matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.field.hostile import (
    USAGE,
    Answer,
    Asked,
    Switch,
    chat_chunks,
    claude_events,
    serving,
    stream,
    whole,
)
from tests.field.lab import ask, own_models, refused, sidecar, vendor_environment
from tests.helpers.process import SidecarProcess

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
JSON = '{"a": "Good morning"}'
WANTS_JSON = {"jsonMode": True, "jsonSchema": SCHEMA}
THINKS, SEARCHES = {"enableExtendedThinking": True}, {"enableWebSearch": True}
PIRATE, LONG, WARM = {"systemPrompt": "Be a pirate."}, {"maxOutputTokens": 20_000}, {"temperature": 0.3}

Case = tuple[str, dict[str, Any], Callable[[Asked], bool], str]
"""The model, the options, whether a request is refused, and in which words."""


def in_body(word: str) -> Callable[[Asked], bool]:
    return lambda asked: f'"{word}"' in json.dumps(asked.json)


def longer_than(most: int) -> Callable[[Asked], bool]:
    def longer(asked: Asked) -> bool:
        body = {**asked.json, **asked.json.get("generationConfig", {})}
        named = ("max_tokens", "max_completion_tokens", "maxOutputTokens")
        return any(body.get(name, 0) > most for name in named)

    return longer


def streamed(asked: Asked) -> bool:
    return "streamGenerateContent" in asked.target or bool(asked.json.get("stream"))


def by_list(asked: Asked) -> bool:
    return isinstance(asked.json.get("system"), list)


SONNET, HAIKU, GEMMA, FLASH = (
    "anthropic/claude-sonnet-5",
    "anthropic/claude-haiku-4-5",
    "gemini/gemini-2.5-flash",
    "gemini/gemini-3.8-flash",
)
CLAUDE_CASES: tuple[Case, ...] = (
    (SONNET, {}, streamed, "Streaming is not supported for this organization"),
    (HAIKU, WARM, in_body("temperature"), "`temperature` is deprecated for this model."),
    (
        SONNET,
        {"reasoningEffort": "high"},
        in_body("effort"),
        "This model does not support the effort parameter.",
    ),
    (SONNET, THINKS, in_body("display"), "thinking.display: Extra inputs are not permitted"),
    (SONNET, THINKS, in_body("adaptive"), "adaptive thinking is not supported on this model"),
    (
        HAIKU,
        THINKS,
        in_body("budget_tokens"),
        (
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        ),
    ),
    (SONNET, THINKS, in_body("thinking"), "thinking: Extra inputs are not permitted"),
    (SONNET, WANTS_JSON, in_body("json_schema"), "output_config.format: Extra inputs are not permitted"),
    (SONNET, PIRATE, by_list, "system: Input should be a valid string"),
    (SONNET, PIRATE, in_body("system"), "system: Extra inputs are not permitted"),
    (
        HAIKU,
        LONG,
        longer_than(8_192),
        "max_tokens: 20000 > 8192, which is the maximum allowed number of output tokens for claude-haiku-4-5",
    ),
    (
        SONNET,
        LONG,
        longer_than(10_000),
        (
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or "
            "`max_tokens` and try again"
        ),
    ),
)
GEMINI_CASES: tuple[Case, ...] = (
    (FLASH, {}, streamed, "Streaming is not supported for this model"),
    (
        GEMMA,
        PIRATE,
        in_body("systemInstruction"),
        "Developer instruction is not enabled for models/gemma-3-27b-it",
    ),
    (
        GEMMA,
        {"jsonMode": True},
        in_body("responseMimeType"),
        "JSON mode is not enabled for models/gemma-3-27b-it",
    ),
    (
        FLASH,
        WANTS_JSON,
        in_body("responseJsonSchema"),
        'Unknown name "responseJsonSchema": Cannot find field.',
    ),
    (
        GEMMA,
        WANTS_JSON,
        in_body("responseJsonSchema"),
        "The request exceeds the maximum allowed nesting depth.",
    ),
    (FLASH, {"reasoningEffort": "low"}, in_body("thinkingConfig"), "Thinking level LOW is not supported."),
    (
        FLASH,
        LONG,
        longer_than(8_192),
        "it has a maxOutputTokens value of 20000 but the supported range is from 1 (inclusive) to 8193 (exclusive).",
    ),
    (GEMMA, WARM, in_body("temperature"), "temperature is not supported for this model"),
)
OPENAI_CASES: tuple[Case, ...] = (
    (
        "lab/a",
        WARM,
        in_body("temperature"),
        "litellm.UnsupportedParamsError: this model doesn't support temperature",
    ),
    (
        "lab/a",
        LONG,
        longer_than(4_000),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 20000. This model's maximum context length is 4096 "
            "tokens and your request has 96 input tokens (20000 > 4096 - 96)."
        ),
    ),
    (
        "lab/b",
        LONG,
        longer_than(4_000),
        (
            "This model's maximum context length is 4096 tokens. However, you requested 20096 tokens (96 in the "
            "messages, 20000 in the completion). Please reduce the length of the messages or completion."
        ),
    ),
    (
        "lab/c",
        LONG,
        longer_than(8_192),
        "`max_tokens` must be less than or equal to `8192`, the maximum value",
    ),
    (
        "lab/d",
        LONG,
        longer_than(8_000),
        "Invalid max_tokens value, the valid range of max_tokens is [1, 8000]",
    ),
    (
        "openai/gpt-6-sol",
        LONG,
        longer_than(16_384),
        (
            "max_tokens is too large: 20000. This model supports at most 16384 completion tokens, whereas you provided "
            "20000."
        ),
    ),
    (
        "grok/grok-4.3",
        {"reasoningEffort": "high"},
        in_body("reasoning_effort"),
        "Model grok-4.3 does not support parameter reasoningEffort.",
    ),
    (
        "openai/gpt-6-sol",
        {},
        in_body("include_obfuscation"),
        "Unknown parameter: 'stream_options.include_obfuscation'.",
    ),
    (
        "openai/gpt-6-sol",
        PIRATE,
        in_body("developer"),
        "messages[0].role: unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool`",
    ),
    ("lab/e", PIRATE, in_body("system"), "Jinja Exception: System role not supported"),
    (
        "lab/f",
        WANTS_JSON,
        in_body("response_format"),
        "failed to parse grammar: json_schema is not supported",
    ),
)


def said(model: str, words: str, status: int) -> Answer:
    match model.partition("/")[0]:
        case "anthropic":
            error: dict[str, Any] = {"type": "invalid_request_error", "message": words}
            return whole({"type": "error", "error": error}, status)
        case "gemini":
            return whole({"error": {"code": status, "message": words, "status": "INVALID_ARGUMENT"}}, status)
    return whole({"error": {"message": words, "type": "invalid_request_error"}}, status)


def good(model: str, text: str, asked: Asked) -> Answer:
    """The proper answer of that vendor, streamed where it was asked to be."""
    match model.partition("/")[0], streamed(asked):
        case "anthropic", True:
            return stream(*claude_events(text))
        case "anthropic", False:
            usage = {"input_tokens": 1000, "output_tokens": 100}
            content = [{"type": "text", "text": text}]
            return whole(
                {"id": "m1", "type": "message", "content": content, "stop_reason": "end_turn", "usage": usage}
            )
        case "gemini", streams:
            spoken = {"role": "model", "parts": [{"text": text}]}
            chunk = {"candidates": [{"content": spoken, "finishReason": "STOP"}]}
            return stream(chunk) if streams else whole(chunk)
        case _, True:
            return stream(*chat_chunks(text), "[DONE]")
    message = {"role": "assistant", "content": text}
    return whole({"id": "c1", "choices": [{"message": message, "finish_reason": "stop"}], "usage": USAGE})


async def go_through(
    cases: tuple[Case, ...], process: SidecarProcess, switch: Switch, status: int = 400
) -> None:
    for model, options, refuses, words in cases:
        text = JSON if "jsonMode" in options else "Good morning"

        def answer(asked: Asked, case: Case = (model, options, refuses, words), text: str = text) -> Answer:
            return said(case[0], case[3], status) if case[2](asked) else good(case[0], text, asked)

        switch.say(answer)
        answers = [await ask(process, model=model, options=options) for _ in range(2)]
        assert [each["answer"] for each in answers] == [text, text], words
        # What is refused once is known the next time, but for what the prompt alone is to blame for.
        lasting = not any(word in words for word in ("context", "nesting", "json_schema is not"))
        assert not lasting or len(switch.asked) == 3, words


async def test_what_is_refused_is_left_out_for_every_vendor_and_known_the_next_time(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server:
        models = own_models(server.url)
        models["models"] = [{**models["models"][0], "id": each, "name": each} for each in "abcdef"]
        environment = vendor_environment(server.url, "openai", "anthropic", "gemini", "grok")
        async with sidecar(tmp_path, models=models, environment=environment) as process:
            await go_through(CLAUDE_CASES, process, switch)
            await go_through(GEMINI_CASES, process, switch)
            await go_through(OPENAI_CASES, process, switch)


async def test_a_refusal_of_a_field_may_come_with_500_or_in_a_200(tmp_path: Path) -> None:
    switch = Switch()
    async with serving(switch) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        for status in (500, 200):
            case: Case = ("lab/m", WARM, in_body("temperature"), "Unsupported parameter: 'temperature'")
            if status == 200:
                case = ("lab/m", PIRATE, in_body("system"), "System role not supported")
            await go_through((case,), process, switch, status)


async def test_what_was_left_out_is_told_and_what_was_asked_for_by_name_is_not_left_out(
    tmp_path: Path,
) -> None:
    switch = Switch()
    async with serving(switch) as server:
        environment = vendor_environment(server.url, "anthropic")
        async with sidecar(tmp_path, environment=environment) as process:
            await go_through((CLAUDE_CASES[1],), process, switch)
            told = (await ask(process, model=HAIKU, options=WARM))["notes"]
            assert told == ["claude-haiku-4-5 takes no temperature, so it was left out."]
            words = "web search is not enabled for this organization"
            switch.say(lambda asked: said(SONNET, words, 400))
            assert words in (await refused(process, model=SONNET, options=SEARCHES)).message
            assert len(switch.asked) == 1
