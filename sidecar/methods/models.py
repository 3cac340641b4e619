"""models:* — the catalogue."""

from __future__ import annotations

import datetime
from typing import Any

import orjson

from sidecar.contract.types import models as types
from sidecar.methods.services import Request
from sidecar.money.catalogue import Catalogue
from sidecar.money.model import utc_day


async def get_all(call: Request, params: types.ModelsGetAllParams) -> orjson.Fragment:
    day = utc_day(call.services.now_ms())
    retired = params.include_retired is not False
    return orjson.Fragment(_encoded(call.services.catalogue, day, retired))


async def get(call: Request, params: types.ModelsGetParams) -> dict[str, Any]:
    return call.services.catalogue.row(params.id, utc_day(call.services.now_ms()))


_last: dict[bool, tuple[Catalogue, datetime.date, bytes]] = {}


def _encoded(catalogue: Catalogue, day: datetime.date, include_retired: bool) -> bytes:
    """The list as JSON, made once a day: the renderer fetches all of it around every row of a batch."""
    known = _last.get(include_retired)
    if known is None or known[0] is not catalogue or known[1] != day:
        known = (catalogue, day, orjson.dumps(catalogue.rows(day, include_retired)))
        _last[include_retired] = known
    return known[2]
