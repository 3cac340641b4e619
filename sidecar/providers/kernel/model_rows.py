"""The rows of a list of models, in every form that vendors and servers use, told from JSON of another kind (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping

# Where the rows stand: OpenAI's list, Ollama's, and those of clouds and gateways.
_ROWS = ("data", "models", "result", "items", "model_list", "results")
# What the vendor is not: a gateway that wants a login first, a health check, any other service at the address.
OTHER_JSON = "JSON of another kind"


def rows_of(page: Any) -> list[Any] | None:
    """Return the rows of a list in any of its forms, None for what is none."""
    rows = _listed(page)
    return None if rows and not any(isinstance(row, str) or _is_row(row) for row in rows) else rows


def is_bare_and_empty(page: Any) -> bool:
    """Whether it is a list of nothing without a name: of a server without models perhaps, and of no vendor."""
    return page == [] and isinstance(page, list)


def other_json(title: str) -> str:
    """Return the sentence about an answer that is JSON and no list of models."""
    return (
        f"What answers is not {title}: its answer is JSON, and no list of models. Check the base URL, and whether the "
        "network wants a login first."
    )


def _listed(page: Any) -> list[Any] | None:
    if isinstance(page, list):
        return page
    told = as_mapping(page)
    for name in _ROWS:
        inside = told.get(name)
        if isinstance(inside, list):
            return list(inside)
        if isinstance(inside, Mapping) and inside:
            # A list in an envelope, or rows by their names.
            found = _listed(inside)
            return list(inside.values()) if found is None and all(map(_is_row, inside.values())) else found
    return [] if any(name in told and told[name] is None for name in _ROWS) else None


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) and any(name in value for name in ("id", "name", "model", "model_name"))
