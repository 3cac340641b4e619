"""A provider's list of models: its pages, and what each row says, in every form that vendors and servers use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sidecar.providers.base import ListedModel
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.json_values import as_count, as_mapping, as_text, told_count
from sidecar.providers.kernel.model_rows import is_bare_and_empty, other_json, rows_of
from sidecar.providers.kernel.pages import Pages

# Where servers write how long prompt and answer together may be, and the answer alone.
_CONTEXT = (
    "context_length",
    "max_model_len",
    "context_window",
    "loaded_context_length",
    "max_context_length",
    "max_input_tokens",
    "inputTokenLimit",
)
_OUTPUT = ("max_completion_tokens", "max_output_tokens", "max_tokens", "outputTokenLimit")
_NAMES = ("display_name", "displayName", "name")
# What LM Studio and Google list beside the models that answer questions.
_OTHER_TYPES = frozenset({"embeddings", "embedding", "rerank", "image", "audio"})
_ANSWERS = "generateContent"
_IDS = ("id", "model", "name", "model_name")

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)

NextPage = Callable[[Mapping[str, Any], list[Any]], object]
"""A page and its rows -> where the next page begins, None behind the last one."""


# Hundreds are usual, and thousands of a gateway; what goes on behind that is no list of models.
MOST_MODELS = 20_000


async def list_models(
    api: VendorClient,
    url: str,
    key: str,
    parameter: str,
    next_page: NextPage,
    *,
    may_be_bare: bool = False,
) -> tuple[ListedModel, ...]:
    """Return the models of all pages, each once. `parameter` is what the vendor calls the beginning of a page.

    `may_be_bare`: whether a server without models may answer with an empty list alone. Raises Failure for what is
    no list, and for a list without an end.
    """
    title = api.vendor.title
    pages = Pages(url, parameter, lambda: api.failure(f"{title}'s list of models has no end. Try again."))
    found: dict[str, ListedModel] = {}
    while True:
        page = await api.value("GET", pages.path, api.asked(key))
        rows = rows_of(page)
        if rows is None or (is_bare_and_empty(page) and not may_be_bare):
            api.refuse_error(page, api.asked(key))
            raise api.failure(other_json(title))
        for model in filter(None, map(listed_model, rows)):
            found.setdefault(model.id, model)
        if len(found) > MOST_MODELS:
            raise pages.endless()
        beginning = next_page(as_mapping(page), rows)
        if beginning is None:
            return tuple(found.values())
        pages.turn_to(beginning)


def after_last(page: Mapping[str, Any], rows: list[Any]) -> object:
    """A list that goes on behind the id of its last row, for as long as it says so."""
    return (
        (page.get("last_id") or as_mapping(rows[-1]).get("id") or "")
        if page.get("has_more") and rows
        else None
    )


def listed_model(row: Any) -> ListedModel | None:
    """Return what a row says; None for one that names no model, or none that answers questions."""
    told = {"id": row} if isinstance(row, str) else as_mapping(row)
    methods = told.get("supportedGenerationMethods")
    if _is_other(told) or (isinstance(methods, list) and _ANSWERS not in methods):
        return None
    # Ollama's own list says `model`, Google's puts a folder before the name.
    # Cloudflare has a number for an id, and the name for what a call names.
    uuid = _UUID.fullmatch(as_text(told.get("id"))) and as_text(told.get("name"))
    id_ = uuid or next((text for member in _IDS if (text := as_text(told.get(member)))), "")
    id_ = id_.removeprefix("models/").strip()
    if not id_:
        return None
    name = next((text for member in _NAMES if (text := as_text(told.get(member)))), "")
    beside = ("top_provider", "meta", "metadata", "limits", "limit", "model_info")
    behind = (told, *(as_mapping(told.get(name)) for name in beside))
    return ListedModel(
        id=id_,
        name=name if name and name.removeprefix("models/") != id_ else None,
        context_size=_first(behind, (*_CONTEXT, "n_ctx")),
        max_output_tokens=_first(behind, _OUTPUT),
    )


def _is_other(told: Mapping[str, Any]) -> bool:
    """Whether the row says that the model answers no questions."""
    kinds = [as_text(told.get(name)).lower() for name in ("type", "object")]
    task = told.get("task")
    kinds.append(as_text(as_mapping(task).get("name") if isinstance(task, Mapping) else task).lower())
    outputs = as_mapping(told.get("architecture")).get("output_modalities")
    return (
        any(kind in _OTHER_TYPES or "embedding" in kind for kind in kinds)
        or as_mapping(told.get("capabilities")).get("completion_chat") is False
        or (isinstance(outputs, list) and bool(outputs) and "text" not in outputs)
    )


def _first(places: tuple[Mapping[str, Any], ...], names: tuple[str, ...]) -> int | None:
    return next((count for place in places for name in names if (count := _count(place.get(name)))), None)


def _count(value: Any) -> int:
    return told_count(value) or 0 if isinstance(value, str) else as_count(value)
