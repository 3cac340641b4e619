"""The most and the least that a request may cost, before it is sent (pure). Never a cost.

The most is what a budget holds back, so it must not be too little: the whole prompt is written to a cache where that
may happen, a text whose tokens nobody can count here has one for every byte, every search that is allowed is made,
reads pages and has all before it read once more with what was written of the answer, the answer is as long as it may be
and where it goes is dear. What is assumed and cannot be known before is said (`assumptions`). The least has the whole
prompt read from a cache, and an answer of one token, in the cheapest service tier: a project may be set to any.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from sidecar.money import pricing
from sidecar.money.model import ModelEntry, PriceEntry
from sidecar.providers.base import ChatRequest, PreparedCall, Usage

# What a search puts before the model: OpenAI bills so much for one where it bills a fixed block.
TOKENS_A_SEARCH = 8_000
# A guess is above the count where the tables that it is made by know a script less well than the vendor's do.
GUESSED_LOW = 4
# A workspace may have all its requests run in one place, which raises their price; what is asked says nothing of it.
_WHERE = "inference_geo="


@dataclass(frozen=True, slots=True)
class Extras:
    """What a request may cost beside its prompt and its answer.

    `writes` is for how long its prompt may be written to a cache, None where it cannot be. `surcharges` are on it
    where it goes; `refusal_usd` is what it costs where the vendor blocks it. `tiers` are dearer ones in which the
    vendor has run the answers before it, and speeds.
    """

    searches: int = 0
    writes: Literal["5m", "1h"] | None = None
    surcharges: tuple[str, ...] = ()
    refusal_usd: Decimal = Decimal(0)
    tiers: tuple[str, ...] = ()


NO_EXTRAS = Extras()
# Of a model that nobody can tell how often, and that does not say it: assumed, and said.
SEARCHES_BY_ITSELF = 5


def most_tokens(text: str) -> int:
    """Return the most tokens of a text for whichever model: no tokenizer makes one of less than a byte.

    Digits, formulas, base64 and scripts that its tables do not know come near to that with each of them.
    """
    return len(text.encode("utf-8", "surrogatepass"))


def sent_tokens(body: Mapping[str, Any]) -> int:
    """Return the most tokens of all that is sent."""
    return most_tokens(_written(body))


def frame_tokens(body: Mapping[str, Any], *texts: str | None) -> int:
    """Return the most tokens of what is sent around these texts."""
    return max(0, sent_tokens(body) - sum(most_tokens(text) for text in texts if text))


def longest_answer(plan: PreparedCall, model: ModelEntry) -> int:
    """Return the most tokens of an answer: its limit, and without one as many as the model writes at all."""
    return plan.max_output_tokens or most_written(model)


def most_written(model: ModelEntry) -> int:
    """Return the most tokens that the model writes in one answer; its window has prompt and answer."""
    return model.max_output_tokens or model.context_size


def extras_of(
    request: ChatRequest, model: ModelEntry, plan: PreparedCall, tiers: tuple[str, ...] = ()
) -> Extras:
    """Return what may come on top: Anthropic caches what it is asked to, the others by themselves."""
    searches = (request.web_search_max_uses or 0) if "web_search" in model.features else 0
    if model.searches_by_itself:
        searches = SEARCHES_BY_ITSELF
    uncached = model.provider == "anthropic" and request.cache_ttl is None
    return Extras(
        searches, None if uncached else request.cache_ttl or "5m", plan.surcharges, plan.refusal_usd, tiers
    )


def highest(
    price: PriceEntry | None,
    prompt_tokens: int,
    answer_tokens: int,
    extras: Extras,
    *,
    batch: bool = False,
) -> Decimal | None:
    """Return the most that a prompt of at most so many tokens costs; None where it has no price."""
    # After each search the model reads everything anew, within one request of ours or in another one.
    rounds = extras.searches + 1
    prompt = prompt_tokens * rounds + TOKENS_A_SEARCH * extras.searches * rounds // 2
    # All of the answer but its last word may be written before the first of them.
    prompt += answer_tokens * extras.searches
    # Searches without a price leave the cost unknown: what bounds it is then the rest.
    searches = extras.searches if price is not None and price.web_search_per_1k is not None else 0
    where = tuple(word for word in price.service_tiers if word.startswith(_WHERE)) if price else ()
    base = Usage(
        out_visible=answer_tokens, searches=searches, prompt_total=prompt, surcharges=extras.surcharges
    )
    prompts = [replace(base, in_uncached=prompt)]
    if extras.writes is not None:
        prompts.append(replace(base, cache_write_short=prompt))
    if extras.writes == "1h":
        prompts.append(replace(base, cache_write_long=prompt))
    speeds = tuple(word for word in extras.tiers if "=" in word)
    # A vendor's batch is a tier of its own.
    tiers = () if batch else tuple(word for word in extras.tiers if "=" not in word)
    # Most prices list no place, and most vendors ran no answer faster: each way is reckoned once.
    ways = dict.fromkeys(((), where, speeds, (*where, *speeds)))
    usages = (
        replace(usage, surcharges=(*extras.surcharges, *more), service_tier=tier)
        for usage in prompts
        for more in ways
        for tier in (None, *tiers)
    )
    most = max(_costs(usages, price, batch=batch), default=None)
    return None if most is None else max(most, extras.refusal_usd)


def lowest(price: PriceEntry | None, prompt_tokens: int, *, batch: bool = False) -> Decimal | None:
    """Return the least that a prompt of at least so many tokens costs; None where it has no price."""
    base = Usage(out_visible=1, prompt_total=prompt_tokens)
    usages = [replace(base, in_uncached=prompt_tokens), replace(base, cache_read=prompt_tokens)]
    if price is not None and not batch:
        usages = [pricing.at_cheapest_tier(usage, price) for usage in usages]
    return min(_costs(usages, price, batch=batch), default=None)


def assumptions(
    extras: Extras,
    *,
    counted_exactly: bool,
    model: ModelEntry,
    attempts: int = 1,
    later: Sequence[PriceEntry] = (),
) -> tuple[str, ...]:
    """Return in sentences what the most rests on that is not known before.

    `attempts` is how often it may be asked, `later` the prices that are reckoned with beside today's.
    """
    found = [
        f"{model.name}: another price holds from {price.starts_on}; the most is by the dearer one."
        for price in later[:1]
    ]
    if attempts > 1:
        found.append(
            f"The most is reckoned with every answer breaking off and being asked for again, {attempts} times in all, "
            "each of them charged."
        )
    if extras.tiers:
        found.append(
            f"{model.name}: its provider ran answers of the last days in a dearer tier ({', '.join(extras.tiers)}); "
            "the most is by that, where this model has a price for it."
        )
    if extras.searches:
        limit = "at most" if model.provider == "anthropic" else "assumed, because the vendor has no limit:"
        found.append(
            f"{model.name}: {limit} {extras.searches} searches an answer, each with {TOKENS_A_SEARCH:,} tokens."
        )
    if model.provider == "anthropic" and extras.searches:
        found.append(
            f"{model.name}: a turn that is paused goes on after a search; what one that pauses more often costs is "
            "held against the budget before it goes on."
        )
    if "maxOutputLongDecode" in model.extra:
        found.append(
            f"{model.name}: an answer longer than {most_written(model):,} tokens goes on in further requests, which "
            "are not in the most; each is held against the budget before it is sent."
        )
    if not counted_exactly:
        found.append(
            f"{model.name}: the tokens of its prompts are guessed; the most is reckoned with one for every byte."
        )
    return tuple(found)


def _written(body: Mapping[str, Any]) -> str:
    # What is no JSON is not sent.
    return json.dumps(body, ensure_ascii=False, default=lambda _: None)


def _costs(usages: Iterable[Usage], price: PriceEntry | None, *, batch: bool) -> list[Decimal]:
    costs = (pricing.cost(usage, price, batch=batch) for usage in usages)
    return [cost.total_usd for cost in costs if isinstance(cost, pricing.Cost)]
