"""generateContent and countTokens on Google's side of the wire: bodies in, JSON and streams out (pure)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sidecar.providers.base import Usage
from sidecar.simulator.answers import pieces
from sidecar.simulator.counting import BYTES_PER_TOKEN, count_prompt
from sidecar.simulator.directives import read_directives
from sidecar.simulator.exchange import Ask, Completion, Frame, Refusal
from sidecar.simulator.gemini.errors import error_body
from sidecar.simulator.gemini.rules import in_camel_case, invalid, version_of

SEARCHED_PAGE = "https://example.com/simulated"
# What a search adds to the prompt is counted beside it.
TOOL_TOKENS = 8
LONG_ANSWERS = (4, 0)

_EFFORT_OF_LEVEL = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high"}
_ROLES = {"user": "user", "model": "assistant"}
_IN_WORDS = re.compile(r"JSON Schema[^{]*(?=\{)")


@dataclass(frozen=True, slots=True)
class GeminiAsk(Ask):
    """An `ChatInput` that may be one part of a longer answer.

    `said` tokens were visible in the parts before, `spent` counts their thoughts too; `limit` and `ordered` are
    for all parts together.
    """

    said: int = 0
    spent: int = 0
    limit: int | None = None
    ordered: int | None = None
    continues: bool = False


class GeminiContent:
    """A `Surface` for one model: Google names it in the path. `part_tokens` is the longest part of an answer."""

    EFFORT_PARAM = "generation_config.thinking_config"

    def __init__(self, model: str, *, stream: bool, part_tokens: int, bare_errors: bool = False) -> None:
        self.model = model
        self.stream = stream
        self.part_tokens = part_tokens
        self.bare_errors = bare_errors

    def read_ask(self, body: Mapping[str, Any]) -> GeminiAsk:
        """What the body asks. Raises Refused for one that makes no sense."""
        body = in_camel_case(body)
        messages = read_messages(body)
        generation = mapping(body.get("generationConfig"))
        thinking = mapping(generation.get("thinkingConfig"))
        schema, json_mode = _form(generation, messages)
        said, spent = _read_token(body.get("continuationToken"))
        limit = generation.get("maxOutputTokens")
        limit = limit if isinstance(limit, int) else None
        continues = version_of(self.model) >= LONG_ANSWERS and version_of(self.model) < (99, 0)
        ordered = _ordered_tokens(messages)
        most = [self.part_tokens] if continues else []
        most += [limit - spent] if limit is not None else []
        most += [ordered - said] if ordered is not None and said else []
        return GeminiAsk(
            model=self.model,
            messages=messages,
            stream=self.stream,
            include_usage=True,
            json_mode=json_mode,
            schema=schema,
            max_output_tokens=min(most) if most else None,
            # It has thought about the whole answer before the first part of it.
            effort="none" if said else _effort(thinking),
            search=any("googleSearch" in mapping(tool) for tool in body.get("tools") or ()),
            summaries=thinking.get("includeThoughts") is True,
            said=said,
            spent=spent,
            limit=limit,
            ordered=ordered,
            continues=continues,
        )

    def whole(self, ask: Ask, made: Completion) -> bytes:
        """The answer as one JSON document."""
        parts = [{"text": made.thinking, "thought": True}] if made.thinking else []
        parts += [{"text": made.text}] if made.text else []
        return orjson.dumps(_response(made, parts, made.usage, _ending(ask, made)))

    def frames(self, ask: Ask, made: Completion) -> Iterator[Frame]:
        """The answer as a stream whose usage grows with it."""
        size = 0
        for piece in pieces(made.thinking):
            thought = [{"text": piece, "thought": True}]
            yield _event(_response(made, thought, _so_far(made.usage, 0)))
        for piece in pieces(made.text):
            size += len(piece.encode("utf-8", "replace"))
            usage = _so_far(made.usage, -(-size // BYTES_PER_TOKEN))
            yield _event(_response(made, [{"text": piece}], usage), piece)
        parts = [] if made.refusal else [{"text": ""}]
        yield _event(_response(made, parts, made.usage, _ending(ask, made)))

    def error_frame(self, refusal: Refusal, number: int) -> bytes:
        """An error in the middle of a stream: an event, or bare JSON over several lines."""
        if self.bare_errors:
            return json.dumps(error_body(refusal), indent=2).encode() + b"\n"
        return b"data: " + orjson.dumps(error_body(refusal)) + b"\r\n\r\n"

    def broken_frame(self, made: Completion) -> bytes:
        """An event whose JSON ends too early."""
        return b'data: {"candidates": [{"content": {"par\r\n\r\n'


def count_answer(body: bytes) -> bytes:
    """What countTokens says of bare contents, or of a whole request. Raises Refused for one that makes no sense."""
    try:
        asked = mapping(orjson.loads(body))
    except ValueError:
        raise invalid("Invalid JSON payload received.") from None
    asked = in_camel_case(asked)
    inner = asked.get("generateContentRequest")
    total = count_prompt(read_messages(in_camel_case(inner) if isinstance(inner, Mapping) else asked))
    details = [{"modality": "TEXT", "tokenCount": total}]
    return orjson.dumps({"totalTokens": total, "promptTokensDetails": details})


def read_messages(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """(role, text) of the instruction and of every content."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified")
    messages = [(_role(content), _text_of(content)) for content in contents]
    instruction = body.get("systemInstruction")
    return (("system", _text_of(instruction)), *messages) if instruction else tuple(messages)


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _role(content: Any) -> str:
    role = _ROLES.get(mapping(content).get("role", "user"))
    if role is None:
        raise invalid("Please use a valid role: user, model.")
    return role


def _text_of(content: Any) -> str:
    parts = mapping(content).get("parts")
    texts = [mapping(part).get("text") for part in parts] if isinstance(parts, list) else []
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise invalid("Unable to submit request because it must have a text parameter.")
    return "".join(str(text) for text in texts)


def _form(
    generation: Mapping[str, Any], messages: tuple[tuple[str, str], ...]
) -> tuple[Mapping[str, Any] | None, bool]:
    """The schema, and whether any JSON will do; a model also follows what the instruction says in words."""
    if generation.get("responseMimeType") == "application/json":
        schema = generation.get("responseJsonSchema") or _lower_types(generation.get("responseSchema"))
        return (schema, False) if isinstance(schema, Mapping) else (None, True)
    instruction = next((text for role, text in messages if role == "system"), "")
    found = _IN_WORDS.search(instruction)
    if found:
        try:
            told, _ = json.JSONDecoder().raw_decode(instruction, found.end())
        except ValueError:
            return None, True
        return told, False
    return None, "one JSON object" in instruction


def _lower_types(schema: Any) -> Any:
    """The older schema writes types in capitals."""
    if isinstance(schema, list):
        return [_lower_types(inner) for inner in schema]
    if not isinstance(schema, Mapping):
        return schema
    lowered = {name: _lower_types(inner) for name, inner in schema.items()}
    if isinstance(lowered.get("type"), str):
        lowered["type"] = lowered["type"].lower()
    return lowered


def _effort(thinking: Mapping[str, Any]) -> str | None:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if isinstance(level, str):
        return _EFFORT_OF_LEVEL.get(level.lower())
    if not isinstance(budget, int) or budget < 0:
        return None
    return "none" if budget == 0 else "low" if budget <= 1_024 else "medium" if budget <= 8_192 else "high"


def _ordered_tokens(messages: tuple[tuple[str, str], ...]) -> int | None:
    prompt = next((text for role, text in reversed(messages) if role == "user"), "")
    try:
        return read_directives(prompt).tokens
    except ValueError:
        return None


def _ending(ask: Ask, made: Completion) -> dict[str, Any]:
    """The members of the last chunk's candidate: why it ended, what to go on with, where it looked."""
    ending: dict[str, Any] = {"finishReason": _finish(ask, made)}
    if ending["finishReason"] == "CONTINUATION" and isinstance(ask, GeminiAsk):
        usage = made.usage
        ending["continuationToken"] = _token(ask.said + usage.out_visible, ask.spent + usage.out_total)
    if made.usage.searches:
        ending["groundingMetadata"] = {
            "webSearchQueries": [ask.prompt[:80]] * made.usage.searches,
            "groundingChunks": [{"web": {"uri": SEARCHED_PAGE, "title": "A simulated page"}}],
            "groundingSupports": [
                {"segment": {"startIndex": 0, "endIndex": 1}, "groundingChunkIndices": [0]},
            ],
            "searchEntryPoint": {"renderedContent": "<div>simulated</div>"},
        }
    return ending


def _finish(ask: Ask, made: Completion) -> str:
    if made.refusal:
        return "SAFETY"
    if made.finish == "stop" or not isinstance(ask, GeminiAsk):
        return "STOP"
    said, spent = ask.said + made.usage.out_visible, ask.spent + made.usage.out_total
    if ask.limit is not None and spent >= ask.limit:
        return "MAX_TOKENS"
    if ask.said and ask.ordered is not None and said >= ask.ordered:
        return "STOP"
    full = ask.continues and made.usage.out_total == ask.max_output_tokens
    return "CONTINUATION" if full else "MAX_TOKENS"


def _token(said: int, spent: int) -> str:
    return base64.b64encode(f"{said} {spent}".encode()).decode()


def _read_token(token: Any) -> tuple[int, int]:
    if token is None:
        return 0, 0
    try:
        # The official client writes the alphabet that is safe in URLs.
        said, spent = base64.urlsafe_b64decode(str(token).replace("+", "-").replace("/", "_")).split()
        return int(said), int(spent)
    except ValueError:
        raise invalid("The continuation token is invalid.") from None


def _so_far(usage: Usage, visible: int) -> Usage:
    return Usage(
        in_uncached=usage.in_uncached,
        cache_read=usage.cache_read,
        out_visible=visible,
        out_reasoning=usage.out_reasoning,
        searches=usage.searches,
        prompt_total=usage.prompt_total,
    )


def _response(
    made: Completion, parts: list[dict[str, Any]], usage: Usage, ending: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    content: dict[str, Any] = {"role": "model"}
    if parts:
        content["parts"] = parts
    return {
        "candidates": [{"content": content, "index": 0, **(ending or {})}],
        "usageMetadata": usage_metadata(usage),
        "modelVersion": made.served_model,
        "responseId": made.id,
    }


def usage_metadata(usage: Usage) -> dict[str, Any]:
    """The vendor's way to count; what is nought is left out."""
    tool = min(TOOL_TOKENS, usage.in_uncached) if usage.searches else 0
    prompt = usage.prompt_total - tool
    counts = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.out_visible,
        "toolUsePromptTokenCount": tool,
        "thoughtsTokenCount": usage.out_reasoning,
        "totalTokenCount": usage.prompt_total + usage.out_total,
    }
    details = {"promptTokensDetails": prompt, "cacheTokensDetails": usage.cache_read}
    return {name: count for name, count in counts.items() if count} | {
        name: [{"modality": "TEXT", "tokenCount": count}] for name, count in details.items() if count
    }


def _event(value: Mapping[str, Any], text: str = "") -> Frame:
    return Frame(b"data: " + orjson.dumps(value) + b"\r\n\r\n", text)
