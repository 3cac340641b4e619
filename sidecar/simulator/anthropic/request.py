"""Reading the bodies that Anthropic is sent (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from sidecar.simulator.anthropic.capabilities import habits
from sidecar.simulator.anthropic.errors import refused
from sidecar.simulator.bodies import mapping, part_texts, read_json
from sidecar.simulator.exchange import ParsedRequest, Refusal, Refused
from sidecar.simulator.json_by_prompt import apply_json_prompt

# "pause twice" cannot be ordered by a directive, because only this vendor pauses; it is said in the question.
_PAUSES = re.compile(r"\bpause (\d+) times?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AnthropicRequest(ParsedRequest):
    """`thinks` is whether the model thinks at all; `summaries` whether it shows it.

    `pauses` is how often the turn is paused in all, `resumed` how often it was until now.
    """

    thinks: bool = False
    cache_ttl: Literal["5m", "1h"] | None = None
    pauses: int = 0
    resumed: int = 0

    @property
    def paused(self) -> bool:
        """Whether this request ends with a pause."""
        return self.resumed < self.pauses


def parse(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a body. Raise Refused."""
    wrong = Refusal(400, "The request body is not valid JSON")
    value = read_json(body, wrong)
    if not isinstance(value, Mapping):
        raise Refused(wrong)
    return value


def read_request(body: Mapping[str, Any]) -> AnthropicRequest:
    """What the body asks. Raises Refused for one that makes no sense."""
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise refused("messages: Field required")
    limit = body.get("max_tokens")
    if not (isinstance(limit, int) and limit >= 1):
        raise refused("max_tokens: Field required")
    messages = [(_role(message), _text(message.get("content"))) for message in given]
    system = _text(body.get("system") or "")
    output = mapping(body.get("output_config"))
    form = mapping(output.get("format"))
    thinks, shows = _thinking(body)
    search = any(str(mapping(tool).get("type")).startswith("web_search_") for tool in body.get("tools") or ())
    prompt = next((text for role, text in reversed(messages) if role == "user"), "")
    ordered = _PAUSES.search(prompt) if search else None
    parsed = AnthropicRequest(
        model=str(body.get("model") or ""),
        messages=tuple([("system", system), *messages] if system else messages),
        stream=body.get("stream") is True,
        include_usage=True,
        schema=mapping(form.get("schema")) if form.get("type") == "json_schema" else None,
        max_output_tokens=limit,
        effort=str(output.get("effort") or "medium") if thinks else "none",
        search=search,
        summaries=shows,
        thinks=thinks,
        cache_ttl=next((ttl for _, ttl in breakpoints(body)), None),
        pauses=int(ordered.group(1)) if ordered else 0,
        resumed=_searches_behind(given),
    )
    return apply_json_prompt(parsed)


def breakpoints(body: Mapping[str, Any]) -> Iterator[tuple[str, Literal["5m", "1h"]]]:
    """(where, lifetime) of every cache breakpoint, in the order of the prompt: tools, system, messages."""
    for place in ("tools", "system", "messages"):
        parts = body.get(place)
        for part in parts if isinstance(parts, list) else ():
            inner = mapping(part).get("content") if place == "messages" else None
            for block in inner if isinstance(inner, list) else [part]:
                control = mapping(block).get("cache_control")
                if isinstance(control, Mapping):
                    ttl = control.get("ttl", "5m")
                    if control.get("type") != "ephemeral" or ttl not in ("5m", "1h"):
                        raise refused(f"{place}: cache_control must be ephemeral, with a ttl of '5m' or '1h'")
                    yield place, cast(Literal["5m", "1h"], ttl)


def _thinking(body: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the model thinks, and whether it shows what."""
    given, habit = mapping(body.get("thinking")), habits(str(body.get("model") or ""))
    kind = given.get("type")
    thinks = habit.unasked if kind is None else kind != "disabled"
    display = given.get("display")
    return thinks, thinks and (display == "summarized" or (display is None and habit.shown))


def _role(message: Any) -> str:
    role = mapping(message).get("role")
    if role not in ("user", "assistant"):
        raise refused(f"messages: Unexpected role {role!r}. Allowed roles are 'user' or 'assistant'.")
    return str(role)


def _text(content: Any) -> str:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}] if content else []
    if not isinstance(content, list):
        raise refused("content: Input should be a string or a list of blocks")
    texts = part_texts([block for block in content if mapping(block).get("type") == "text"])
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise refused("messages: text content blocks must contain non-whitespace text")
    return "\n".join(map(str, texts))


def _searches_behind(messages: list[Any]) -> int:
    """The searches of the turn that the last message, the assistant's own, is to be gone on with."""
    last = mapping(messages[-1])
    blocks = last.get("content") if last.get("role") == "assistant" else ()
    return sum(
        mapping(block).get("type") == "server_tool_use"
        for block in (blocks if isinstance(blocks, list) else ())
    )
