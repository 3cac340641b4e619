"""Changes to the text of a person's own models.json: a server or a model written down, or taken out (pure).

Whether the outcome may stand is for `user_catalogue.lay` to say; what is not touched stays as the person wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sidecar.money.json_reader import CatalogueError, JsonReader, read_json

Document = dict[str, Any]


def document(content: bytes | None) -> Document:
    """Return the file as it stands, an empty one where there is none. Raise CatalogueError for what is no catalogue."""
    root = dict(JsonReader.of("", read_json(content)).members) if content else {}
    if not isinstance(root.get("providers", {}), dict):
        raise CatalogueError("providers", "must be an object")
    if not isinstance(root.get("models", []), list):
        raise CatalogueError("models", "must be a list")
    return root


def with_server(root: Document, provider: str, server: Mapping[str, Any]) -> Document:
    """Return the document with these members of the provider; None takes a member out, what is not named stays."""
    providers = dict(root.get("providers") or {})
    providers[provider] = _merged(providers.get(provider), server)
    return {**root, "providers": providers}


def with_model(
    root: Document,
    provider: str,
    model_id: str,
    members: Mapping[str, Any],
    price: Mapping[str, Any] | None,
) -> Document:
    """Return the document with these members of the model, and with the price beside its earlier ones.

    A price that begins on the same day takes the place of the one that was there.
    """
    models = list(root.get("models") or [])
    place = next((i for i, row in enumerate(models) if _is(row, provider, model_id)), len(models))
    row = _merged(models[place] if place < len(models) else {"provider": provider, "id": model_id}, members)
    if price is not None:
        earlier = [each for each in row.get("prices") or [] if _day(each) != price["from"]]
        row["prices"] = sorted([*earlier, dict(price)], key=_day)
    models[place : place + 1] = [row]
    return {**root, "models": models}


def without_model(root: Document, provider: str, model_id: str) -> Document | None:
    """Return the document without what it says of the model; None where it says nothing of it."""
    models = list(root.get("models") or [])
    left = [row for row in models if not _is(row, provider, model_id)]
    return {**root, "models": left} if len(left) < len(models) else None


def without_provider(root: Document, provider: str) -> Document | None:
    """Return the document without the provider and all its models; None where it says nothing of either."""
    providers, models = dict(root.get("providers") or {}), list(root.get("models") or [])
    left = [row for row in models if not (isinstance(row, dict) and row.get("provider") == provider)]
    if providers.pop(provider, None) is None and len(left) == len(models):
        return None
    return {**root, "providers": providers, "models": left}


def text(root: Document) -> bytes:
    """Return the document as people can read it. Numbers keep every digit."""
    return (json.dumps(root, indent=2, ensure_ascii=False, default=_number) + "\n").encode()


def _number(value: Any) -> Any:
    """A number as it was written; a string of digits where JSON's numbers would round it, which is read alike."""
    assert isinstance(value, Decimal)
    short = float(value)
    return short if Decimal(repr(short)) == value else str(value)


def _merged(present: Any, members: Mapping[str, Any]) -> Document:
    both = {**(present if isinstance(present, dict) else {}), **members}
    return {name: value for name, value in both.items() if value is not None}


def _is(row: Any, provider: str, model_id: str) -> bool:
    return isinstance(row, dict) and row.get("provider") == provider and row.get("id") == model_id


def _day(price: Any) -> str:
    return str(price.get("from", "")) if isinstance(price, dict) else ""
