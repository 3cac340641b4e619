"""Models that a provider lists and the catalogue lacks: what is taken for granted of them until it knows more (pure).

A new model of a vendor is taken to do what the one with the likest name does. It has no price: its calls are unpriced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from sidecar.money.json_reader import JsonReader
from sidecar.money.model import ModelEntry

if TYPE_CHECKING:
    from sidecar.providers.base import ListedModel

# What nobody has said of a server's model: small enough for every server, so that history is cut rather than refused.
CONTEXT_SIZE = 8192
FEATURES = ("streaming", "json_mode", "json_schema")
# Whether a vendor's batches take a model stands nowhere but in its documentation.
_UNCERTAIN = frozenset({"batch"})


def listed_entry(models: Sequence[ModelEntry], provider: str, listed: ListedModel) -> ModelEntry:
    """Return the entry of a model that a provider lists, beside those that the catalogue has of it."""
    alike = _alike(models, provider, listed.id)
    name = listed.name or listed.id
    if alike is None:
        return ModelEntry(
            id=listed.id,
            provider=provider,
            name=name,
            context_size=listed.context_size or CONTEXT_SIZE,
            max_output_tokens=listed.max_output_tokens,
            features=FEATURES,
        )
    return ModelEntry(
        id=listed.id,
        provider=provider,
        name=name,
        description=f"Listed by its vendor, and not in the catalogue: asked as {alike.name} is, without a price.",
        context_size=listed.context_size or alike.context_size,
        max_output_tokens=listed.max_output_tokens or alike.max_output_tokens,
        features=tuple(word for word in alike.features if word not in _UNCERTAIN),
        extra={name: value for name, value in alike.extra.items() if name != "vendorIds"},
    )


def to_row(provider: str, listed: ListedModel) -> dict[str, Any]:
    """Return what is kept of a listed model."""
    known = {
        "provider": provider,
        "id": listed.id,
        "name": listed.name,
        "contextSize": listed.context_size,
        "maxOutputTokens": listed.max_output_tokens,
    }
    return {member: value for member, value in known.items() if value is not None}


def from_rows(root: JsonReader) -> Iterable[tuple[str, ListedModel]]:
    """Yield provider and model of every row that was kept. Raise CatalogueError."""
    from sidecar.providers.base import ListedModel

    for node in root.nodes("models"):
        yield (
            node.text("provider"),
            ListedModel(
                id=node.text("id"),
                name=node.get("name", str),
                context_size=node.count("contextSize"),
                max_output_tokens=node.count("maxOutputTokens"),
            ),
        )


def _alike(models: Sequence[ModelEntry], provider: str, model_id: str) -> ModelEntry | None:
    """The model of that provider whose id begins most like this one; of several, the one that stands first."""
    own = [model for model in models if model.provider == provider and model.prices and not model.base_url]
    return max(own, key=lambda model: _alike_letters(model.id, model_id), default=None)


def _alike_letters(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
