"""Whether rows can be asked at all: everything that is refused is refused here, before anything is stored or sent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from sidecar.batch.row import Row, request_fingerprint
from sidecar.chat.prepare import resolve_options, with_context
from sidecar.core import Core
from sidecar.errors import Failure
from sidecar.keys import Keys
from sidecar.money.catalogue import Catalogue
from sidecar.money.cost_range import NO_EXTRAS, Extras, extras_of, frame_tokens, longest_answer
from sidecar.money.model import PriceEntry, Serving, utc_day
from sidecar.providers.by_name import Providers

MOST_ISSUES = 100
_SHOWN_MODELS = 5
# Kinds of rows that are remembered; a large file may have a schema of its own in each row.
MOST_KINDS = 10_000
# Rows may wait, and prices have first days: the most is by the dearest of so many.
PRICE_DAYS = 31


@dataclass(frozen=True, slots=True)
class RowProfile:
    """What rows with the same model and options have in common. `cap` is the longest answer in tokens.

    `frame_tokens` is the most that is sent around their texts: a schema, tools, instructions. `attempts` is how often
    one may be asked, and charged, where its answer breaks off. `later_prices` are those that follow `price` within
    the days in which a row that waits is still thought of.
    """

    serving: Serving
    price: PriceEntry | None
    cap: int
    extras: Extras = NO_EXTRAS
    frame_tokens: int = 0
    wants_json: bool = False
    attempts: int = 1
    later_prices: tuple[PriceEntry, ...] = ()

    @property
    def provider(self) -> str:
        return self.serving.model.provider


class RowValidator:
    """Checks rows one by one. What does not depend on the prompt is decided once for all rows that are alike."""

    def __init__(self, core: Core, saved: Mapping[str, Any], tiers: Mapping[str, tuple[str, ...]]) -> None:
        self._tiers = tiers
        self._catalogue = core.catalogue
        self._providers = core.providers
        self._saved = saved
        self._defaults = core.settings.defaults
        self._day = utc_day(core.now_ms())
        self._known: dict[tuple[Any, ...], RowProfile | Failure] = {}

    @classmethod
    async def of(cls, core: Core) -> RowValidator:
        """A validator that goes by the settings and the prices of this moment."""
        tiers = {name: await core.dear_tiers.of(name) for name in core.providers.names()}
        return cls(core, dict(await core.settings.saved()), tiers)

    def shape(self, row: Row) -> RowProfile:
        """Return which model the row asks, and for what.

        Raises Failure: an unknown model, a wrong schema, what the model cannot do.
        """
        key = _alike(row)
        known = self._known.get(key)
        if known is None:
            try:
                known = self._decide(row)
            except Failure as failure:
                known = failure
            if len(self._known) >= MOST_KINDS:
                self._known.clear()
            self._known[key] = known
        if isinstance(known, Failure):
            raise Failure(known.kind, known.message, issues=known.issues, detail=known.detail)
        return known

    def question(self, row: Row, prompt: str) -> str:
        """The name of what the row would ask if it were sent now. Raises Failure as `shape` does."""
        shape = self.shape(row)
        decided = resolve_options(shape.serving, prompt, row.options(), self._saved, self._defaults)
        return request_fingerprint(shape.provider, decided.request)

    def problem(self, row: Row) -> tuple[str, str] | None:
        """(member, sentence) of what is wrong with a row, None when it can be asked once it is filled in."""
        if not row.prompt.strip():
            return "prompt", "The prompt is empty."
        try:
            self.shape(row)
        except Failure as failure:
            # What to do next is said once for the whole batch.
            return _member(failure), failure.issues[0]["message"] if failure.issues else failure.message
        return None

    def _decide(self, row: Row) -> RowProfile:
        serving = self._catalogue.served(row.model, self._day)
        model = serving.model
        provider = self._providers.get(model.provider, model.base_url)
        request = resolve_options(serving, row.prompt, row.options(), self._saved, self._defaults).request
        try:
            plan = provider.plan(request)
        except Failure as failure:
            raise with_context(failure, serving) from None
        return RowProfile(
            serving,
            self._catalogue.price_entry(model, self._day),
            longest_answer(plan, model),
            extras_of(request, model, plan, self._tiers.get(model.provider, ())),
            frame_tokens(plan.body, request.system, request.developer, row.prompt),
            request.json_mode,
            1 + int({**self._defaults, **self._saved}["retryBrokenAnswers"]),
            self._catalogue.prices_until(row.model, self._day, PRICE_DAYS)[1:],
        )


async def refuse_missing_keys(names: Set[str], providers: Providers, keys: Keys) -> None:
    """Raise Failure("missing_api_key") when there are providers among these that need a key and have none."""
    missing = [name for name in sorted(names) if providers.needs_key(name) and await keys.get(name) is None]
    if missing:
        raise Failure(
            "missing_api_key",
            f"Missing API keys for providers: {', '.join(missing)}. "
            "Add them in the settings, then send the batch again.",
            provider=missing[0],
        )


def refuse_unable(models: Iterable[str], provider: str, catalogue: Catalogue, day: date) -> None:
    """Raises Failure("unsupported") with those of the models that the provider does not run in batches."""
    unable = dict[str, None]()
    for name in models:
        with contextlib.suppress(Failure):  # an unknown model is told with the other faults of its row
            model = catalogue.served(name, day).model
            if model.provider != provider or "batch" not in model.features:
                unable[name] = None
    if unable:
        names = ", ".join(list(unable)[:_SHOWN_MODELS]) + (", …" if len(unable) > _SHOWN_MODELS else "")
        raise Failure(
            "unsupported",
            f"{provider} does not run these models in batches: {names}. Run the batch locally, or choose others.",
            provider=provider,
        )


def _alike(row: Row) -> tuple[Any, ...]:
    schema = row.raw_schema
    return (
        row.model,
        row.system is not None,
        bool(row.fields.get("developer")),
        row.fields.get("temperature"),
        row.fields.get("maxOutputTokens"),
        row.json_mode,
        schema if isinstance(schema, str | None) else json.dumps(schema, sort_keys=True),
    )


def _member(failure: Failure) -> str:
    if failure.kind == "not_found":
        return "model"
    return "jsonSchema" if failure.kind == "invalid_params" and failure.issues else "model"
