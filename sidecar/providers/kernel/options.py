"""What becomes of an option that a model cannot do, or not as far as is asked (pure).

What was asked for by name is a Failure("unsupported"); a saved setting or a hint is left out, or lowered, and noted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sidecar.errors import Failure
from sidecar.providers.base import ChatRequest

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
ABILITIES = {
    "json_mode": "JSON mode",
    "json_schema": "JSON schemas",
    "web_search": "web search",
    "extended_thinking": "extended thinking",
    "reasoning": "reasoning efforts",
}


def leave_out(
    request: ChatRequest,
    option: str,
    cannot: str,
    what: str,
    notes: list[str],
    abilities: Mapping[str, str] = ABILITIES,
) -> None:
    """Note that `what` was left out because the model `cannot`.

    Raises Failure("unsupported") when the request named the `option` itself; it offers the `abilities` that the
    model has, which are features and what they are called.
    """
    if option in request.asked:
        can = [words for feature, words in abilities.items() if feature in request.traits.features]
        offer = (
            f"Choose another model; it can do: {', '.join(can)}."
            if can
            else "Choose another model; it takes plain text only."
        )
        raise Failure("unsupported", f"{request.model} {cannot}. {offer}", model=request.model)
    notes.append(f"{request.model} {cannot}, so {what} was left out.")


def nearest_effort(wanted: str, taken: Sequence[str]) -> str:
    """Return the effort closest to the one wanted; of two as close, the stronger."""
    place = EFFORTS.index(wanted)
    return min(taken, key=lambda effort: (abs(EFFORTS.index(effort) - place), -EFFORTS.index(effort)))


def bounded_temperature(wanted: float, highest: float, title: str, notes: list[str]) -> float:
    """Return the temperature inside the limits of the vendor called `title`, with a note where it lay outside."""
    bounded = min(max(wanted, 0.0), highest)
    if bounded != wanted:
        direction = "lowered" if wanted > bounded else "raised"
        notes.append(f"The temperature was {direction} to {bounded:g}, the {title} limit.")
    return bounded


def output_limit(request: ChatRequest, most: int | None, notes: list[str]) -> int | None:
    """Return how many tokens may be written, `most` where more was wanted, None where no limit was.

    Raises Failure("unsupported") when more was asked for by name.
    """
    wanted = request.max_output_tokens or None
    if wanted is None or most is None or wanted <= most:
        return wanted
    if "maxOutputTokens" in request.asked:
        raise Failure(
            "unsupported",
            f"{request.model} writes at most {most:,} tokens in one answer. Ask for no more than that.",
            model=request.model,
        )
    notes.append(f"The answer is limited to {most:,} tokens, the most {request.model} can write.")
    return most


def note_own_cache(request: ChatRequest, title: str, notes: list[str]) -> None:
    """Say what becomes of caching at a vendor that caches by itself: there is nothing to send."""
    if request.cache_ttl is None:
        return
    if "prompt_caching" not in request.traits.features:
        notes.append(f"{request.model} has no prompt cache, so caching was left out.")
    elif request.cache_ttl == "1h":
        notes.append(f"{title} caches prompts by itself and has no one-hour cache, so that was left out.")
