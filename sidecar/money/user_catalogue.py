"""The user's own models.json, laid over the shipped catalogue: all of it, or a Failure if any is wrong.

    {"providers": {"lab": {"baseUrl": "http://127.0.0.1:8000/v1", "keyRequired": false}},
     "models": [
       {"provider": "lab", "id": "llama", "name": "Llama", "contextSize": 32768, "features": ["streaming"]},
       {"provider": "openai", "id": "gpt-6-luna", "prices": [{"from": "2026-12-01",
        "perMillion": {"prompt": 0.09, "completion": 0.45}}]}]}

A shipped model keeps whatever the file's row does not name, and its aliases stay. Own prices are added as
dated entries, and from their first day on they outrank every shipped one. A model without any is unpriced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from sidecar.errors import Failure
from sidecar.money import json_place
from sidecar.money.json_reader import MOST_BYTES, CatalogueError, JsonReader, read_json
from sidecar.money.model import ModelEntry, PriceEntry, ProviderEntry
from sidecar.money.parse import model_entry, price_entry
from sidecar.plain_file import read_plain

Models = tuple[ModelEntry, ...]

# What a row may replace in a shipped model, and the fields that hold it.
_REPLACEABLE = {
    "name": "name",
    "description": "description",
    "contextSize": "context_size",
    "maxOutputTokens": "max_output_tokens",
    "features": "features",
    "status": "status",
    "successor": "successor",
    "retiresOn": "retires_on",
    "retiredOn": "retired_on",
    "servedBy": "served_by",
    "releasedOn": "released_on",
    "notes": "notes",
    "extra": "extra",
    "baseUrl": "base_url",
}
MEMBERS = frozenset(_REPLACEABLE) | {"provider", "id", "aliases", "prices"}


@dataclass(frozen=True, slots=True)
class Laid:
    """A catalogue with the user's own file over it."""

    models: Models
    providers: Mapping[str, ProviderEntry]


def read(path: Path | None) -> bytes | None:
    """The content of the user's file, None when there is none. Raises Failure("storage_error")."""
    if path is None:
        return None
    try:
        return read_plain(path, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        # What is wrong with a data folder that is none is told by whoever opens the database in it.
        return None
    except OSError as error:
        raise Failure(
            "storage_error",
            f"The catalogue {path} cannot be read: {error.strerror}. Put a file that may be read in its place, or move "
            "it away.",
        ) from error


def refusal(path: Path, wrong: CatalogueError, content: bytes | None = None) -> Failure:
    """The Failure that says what is wrong in the user's file, and on which line of its content."""
    found = None if content is None else json_place.find(content, wrong.where)
    at = "" if found is None else f"line {found.line}, column {found.column}: "
    return Failure(
        "invalid_params",
        f"Your own catalogue {path} is not usable: {at}{wrong}. Correct or remove it: until then models are not "
        "asked, because prices would be wrong without it.",
        issues=[{"path": wrong.where, "message": f"{at}{wrong.what}"}],
    )


def lay(
    models: Models,
    content: bytes,
    service_tiers: Mapping[str, Mapping[str, Decimal]],
    file_name: str = "models.json",
) -> Laid:
    """The models with the user's file over them. Raises Wrong, and then nothing of the file holds."""
    root = JsonReader.of("", read_json(content))
    root.only(("version", "checkedOn", "notes", "providers", "models"))
    providers = _providers(root)
    shipped = {model.full_id: model for model in models}
    served = {model.provider for model in models} | providers.keys()
    own: dict[str, ModelEntry] = {}
    for node in root.nodes("models"):
        node.only(MEMBERS)
        model_id, provider = node.text("id"), node.text("provider")
        full_id = f"{provider}/{model_id}"
        if full_id in own:
            node.fail("id", f"names {full_id} a second time")
        if provider not in served:
            node.fail("provider", f"names {provider}, which has no baseUrl under providers")
        tiers = service_tiers.get(provider, {})
        prices = tuple(
            price_entry(price, own_file=file_name, service_tiers=tiers) for price in node.nodes("prices")
        )
        base = shipped.get(full_id)
        own[full_id] = _elsewhere(_over(base, node, prices) if base else model_entry(node, _ordered(prices)))
    kept = [own.pop(model.full_id, model) for model in models]
    return Laid((*kept, *own.values()), providers)


def _over(base: ModelEntry, node: JsonReader, prices: tuple[PriceEntry, ...]) -> ModelEntry:
    whole = model_entry(JsonReader(node.where, {"contextSize": base.context_size, **node.members}), ())
    named = {
        field: getattr(whole, field)
        for wire, field in _REPLACEABLE.items()
        if node.members.get(wire) is not None
    }
    return replace(
        base, **named, aliases=(*base.aliases, *whole.aliases), prices=_ordered((*base.prices, *prices))
    )


def _elsewhere(model: ModelEntry) -> ModelEntry:
    """What is reached at an address of its own is not in the vendor's batches, which are at the vendor's."""
    if model.base_url is None:
        return model
    return replace(model, features=tuple(word for word in model.features if word != "batch"))


def _ordered(prices: Iterable[PriceEntry]) -> tuple[PriceEntry, ...]:
    return tuple(sorted(prices, key=lambda price: (price.own, price.starts_on)))


def _providers(root: JsonReader) -> dict[str, ProviderEntry]:
    found: dict[str, ProviderEntry] = {}
    for provider, node in root.children("providers"):
        node.only(("name", "baseUrl", "keyName", "keyRequired", "allowHttp"))
        if not provider or "/" in provider:
            raise CatalogueError(node.where, "must be a name without a slash")
        base_url = node.url("baseUrl")
        found[provider] = ProviderEntry(
            id=provider,
            name=node.get("name", str) or provider,
            base_url=base_url or node.fail("baseUrl", "must begin with http:// or https://"),
            key_name=node.get("keyName", str),
            key_required=node.get("keyRequired", bool, True),
            allow_http=node.get("allowHttp", bool, False),
        )
    return found
