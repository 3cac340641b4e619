"""A bill with two columns of one name: the one that is meant is taken, or the person is asked which it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import sidecar
from tests.helpers.process import RpcError

DAYS = {"provider": "gemini", "from": "2026-11-20", "to": "2026-11-20", "group": "day"}
READ = {
    "one of them is in other money": "date,model,Cost (EUR),Cost (USD)\n2026-11-20,m,9,2.5\n",
    "one is named for the dollar": "date,model,cost_eur,cost_usd\n2026-11-20,m,9,2.5\n",
    "they say the same": "date,model,cost,cost\n2026-11-20,m,2.5,2.5\n",
    "the first is empty": "date,model,Cost,cost\n2026-11-20,m,,2.5\n",
    "days that say the same": "date,Date,model,cost\n2026-11-20,2026-11-20,m,2.5\n",
    "what is read of neither": "date,model,note,note,cost\n2026-11-20,m,a,b,2.5\n",
}
REFUSED = {
    "costs": "date,model,cost,Cost\n2026-11-20,m,2.5,9\n",
    "costs in dollars": "date,model,cost ($),cost (USD)\n2026-11-20,m,2.5,9\n",
    "costs in the second line alone": "date,model,cost,cost\n2026-11-20,m,2.5,2.5\n2026-11-20,m,2.5,9\n",
    "days": "date,date,model,cost\n2026-11-20,2026-11-21,m,2.5\n",
    "models": "date,model,model,cost\n2026-11-20,m,n,2.5\n",
    "currencies": "date,model,cost,currency,currency\n2026-11-20,m,2.5,USD,EUR\n",
    "tokens asked": "date,model,input_tokens,input tokens,output_tokens\n2026-11-20,m,10,20,5\n",
    "tokens answered": "date,model,input_tokens,output_tokens,output tokens\n2026-11-20,m,10,20,5\n",
    "tokens read from a cache": (
        "date,model,input_tokens,cached tokens,cached_tokens,output_tokens\n2026-11-20,m,100,20,30,5\n"
    ),
    "service tiers": (
        "date,model,service_tier,service tier,input_tokens,output_tokens\n2026-11-20,m,flex,priority,10,5\n"
    ),
}


async def reconciled(folder: Path, text: str) -> dict[str, Any]:
    bill = folder / "bill.csv"
    bill.write_text(text, encoding="utf-8")
    async with sidecar(folder / "data") as process:
        found: dict[str, Any] = await process.call("cost:reconcile", {**DAYS, "path": str(bill)})
    return found


@pytest.mark.parametrize("text", READ.values(), ids=READ)
async def test_a_bill_with_two_columns_of_one_name_is_read_by_the_one_that_is_meant(
    text: str, tmp_path: Path
) -> None:
    assert (await reconciled(tmp_path, text))["theirsUSD"] == 2.5


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
async def test_a_bill_whose_two_columns_of_one_name_say_different_things_is_refused(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(RpcError, match=r"same name and say different things: .*Take one of them") as refused:
        await reconciled(tmp_path, text)
    assert refused.value.data["kind"] == "invalid_params"
