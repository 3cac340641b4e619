"""Calls in the ledger, as a chat or a batch would have left them there."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from sidecar.providers.base import Usage
from sidecar.store import ledger
from sidecar.store.records import LedgerEntry, Settlement

USAGE = Usage(in_uncached=1_000, out_visible=150, out_reasoning=50, prompt_total=1_000)


def spent(
    conn: sqlite3.Connection,
    entry_id: str,
    cost: str | None,
    *,
    at: int,
    model: str | None = "openai/gpt-4o",
    served: str | None = None,
    usage: Usage | None = USAGE,
    project: str | None = "p",
    conversation: str | None = None,
    job: str | None = None,
) -> None:
    """A call that was settled; `cost` None is unpriced."""
    entry = LedgerEntry(
        entry_id, at, "chat", project_id=project, conversation_id=conversation, job_id=job, model=model
    )
    ledger.intent(conn, entry)
    dollars = None if cost is None else Decimal(cost)
    end = Settlement("settled", usage=usage, cost_usd=dollars, served_model=served)
    ledger.settle(conn, entry_id, end, at + 1)
