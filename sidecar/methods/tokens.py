"""tokens:* — counting without the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.methods.services import Request, Services
from sidecar.money.model import utc_day
from sidecar.money.tokens import COUNTER

if TYPE_CHECKING:
    from sidecar.contract.types import tokens as types


async def count(call: Request, params: types.TokensCountParams) -> int:
    return await COUNTER.count(params.text, _answering(call.services, params.model_id))


def _answering(app: Services, name: str | None) -> str | None:
    """The model whose tokens are paid for: a retired one's successor. A name that nobody knows is left as it is."""
    names = app.catalogue.names
    if name is None or (name not in names.full and name not in names.bare):
        return name
    return app.catalogue.served(name, utc_day(app.now_ms())).model.full_id
