"""The rows of a list of models, in every form that vendors and servers use, told from JSON of another kind (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping

# Where the rows stand: OpenAI's list, Ollama's, and those of clouds and gateways.
_ROWS = ("data", "models", "result", "items", "model_list", "results")
# Where they begin: in a list without a name, in one of these, or by their names.
_BEGINS_ROWS = re.compile(
    r"""(?:\A\s*\[|"(?:""" + "|".join(_ROWS) + r""")"\s*:\s*(?:\[|\{\s*"[^"\\]*"\s*:))\s*(?=["{])"""
)
_BEGINS_JSON = re.compile(r"\s*[\[{]")
_DECODER = json.JSONDecoder()
# What the vendor is not: a gateway that wants a login first, a health check, any other service at the address.
OTHER_JSON = "JSON of another kind"


def rows_of(page: Any) -> list[Any] | None:
    """Return the rows of a list in any of its forms, None for what is none."""
    rows = _listed(page)
    return None if rows and not any(isinstance(row, str) or _is_row(row) for row in rows) else rows


def rows_begun(body: bytes) -> Any:
    """Return the first row of a list that was cut off, in a list; None for JSON of another kind.

    Raises ValueError for what does not begin as JSON.
    """
    text = body.decode("utf-8", "replace")
    if not _BEGINS_JSON.match(text):
        raise ValueError("no JSON")
    for place in _BEGINS_ROWS.finditer(text):
        try:
            return [_DECODER.raw_decode(text, place.end())[0]]
        except (ValueError, RecursionError):
            continue
    return None


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
