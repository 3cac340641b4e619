"""Which of Anthropic's figures of an organisation a key may read, and where they stand."""

from __future__ import annotations

from sidecar.simulator.anthropic import costs, usage_report
from sidecar.simulator.billing import BillLook
from sidecar.simulator.exchange import Refusal, Refused

_ANALYTICS = "/v1/organizations/analytics/"
_BETA = "analytics-usage-cost"
# A key of before the analytics reads what was there then.
OLDER_KEY = "older"


def answer(look: BillLook) -> bytes | None:
    """Return what is asked for; None for another path. Raise Refused for a key that may not read it."""
    if not look.path.startswith("/v1/organizations/"):
        return None
    key = look.request.headers.get("x-api-key", "")
    if "admin" not in key:
        raise Refused(Refusal(401, "invalid x-api-key"))
    if look.path.startswith(_ANALYTICS):
        if OLDER_KEY in key:
            raise Refused(Refusal(403, "This API key does not have the scope read:analytics"))
        if _BETA not in look.request.headers.get("anthropic-beta", ""):
            raise Refused(Refusal(400, "anthropic-beta: header is required for this endpoint"))
    told = costs.answer(look)
    return told or usage_report.answer(look)
