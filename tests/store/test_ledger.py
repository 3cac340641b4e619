from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.store import ledger, ledger_sums
from sidecar.store.columns import from_pico, to_pico
from sidecar.store.records import LedgerEntry, Settlement, Uncertain
from tests.store.clock import NOW


@dataclass(frozen=True)
class _Usage:
    in_uncached: int = 100
    cache_read: int = 10
    cache_write_short: int = 5
    cache_write_long: int = 1
    out_visible: int = 50
    out_reasoning: int = 25
    searches: int = 2
    prompt_total: int = 116


ENTRY = LedgerEntry(
    "l",
    NOW,
    "chat",
    project_id="p",
    conversation_id="c",
    turn_id="t",
    provider="openai",
    model="openai/gpt",
    price={"prompt": Decimal("2.50"), "source": "list"},
    estimate_usd=Decimal("0.05"),
)


def _settle(conn: sqlite3.Connection, entry_id: str, cost: str | None, now: int = NOW) -> bool:
    end = Settlement("settled", usage=_Usage(), cost_usd=None if cost is None else Decimal(cost))
    return ledger.settle(conn, entry_id, end, now)


def test_an_intent_is_open_until_it_is_settled(conn: sqlite3.Connection) -> None:
    ledger.intent(conn, ENTRY)
    stored = replace(
        ENTRY,
        price={"prompt": "2.50", "source": "list"},
        at_least_usd=Decimal(0),
        at_most_usd=Decimal("0.05"),
    )
    assert ledger.get(conn, "l") == stored
    assert stored.state == "intent"
    assert ledger_sums.reserved(conn) == Decimal("0.05")
    end = Settlement(
        "settled",
        usage=_Usage(),
        cost_usd=Decimal("0.0123456789012"),
        served_model="openai/gpt-2",
        request_id="req",
        incomplete=True,
    )
    assert ledger.settle(conn, "l", end, NOW + 5, message_id="m")
    assert ledger.get(conn, "l") == replace(
        stored,
        state="settled",
        settled_at=NOW + 5,
        cost_usd=Decimal("0.012345678901"),
        at_least_usd=Decimal("0.012345678901"),
        at_most_usd=Decimal("0.012345678901"),
        served_model="openai/gpt-2",
        message_id="m",
        request_id="req",
        incomplete=True,
        in_uncached=100,
        cache_read=10,
        cache_write_short=5,
        cache_write_long=1,
        out_visible=50,
        out_reasoning=25,
        searches=2,
        prompt_total=116,
    )
    assert ledger_sums.reserved(conn) == 0


def test_a_row_is_settled_once(conn: sqlite3.Connection) -> None:
    ledger.intent(conn, ENTRY)
    assert _settle(conn, "l", "1")
    assert not _settle(conn, "l", "2")
    assert not ledger.settle(conn, "l", Settlement("failed", error_kind="timeout"), NOW)
    assert ledger_sums.spent_since(conn, 0) == 1
    assert not _settle(conn, "none", "1")


def test_a_failed_request_costs_nothing(conn: sqlite3.Connection) -> None:
    ledger.intent(conn, ENTRY)
    refused = Settlement("failed", error_kind="rate_limited", request_id="req")
    assert ledger.settle(conn, "l", refused, NOW + 1)
    failed = ledger.get(conn, "l")
    assert failed is not None
    assert (failed.state, failed.cost_usd, failed.error_kind) == ("failed", None, "rate_limited")
    assert ledger_sums.spent_since(conn, 0) == 0


def test_what_may_have_been_charged_is_unknown_and_can_still_be_settled(conn: sqlite3.Connection) -> None:
    ledger.intent(conn, ENTRY)
    assert ledger.settle(conn, "l", Settlement("unknown", error_kind="interrupted"), NOW)
    unknown = ledger.get(conn, "l")
    assert unknown is not None
    assert unknown.state == "unknown"
    assert unknown.cost_usd is None
    assert ledger_sums.spent_since(conn, 0) == 0
    assert ledger_sums.uncertain_since(conn, 0) == Uncertain(1, Decimal(0), Decimal("0.05"))
    assert _settle(conn, "l", "0.5")
    settled = ledger.get(conn, "l")
    assert ledger_sums.uncertain_since(conn, 0) == Uncertain()
    assert settled is not None
    assert settled.error_kind is None


def test_a_call_without_a_price_is_unpriced_and_not_free(conn: sqlite3.Connection) -> None:
    ledger.intent(conn, ENTRY)
    assert _settle(conn, "l", None)
    settled = ledger.get(conn, "l")
    assert settled is not None
    assert settled.cost_usd is None
    assert conn.execute("SELECT cost_pico FROM ledger").fetchone() == (None,)


def test_sums_are_by_time_by_project_and_by_model(conn: sqlite3.Connection) -> None:
    rows = [("a", NOW - 10, "p", "gpt"), ("b", NOW, "p", "gpt"), ("c", NOW + 10, "q", "claude")]
    for entry_id, at, project, model in rows:
        ledger.intent(conn, replace(ENTRY, id=entry_id, created_at=at, project_id=project, model=model))
        _settle(conn, entry_id, "0.1")
    assert ledger_sums.spent_since(conn, NOW) == Decimal("0.2")
    assert ledger_sums.spent_since(conn, NOW, "p") == Decimal("0.1")
    assert ledger_sums.spent_since(conn, 0, "none") == 0


def test_a_state_that_is_none_of_the_four_is_refused(conn: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ledger.intent(conn, replace(ENTRY, state="paid"))


@given(st.decimals(min_value=0, max_value=100_000, places=12))
def test_money_survives_the_column_to_the_last_digit(usd: Decimal) -> None:
    assert from_pico(to_pico(usd)) == usd


def test_what_is_uncertain_costs_what_arrived_at_least_and_what_was_reserved_at_most(
    conn: sqlite3.Connection,
) -> None:
    for number, least in enumerate(("0.01", "0.2")):
        ledger.intent(conn, replace(ENTRY, id=str(number)))
        end = Settlement("unknown", error_kind="cancelled", at_least_usd=Decimal(least))
        ledger.settle(conn, str(number), end, NOW)
    first, second = ledger.get(conn, "0"), ledger.get(conn, "1")
    assert first is not None
    assert second is not None
    assert (first.at_least_usd, first.at_most_usd) == (Decimal("0.01"), Decimal("0.05"))
    # More has arrived than was thought possible.
    assert (second.at_least_usd, second.at_most_usd) == (Decimal("0.2"), Decimal("0.2"))
    assert ledger_sums.uncertain_since(conn, 0) == Uncertain(2, Decimal("0.21"), Decimal("0.25"))
    assert ledger_sums.uncertain_since(conn, 0, "elsewhere") == Uncertain()
