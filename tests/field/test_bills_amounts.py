"""Amounts of a bill as another country's table writes them: never a thousandfold, and none from half a line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.field.lab import sidecar
from tests.helpers.process import RpcError, SidecarProcess

DAY = "2026-11-27"
COMMAS = f"date\tmodel\tcost\n{DAY}\tgrok-4.7\t1,50\n{DAY}\tgrok-4.7\t1,234\n"
DOTS = f"date;model;cost\n{DAY};grok-4.7;1.234,56\n{DAY};grok-4.7;2.000\n"
ENGLISH = f"date;model;cost\n{DAY};grok-4.7;0.50\n{DAY};grok-4.7;2,000\n"
MILLIONS = f"date;model;cost\n{DAY};grok-4.7;1.234.567\n{DAY};grok-4.7;0,5\n"
UPSTREAM = f'date,model,cost,byok_usage_inference\n{DAY},grok-4.7,"0,5","1,234"\n'
TOKENS = f"date;model;input tokens;output tokens\n{DAY};grok-4.7;5.000;2.000\n"


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("bill", "theirs"),
    [
        (COMMAS, 2.734),
        (COMMAS.replace("\t", "|"), 2.734),
        (DOTS, 3234.56),
        (ENGLISH, 2000.5),
        (MILLIONS, 1234567.5),
        (UPSTREAM, 1.734),
    ],
)
async def test_a_bill_of_a_table_with_decimal_commas_is_no_thousandfold(
    process: SidecarProcess, bill: str, theirs: float
) -> None:
    [day] = (await reconciled(process, bill))["days"]
    assert day["theirsUSD"] == theirs


async def test_a_bill_that_has_decimal_commas_and_decimal_points_is_refused_where_nothing_tells(
    process: SidecarProcess,
) -> None:
    with pytest.raises(RpcError, match="Line 4 has no day or no amount"):
        await reconciled(process, f"{COMMAS.replace('1,234', '2.5')}{DAY}\tgrok-4.7\t1,234\n")


async def test_tokens_with_a_point_of_thousands_are_not_a_thousandth(process: SidecarProcess) -> None:
    [day] = (await reconciled(process, TOKENS))["days"]
    assert {unit["unit"]: unit["theirsCount"] for unit in day["units"]} == {"input": 5000, "output": 2000}


@pytest.mark.parametrize(
    ("bill", "sentence"),
    [
        (f"date,model,cost\n{DAY},grok-4.7,1,50\n", "Line 2 has more cells than the table has columns"),
        (f"date,model,cost\n{DAY},grok-4.7,0.5\n{DAY},grok-4", "Line 3 ends before its last cells"),
        (
            f"date,model,input tokens,output tokens\n{DAY},grok-4.7,1,200,300\n",
            "Line 2 has more cells than the table has columns",
        ),
        (f"date,model,input tokens,output tokens\n{DAY},grok-4.7,12", "Line 2 ends before its last cells"),
    ],
)
async def test_a_line_whose_cells_are_not_under_their_names_is_refused(
    process: SidecarProcess, bill: str, sentence: str
) -> None:
    with pytest.raises(RpcError, match=sentence):
        await reconciled(process, bill)


async def reconciled(process: SidecarProcess, bill: str) -> dict[str, Any]:
    params = {"provider": "grok", "from": DAY, "to": DAY, "text": bill}
    answer: dict[str, Any] = await process.call("cost:reconcile", params)
    return answer
