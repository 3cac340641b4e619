"""JSON of a catalogue to entries, by plain checks: a schema validator would double the start-up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sidecar.money.json_reader import JsonReader, read_json
from sidecar.money.model import RATE_KEYS, Alias, FreeSearches, ModelEntry, PriceEntry, Rates, Tier

FEATURES = (
    "json_mode",
    "json_schema",
    "streaming",
    "web_search",
    "extended_thinking",
    "reasoning",
    "prompt_caching",
    "batch",
)
STATUSES = ("current", "legacy", "retired")
PRICE_MEMBERS = (
    "from",
    "source",
    "checkedOn",
    "perMillion",
    "batchPerMillion",
    "servicePerMillion",
    "serviceTiers",
    "tiers",
    "webSearchPer1k",
    "searchBlockTokens",
    "freeSearches",
    "notes",
)


def _rates(node: JsonReader | None) -> Rates | None:
    if node is None:
        return None
    node.only(RATE_KEYS)
    return {key: price for key in RATE_KEYS if (price := node.price(key)) is not None}


def price_entry(
    node: JsonReader, *, own_file: str | None = None, service_tiers: Mapping[str, Decimal] | None = None
) -> PriceEntry:
    """One dated price. In the user's own file source and day of checking may be left out. Raises Wrong."""
    if own_file:
        node.only(PRICE_MEMBERS)
    starts_on = node.need_day("from")
    per_million = _rates(node.node("perMillion")) or {}
    for key in ("prompt", "completion"):
        if key not in per_million:
            node.fail(f"perMillion.{key}", "must be a number of dollars per million tokens")
    batch = _rates(node.node("batchPerMillion"))
    tiers = sorted((_tier(tier, per_million, batch) for tier in node.nodes("tiers")), key=_line)
    return PriceEntry(
        starts_on=starts_on,
        source=own_file if own_file and not node.get("source", str) else node.text("source"),
        checked_on=node.need_day("checkedOn", starts_on if own_file else None),
        per_million=per_million,
        batch_per_million=batch,
        tiers=tuple(tiers),
        web_search_per_1k=node.price("webSearchPer1k"),
        notes=node.get("notes", str, ""),
        own=own_file is not None,
        search_block_tokens=node.count("searchBlockTokens", least=0) or 0,
        free_searches=_free_searches(node.node("freeSearches")),
        service_tiers={**(service_tiers or {}), **_multipliers(node.node("serviceTiers"))},
        service_per_million=_by_service(node),
    )


def _free_searches(node: JsonReader | None) -> FreeSearches | None:
    if node is None:
        return None
    node.only(("count", "per", "sharedBy"))
    if (per := node.text("per")) not in ("day", "month"):
        node.fail("per", "must be day or month")
    return FreeSearches(node.need_count("count"), "day" if per == "day" else "month", node.text("sharedBy"))


def _by_service(node: JsonReader) -> Mapping[str, Rates]:
    return {tier: _rates(rates) or {} for tier, rates in node.children("servicePerMillion")}


def _tier(node: JsonReader, below: Rates, batch_below: Rates | None) -> Tier:
    """A rate that a tier does not name is as below it; a tier without any batch rates has no batch price."""
    node.only(("aboveTokens", "perMillion", "batchPerMillion", "servicePerMillion"))
    batch = _rates(node.node("batchPerMillion"))
    return Tier(
        node.need_count("aboveTokens", least=0),
        {**below, **(_rates(node.node("perMillion")) or {})},
        None if batch is None else {**(batch_below or {}), **batch},
        _by_service(node),
    )


def _line(tier: Tier) -> int:
    return tier.above_tokens


def _aliases(node: JsonReader, extra: JsonReader) -> tuple[Alias, ...]:
    """The other names of one model; `extra.vendorIds` lists those that the vendor takes as they are."""
    known = frozenset(extra.texts("vendorIds"))
    found = []
    for alias in node.nodes("aliases"):
        alias.only(("id", "note", "hidden", "shown"))
        name = alias.text("id")
        hidden, shown = alias.get("hidden", bool, False), alias.get("shown", bool, False)
        found.append(Alias(name, alias.get("note", str, ""), hidden, name in known, shown))
    return tuple(found)


def _features(node: JsonReader) -> tuple[str, ...]:
    found = node.texts("features")
    for word in found:
        if word not in FEATURES:
            node.fail("features", f"holds {word!r}; the words are {', '.join(FEATURES)}")
    return found


def model_entry(node: JsonReader, prices: tuple[PriceEntry, ...]) -> ModelEntry:
    """One whole model with the prices that were read for it. Raises Wrong."""
    extra = node.node("extra") or JsonReader(node.at("extra"), {})
    for name in ("effort", "thinkingLevels"):
        extra.texts(name)
    status = node.get("status", str, "current")
    if status not in STATUSES:
        node.fail("status", f"must be one of {', '.join(STATUSES)}")
    model_id = node.text("id")
    return ModelEntry(
        id=model_id,
        provider=node.text("provider"),
        name=node.get("name", str) or model_id,
        description=node.get("description", str, ""),
        context_size=node.need_count("contextSize"),
        max_output_tokens=node.count("maxOutputTokens"),
        features=_features(node),
        aliases=_aliases(node, extra),
        status=status,
        successor=node.get("successor", str),
        retires_on=node.day("retiresOn"),
        retired_on=node.day("retiredOn"),
        served_by=node.get("servedBy", str),
        released_on=node.day("releasedOn"),
        notes=node.get("notes", str, ""),
        extra=extra.members,
        base_url=node.url("baseUrl"),
        prices=prices,
    )


def root(content: bytes) -> JsonReader:
    """The outermost object of the shipped catalogue. Raises Wrong, which there is a bug."""
    node = JsonReader.of("", read_json(content))
    if node.get("version", int) != 1:
        node.fail("version", "must be 1")
    return node


def models(catalogue: JsonReader) -> tuple[ModelEntry, ...]:
    """The models of the shipped catalogue, in its order. Raises Wrong."""
    multipliers = service_tiers(catalogue)
    found = []
    for node in catalogue.nodes("models"):
        tiers = multipliers.get(node.text("provider"), {})
        prices = (price_entry(price, service_tiers=tiers) for price in node.nodes("prices"))
        # The last one that has begun holds, wherever in the file it stands.
        found.append(model_entry(node, tuple(sorted(prices, key=lambda price: price.starts_on))))
    return tuple(found)


def service_tiers(catalogue: JsonReader) -> dict[str, dict[str, Decimal]]:
    """By provider: the service tiers that it reports, and by what each multiplies the token rates."""
    found: dict[str, dict[str, Decimal]] = {}
    for provider, tiers in catalogue.children("serviceTiers"):
        found[provider] = _multipliers(tiers)
    return found


def _multipliers(node: JsonReader | None) -> dict[str, Decimal]:
    members = node.members if node else {}
    return {name: price for name in members if node and (price := node.price(name)) is not None}
