"""What xAI says a request cost, in ticks of 1e-10 dollars, fees of tools included."""

from __future__ import annotations

from datetime import UTC, datetime

from sidecar.simulator.exchange import Completion
from sidecar.simulator.models import Models

TICKS_PER_USD = 10**10

_models = Models()


def cost_in_usd_ticks(made: Completion) -> int | None:
    """By the catalogue's price of that day, as the simulator's own ledger has it; None without a price."""
    day = datetime.fromtimestamp(made.created_s, UTC).date()
    usd = _models.charge("grok", made.served_model, made.usage, day)
    return None if usd is None else int(usd * TICKS_PER_USD)
