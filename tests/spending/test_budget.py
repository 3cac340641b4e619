from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.spending.budget import Balance, refusal
from tests.helpers.inside import inside


def said(limit: str, spent: str, chats: str, batches: str, asked: str | None, uncertain: str = "0") -> str:
    balance = Balance(Decimal(limit), Decimal(spent), Decimal(uncertain), Decimal(chats), Decimal(batches))
    return refusal(balance, None if asked is None else Decimal(asked), "answer")


@pytest.mark.parametrize(
    ("figures", "enough", "told"),
    [
        (
            ("10", "0", "0", "9.8", "0.5"),
            " to $10.30 or more",
            (
                "budget of $10.00 would be exceeded: $0.00 is spent, $9.80 is held back for batches, $0.20 is left, "
                "and this answer may cost up to $0.50."
            ),
        ),
        (
            ("12.5", "2", "0.25", "10", "0.5"),
            " to $12.75 or more",
            (
                "budget of $12.50 would be exceeded: $2.00 is spent, $10.25 is held back ($0.25 for chats under way, "
                "$10.00 for batches), $0.25 is left, and this answer may cost up to $0.50."
            ),
        ),
        (
            ("1", "0.4", "0.7", "0", "0.01"),
            " to $1.11 or more",
            (
                "budget of $1.00 would be exceeded: $0.40 is spent, $0.70 is held back for chats under way, nothing is "
                "left, and this answer may cost up to $0.01."
            ),
        ),
        (
            ("0.001", "0.0004", "0", "0", "0.0007"),
            " to $0.0011 or more",
            (
                "budget of $0.001 would be exceeded: $0.0004 is spent, nothing is held back, $0.0006 is left, and this "
                "answer may cost up to $0.0007."
            ),
        ),
        (
            ("1000000", "999999.999", "0", "0", "0.0015"),
            " to $1,000,000.001 or more",
            (
                "budget of $1,000,000.00 would be exceeded: $999,999.999 is spent, nothing is held back, "
                "$0.001 is left, and this answer may cost up to $0.002."
            ),
        ),
        (
            ("5", "5.25", "0", "0", None),
            "",
            (
                "budget of $5.00 would be exceeded: $5.25 is spent, nothing is held back, nothing is left, and no "
                "price is known for this answer."
            ),
        ),
        (
            ("1", "0.4", "0.1", "0", "0.5", "0.3"),
            " to $1.30 or more",
            (
                "budget of $1.00 would be exceeded: $0.40 is spent, $0.30 more may have been, by answers "
                "whose cost is not known, $0.10 is held back for chats under way, $0.20 is left, and this answer may "
                "cost up to $0.50."
            ),
        ),
    ],
)
def test_a_refusal_tells_what_is_spent_and_held_back_and_asked_for_and_left(
    figures: tuple[str, ...], enough: str, told: str
) -> None:
    # Where nothing is left, no shorter answer would do.
    otherwise = "" if "nothing is left" in told else ", or lower the answer's maximum length"
    assert said(*figures) == f"This month's {told} Raise the budget in the settings{enough}{otherwise}."


_FIGURE = re.compile(
    r"\$([\d,]+\.\d+) (is spent|is held back|is left|more may have been|for)|up to \$([\d,]+\.\d+)"
)
usd = st.decimals(min_value=0, max_value=1_000, places=12)
cents = st.decimals(min_value=0, max_value=1_000, places=2)


@given(cents, st.one_of(usd, cents), st.one_of(usd, cents), st.one_of(st.just(Decimal(0)), usd), usd, usd)
def test_whatever_the_figures_are_the_sum_that_is_shown_is_right_and_too_much(
    limit: Decimal, spent: Decimal, chats: Decimal, uncertain: Decimal, batches: Decimal, more: Decimal
) -> None:
    asked = max(Decimal(0), limit - spent - uncertain - chats - batches) + more + Decimal("1e-12")
    sentence = refusal(Balance(limit, spent, uncertain, chats, batches), asked, "batch")
    shown = {
        what or "asked": Decimal((amount or most).replace(",", ""))
        for amount, what, most in _FIGURE.findall(sentence)
    }
    budget = Decimal(re.findall(r"budget of \$([\d,]+\.\d+)", sentence)[0].replace(",", ""))
    taken = (
        shown["is spent"]
        + shown.get("more may have been", Decimal(0))
        + shown.get("is held back", Decimal(0))
    )
    assert taken + shown["asked"] > budget
    # What may yet be spent is no more than what is shown of it, and the budget that is named would do.
    assert shown.get("more may have been", Decimal(0)) >= uncertain
    assert shown.get("is held back", Decimal(0)) + shown.get("for", Decimal(0)) >= chats + batches
    enough = Decimal(re.findall(r"to \$([\d,]+\.\d+) or more", sentence)[0].replace(",", ""))
    assert enough >= spent + uncertain + chats + batches + asked
    if "is left" in shown:
        assert taken + shown["is left"] == budget
    else:
        assert taken >= budget


@pytest.mark.parametrize("limit", [1e-300, 1e-30, 1e-13, 1e300])
async def test_a_limit_of_any_size_refuses_in_words_or_lets_pass(limit: float, tmp_path: Path) -> None:
    """A limit with more digits behind its point than anything is counted in broke the sentence that refuses."""
    async with inside(tmp_path) as here:
        await here.ask("settings:save", {"key": "monthlyBudgetUSD", "value": limit})
        answer = await here.ask("chat:send", {"content": "Why?", "modelId": "openai/gpt-4o"})
    if limit > 1:
        assert answer["result"]["costUSD"] > 0
    else:
        assert answer["error"]["data"]["kind"] == "budget_exceeded"
        assert answer["error"]["message"].startswith("This month's budget of $0.00 would be exceeded")
