"""models:* — the catalogue, and what the person adds to it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from sidecar.errors import Failure
from sidecar.methods import wire
from sidecar.methods.services import Request, Services
from sidecar.money import own_models
from sidecar.money.catalogue import Catalogue
from sidecar.money.listed import listed_entry
from sidecar.money.model import PriceEntry, utc_day
from sidecar.store.atomic_files import file_failure, source_file

if TYPE_CHECKING:
    from sidecar.contract.types import models as types
    from sidecar.providers.base import ListedModel


async def get_all(call: Request, params: types.ModelsGetAllParams) -> orjson.Fragment:
    app, day = call.services, utc_day(call.services.now_ms())
    used = None if params.include_aliases else await app.used_models.names()
    return orjson.Fragment(_encoded(app.catalogue, day, params.include_retired is not False, used))


async def get(call: Request, params: types.ModelsGetParams) -> dict[str, Any]:
    return call.services.catalogue.row(params.id, utc_day(call.services.now_ms()))


async def discover(call: Request, params: types.ModelsDiscoverParams) -> dict[str, Any]:
    app, name = call.services, params.provider
    if params.base_url and name in app.providers.names():
        raise _invalid(
            f"{name} has an address already. Leave baseUrl out, or choose another name.", "baseUrl"
        )
    if params.base_url:
        found = await app.discovery.visit(name, params.base_url)
    else:
        found = await app.discovery.discover(name)
    return {"provider": name, "models": [_discovered(app.catalogue, name, each) for each in found]}


async def save(call: Request, params: types.ModelsSaveParams) -> dict[str, Any]:
    app = call.services
    _refuse_empty(params, known=params.provider in app.providers.names())
    day = utc_day(app.now_ms())
    members = _members(app, params) if params.id else {}

    def change(root: own_models.Document) -> own_models.Document:
        if params.server is not None:
            server = _server(params.server, new=params.provider not in (root.get("providers") or {}))
            root = own_models.with_server(root, params.provider, server)
        if params.id:
            price = _price(params.price, day) if params.price else None
            root = own_models.with_model(root, params.provider, params.id, members, price)
        return root

    await app.catalogue_files.change_own(change)
    row = app.catalogue.row(f"{params.provider}/{params.id}", day) if params.id else None
    return {"provider": params.provider} | wire.present({"model": row})


async def delete(call: Request, params: types.ModelsDeleteParams) -> None:
    def change(root: own_models.Document) -> own_models.Document | None:
        if params.id:
            return own_models.without_model(root, params.provider, params.id)
        return own_models.without_provider(root, params.provider)

    if not await call.services.catalogue_files.change_own(change):
        name = f"{params.provider}/{params.id}" if params.id else params.provider
        raise Failure(
            "not_found",
            f"Your own models.json says nothing of {name}, so there is nothing to delete. Load the list again.",
        )


async def update(call: Request, params: types.ModelsUpdateParams) -> dict[str, Any]:
    app = call.services
    if [bool(params.path), params.text is not None, bool(params.undo)].count(True) != 1:
        raise _invalid("Give the path of a newer catalogue, or its text, or undo: one of the three.", "path")
    if params.undo:
        found = await app.catalogue_files.undo_update()
    else:
        content = params.text.encode() if params.text is not None else await _read(str(params.path))
        found = await app.catalogue_files.update(content, utc_day(app.now_ms()))
    return {
        "checkedOn": app.catalogue_files.checked_on.isoformat(),
        "shipped": app.catalogue_files.is_shipped,
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": list(found.changed),
        "prices": [_price_change(name, price) for name, price in found.prices],
        "pricesGone": [_price_change(name, price) for name, price in found.gone],
    }


async def _read(path: str) -> bytes:
    source = source_file(path)
    try:
        return await asyncio.to_thread(source.read_bytes)
    except OSError as error:
        raise file_failure(error, source) from error


def _price_change(model_id: str, price: PriceEntry) -> dict[str, Any]:
    return {
        "modelId": model_id,
        "from": price.starts_on.isoformat(),
        "prompt": float(price.per_million["prompt"]),
        "completion": float(price.per_million["completion"]),
    } | wire.present({"notes": price.notes or None})


_last: dict[tuple[bool, bool], tuple[Catalogue, int, datetime.date, Collection[str] | None, bytes]] = {}


def _encoded(
    catalogue: Catalogue, day: datetime.date, include_retired: bool, used: Collection[str] | None
) -> bytes:
    """The list as JSON, made once a day: the renderer fetches all of it around every row of a batch."""
    place = (include_retired, used is None)
    known = _last.get(place)
    if known is None or known[0] is not catalogue or known[1:4] != (catalogue.edition, day, used):
        rows = orjson.dumps(catalogue.rows(day, include_retired, used))
        known = _last[place] = (catalogue, catalogue.edition, day, used, rows)
    return known[4]


def _discovered(catalogue: Catalogue, provider: str, listed: ListedModel) -> dict[str, Any]:
    model_id = f"{provider}/{listed.id}"
    entry = catalogue.names.full.get(model_id)
    return {"id": listed.id, "modelId": model_id, "known": bool(entry and entry.model.prices)} | wire.present(
        {
            "name": listed.name,
            "contextSize": listed.context_size,
            "maxOutputTokens": listed.max_output_tokens,
        }
    )


def _refuse_empty(params: types.ModelsSaveParams, *, known: bool) -> None:
    if not params.id and params.server is None:
        raise _invalid("Nothing is there to save. Name a model (id), or a server with its baseUrl.", "id")
    if not known and (params.server is None or not params.server.base_url):
        raise _invalid(
            f"{params.provider} is no provider yet. Say where it is reached: server.baseUrl.",
            "server.baseUrl",
        )


def _members(app: Services, params: types.ModelsSaveParams) -> dict[str, Any]:
    """What is written of the model: what was said, and for a new one what its provider lists or is likely."""
    catalogue, id_ = app.catalogue, str(params.id)
    said: dict[str, Any] = {
        "name": params.name,
        "contextSize": params.context_size,
        "maxOutputTokens": params.max_output_tokens,
        "features": list(params.features) if params.features is not None else None,
    }
    if catalogue.names.of_provider(params.provider, id_) is None:
        likely = listed_entry(
            catalogue.models, params.provider, app.discovery.last_listed(params.provider, id_)
        )
        said["contextSize"] = params.context_size or likely.context_size
        said["maxOutputTokens"] = params.max_output_tokens or likely.max_output_tokens
        said["features"] = said["features"] if said["features"] is not None else list(likely.features)
    return wire.present(said)


def _server(server: types.OwnServer, *, new: bool) -> dict[str, Any]:
    told = wire.present(
        {
            "name": server.name,
            "baseUrl": server.base_url,
            "keyName": server.key_name,
            "keyRequired": server.key_required,
            "allowHttp": server.allow_http,
        }
    )
    return {"keyRequired": bool(server.key_name)} | told if new else told


def _price(price: types.OwnPrice, day: datetime.date) -> dict[str, Any]:
    told = {
        "prompt": price.prompt,
        "completion": price.completion,
        "cacheRead": price.cache_read,
        "cacheWrite5m": price.cache_write5m,
        "cacheWrite1h": price.cache_write1h,
    }
    searches: Mapping[str, Any] = {"webSearchPer1k": _number(price.web_search_per1k)}
    rates = {name: _number(value) for name, value in told.items()}
    return {"from": price.from_ or day.isoformat(), "perMillion": wire.present(rates)} | wire.present(
        searches
    )


def _number(value: float | None) -> Decimal | None:
    """The digits as they were sent: the shortest that stand for this number."""
    return None if value is None else Decimal(repr(value))


def _invalid(message: str, path: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": path, "message": message}])
