"""Options, saved settings, what a model can do and the earlier turns that fit: what a provider is asked (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from sidecar.providers.base import ChatRequest, Effort, ModelCapabilities, Turn


@dataclass(frozen=True, slots=True)
class Options:
    """What a request named itself; None means that it did not, and the saved setting applies."""

    system: str | None = None
    developer: str | None = None
    temperature: float | None = None
    max_output_tokens: int | None = None
    json_mode: bool | None = None
    json_schema: Mapping[str, Any] | None = None
    prompt_caching: bool | None = None
    cache_ttl: Literal["5m", "1h"] | None = None
    web_search: bool | None = None
    thinking: bool | None = None
    effort: Effort | None = None


# The wire names of the options that a request can insist on, beside the field that holds each.
_INSISTABLE = {
    "maxOutputTokens": "max_output_tokens",
    "jsonMode": "json_mode",
    "jsonSchema": "json_schema",
    "enableWebSearch": "web_search",
    "enableExtendedThinking": "thinking",
}


def chat_request(
    model: str,
    content: str,
    traits: ModelCapabilities,
    options: Options,
    saved: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> tuple[ChatRequest, tuple[str, ...]]:
    """The request without its history, and sentences about what was lowered.

    `saved` holds only what the person saved; `defaults` the value of every setting. A default that the
    model cannot take is dropped without a word, because nobody chose it.
    """
    limit, notes = _output_limit(traits, options, saved, defaults)
    settings = {**defaults, **saved}
    caching = _first(options.prompt_caching, settings["enablePromptCaching"])
    searching = _first(options.web_search, settings["enableWebSearch"])
    request = ChatRequest(
        model=model,
        turns=(Turn("user", content),),
        traits=traits,
        system=options.system or None,
        developer=options.developer or None,
        temperature=options.temperature,
        max_output_tokens=limit,
        json_mode=bool(options.json_mode) or options.json_schema is not None,
        json_schema=options.json_schema,
        cache_ttl=_first(options.cache_ttl, settings["promptCacheTTL"]) if caching else None,
        web_search_max_uses=settings["maxWebSearchUses"] if searching else None,
        thinking=bool(_first(options.thinking, settings["enableExtendedThinking"])),
        effort=_effort(traits, options, saved, defaults),
        asked=frozenset(wire for wire, field in _INSISTABLE.items() if getattr(options, field)),
    )
    return request, notes


def with_history(request: ChatRequest, earlier: tuple[Turn, ...]) -> ChatRequest:
    return replace(request, turns=(*earlier, *request.turns))


def _output_limit(
    traits: ModelCapabilities, options: Options, saved: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[int | None, tuple[str, ...]]:
    """The cap on the answer in tokens; 0 means no limit. Above what the model can write, it is lowered."""
    wanted = (
        _first(options.max_output_tokens, saved.get("maxOutputTokens"), defaults["maxOutputTokens"]) or None
    )
    most = traits.max_output_tokens
    if wanted is None or most is None or wanted <= most:
        return wanted, ()
    chosen = options.max_output_tokens is not None or "maxOutputTokens" in saved
    note = f"The answer is limited to {most:,} tokens, the most this model can write."
    return most, (note,) if chosen else ()


def _effort(
    traits: ModelCapabilities, options: Options, saved: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Effort | None:
    if options.effort is not None:
        return options.effort
    if "reasoningEffort" in saved:
        return cast(Effort, saved["reasoningEffort"])
    # An empty list of efforts says that the model reasons and takes none; without a list the provider knows.
    settable = "reasoning" in traits.features and traits.extra.get("effort") != []
    return cast(Effort, defaults["reasoningEffort"]) if settable else None


def _first(*candidates: Any) -> Any:
    return next((candidate for candidate in candidates if candidate is not None), None)


# Characters a token is taken for when only room matters. Too low wastes window; too high costs the person
# an error from the vendor. Latin prose runs at about 4, code and other scripts denser: both on the safe side.
ASCII_PER_TOKEN = 3.0
OTHER_PER_TOKEN = 0.8
TURN_OVERHEAD_TOKENS = 8
UNKNOWN_WINDOW_TOKENS = 8_192


def roughly_tokens(text: str) -> int:
    """A cautious estimate of the tokens of a text, for room only: money never comes from it."""
    # In one step: character by character, a text of megabytes took half a second.
    ascii_length = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return (
        int(ascii_length / ASCII_PER_TOKEN + (len(text) - ascii_length) / OTHER_PER_TOKEN)
        + TURN_OVERHEAD_TOKENS
    )


def room_for_history(window: int | None, output_limit: int | None, present: Sequence[str]) -> int:
    """Tokens left for earlier turns once the present texts and the answer have their place."""
    window = window or UNKNOWN_WINDOW_TOKENS
    # A limit can be as large as the window; half of it still leaves the answer more than most ever use.
    answer = min(output_limit or window // 4, window // 2)
    return max(0, window - answer - sum(roughly_tokens(text) for text in present))


def newest_that_fit(turns: Sequence[Turn], room: int) -> tuple[Turn, ...]:
    """The longest tail of the turns that fits, beginning with a user's turn: oldest first out."""
    kept = len(turns)
    while kept > 0 and (room := room - roughly_tokens(turns[kept - 1].text)) >= 0:
        kept -= 1
    while kept < len(turns) and turns[kept].role != "user":
        kept += 1
    return tuple(turns[kept:])
