"""Whatever is asked: what came lies between the bounds that were told before, and the limit is never passed.

Against the simulator, whose own bill is the judge. `make soak` draws many more examples.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.app import run_clock
from sidecar.config import Config
from sidecar.simulator.core import Simulator
from sidecar.simulator.gemini.routes import GeminiVendor
from sidecar.simulator.registry import all_vendors
from sidecar.spending.budget import Balance, standing
from sidecar.store import jobs, ledger_sums
from tests.helpers.inside import Inside, World, inside

EXAMPLES = int(os.environ.get("MONEY_EXAMPLES", "6"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    # The same ones in every run of CI; others in each soak.
    derandomize="MONEY_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
DEADLINE_SECONDS = 60
ROUNDING = 1e-11
# The simulator counts four bytes a token: models whose tokenizer is published are counted by that one here.
MODELS = (
    "openai/gpt-6-luna",
    "openai/gpt-6-sol",
    "anthropic/claude-haiku-5-5",
    "anthropic/claude-sonnet-5-5",
    "gemini/gemini-3.8-flash",
    "gemini/gemini-4-carbon",
    "grok/grok-4.7",
)
WORDS = (
    "why",
    "is",
    "the",
    "sky",
    "blue",
    "und",
    "abends",
    "rot",
    "天空",
    "为什么",
    "красный",
    "3.14",
    "🌅",
    "—",
    "\n",
    "7 1 9 0 4",
    "CC(=O)Oc1ccccc1C(=O)O",
    "aGVsbG8gd29ybGQ=",
    "ꦲꦤꦕꦫꦏ",
    "Pause 2 times.",
    "Pause 9 times.",
)
# A prompt of nothing but line ends is refused before it costs anything.
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join).filter(str.strip)
LONG = TEXTS.map(lambda text: text * 40)
ORDERS = st.sampled_from(
    (
        "",
        "[[simulate: tokens=1]]",
        "[[simulate: tokens=150]]",
        "[[simulate: finish=length]]",
        "[[simulate: cut=1]]",
        "[[simulate: cut=2 times=1]]",
    )
)
# In which service tier a vendor says that it answered: none is asked for, a project may be set to any. The last one is
# in no price list; the simulator charges what the price list says, as for any that it does not know.
TIERS = ("", "[[simulate: tier=flex]]", "[[simulate: tier=express]]")
# Such a one costs more than can be held back before: what is told afterwards is right all the same.
DEARER_TIERS = ("[[simulate: tier=priority]]", "[[simulate: tier=fast]]", "[[simulate: tier=ultrafast]]")
PROMPTS = st.tuples(TEXTS | LONG, ORDERS, st.sampled_from(TIERS)).map(" ".join)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"prompt": PROMPTS, "model": st.sampled_from(MODELS)},
        optional={"maxOutputTokens": st.integers(16, 600)},
    ),
    min_size=1,
    max_size=24,
)
# A server that takes the limit of an answer by no name, and writes as much as it likes.
UNLIMITED = "[[compatible: dislikes=max_tokens+max_completion_tokens]]"
LAB = {
    "providers": {"lab": {"baseUrl": "https://lab.example/v1", "keyRequired": False}},
    "models": [
        {
            "provider": "lab",
            "id": "m",
            "name": "M",
            "contextSize": 8192,
            "features": ["streaming"],
            "prices": [{"from": "2026-01-01", "perMillion": {"prompt": 1, "completion": 2}}],
        }
    ],
}
# Gemini's parts are as short here as its answers are.
PART_TOKENS = 90
SAVED = st.fixed_dictionaries(
    {
        "enableWebSearch": st.booleans(),
        "maxWebSearchUses": st.integers(1, 3),
        "enablePromptCaching": st.booleans(),
        "promptCacheTTL": st.sampled_from(("5m", "1h")),
        "retryBrokenAnswers": st.integers(0, 1),
    }
)


@asynccontextmanager
async def sidecar(saved: Mapping[str, Any], part_tokens: int = 65_536) -> AsyncIterator[Inside]:
    """A sidecar with these settings and a server of the person's own, and vendors that have charged nothing."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        (data_dir / "models.json").write_text(json.dumps(LAB), encoding="utf-8")
        now_ms = run_clock(Config(data_dir=data_dir, mock=True, mock_day=date(2026, 11, 30)))
        vendors = [
            replace(vendor, part_tokens=part_tokens) if isinstance(vendor, GeminiVendor) else vendor
            for vendor in all_vendors()
        ]
        world = World(Simulator(vendors=vendors, pace_ms=0, now_ms=now_ms), now_ms)
        async with asyncio.timeout(DEADLINE_SECONDS), inside(data_dir, day="2026-11-30", world=world) as here:
            for key, value in saved.items():
                await here.call("settings:save", {"key": key, "value": value})
            yield here


@asynccontextmanager
async def limited(here: Inside, limit: Decimal) -> AsyncIterator[None]:
    """The month's limit, held against the account after each write while the block runs."""
    await here.call("settings:save", {"key": "monthlyBudgetUSD", "value": float(limit)})
    overrun: list[Balance] = []

    async def seen() -> bool:
        balance = await here.store.read(standing, limit, 0)
        overrun.extend([balance] if balance.left_usd < 0 else [])
        return bool(overrun)

    looking = asyncio.create_task(here.store.until(seen))
    try:
        yield
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        assert not overrun


async def submitted(
    here: Inside, method: str, rows: Sequence[Mapping[str, Any]], **params: Any
) -> str | None:
    """The id of a job, None where it is refused."""
    project = (await here.call("project:create", {"name": "P"}))["result"]["id"]
    answer = await here.call(method, {"projectId": project, "rows": rows, **params})
    if "error" in answer:
        assert answer["error"]["data"]["kind"] in ("budget_exceeded", "unsupported"), answer
        return None
    return str(answer["result"].get("jobId") or answer["result"]["id"])


def charged(here: Inside) -> Decimal:
    """What the vendors charged in all."""
    return Decimal(here.simulator.ledger.wire()["totalChargedUSD"])


async def ours(here: Inside) -> tuple[Decimal, Decimal]:
    """What our own account says was spent, at least, and at most as far as anybody can know."""
    read = here.services.store.read
    known, uncertain = await read(ledger_sums.spent_since, 0), await read(ledger_sums.uncertain_since, 0)
    return known + uncertain.at_least_usd, known + uncertain.at_most_usd


@SETTINGS
@given(ROWS, SAVED)
def test_a_job_comes_to_what_was_told_before_and_a_budget_of_the_most_is_enough(
    rows: list[dict[str, Any]], saved: dict[str, Any]
) -> None:
    async def run() -> None:
        async with sidecar(saved) as here:
            job = await submitted(here, "batch:submit", rows)
            assert job is not None
            record = await here.services.store.read(jobs.get, job)
            assert record is not None
            assert record.estimate is not None
            low, high = (Decimal(record.estimate[name]) for name in ("lowUSD", "highUSD"))
            async with limited(here, high.quantize(Decimal("1e-9"), ROUND_CEILING)):
                started = await here.call("batch:start", {"jobId": job, "concurrency": 32})
                assert "result" in started, started
                await here.ended(job)
            least, most = await ours(here)
            assert low <= charged(here) <= high
            assert least <= charged(here) <= most <= high

    asyncio.run(run())


@SETTINGS
@given(ROWS, SAVED, st.integers(0, 60_000))
def test_whatever_is_sent_at_once_the_limit_holds(
    rows: list[dict[str, Any]], saved: dict[str, Any], micros: int
) -> None:
    async def run() -> None:
        limit = Decimal(micros) / 1_000_000
        async with sidecar(saved, PART_TOKENS) as here, limited(here, limit):

            async def batch(rows: Sequence[Mapping[str, Any]]) -> None:
                if (job := await submitted(here, "batch:submit", rows)) is not None:
                    await here.call("batch:start", {"jobId": job, "concurrency": 32})
                    await here.ended(job)

            async def native() -> None:
                luna = [{**row, "model": MODELS[0]} for row in rows]
                if (
                    job := await submitted(here, "batch:submit-native", luna, providerName="openai")
                ) is not None:
                    await here.call("batch:get", {"jobId": job})

            async def chat(row: Mapping[str, Any]) -> None:
                options = {"maxOutputTokens": row.get("maxOutputTokens", 300)}
                asked = {"content": row["prompt"], "modelId": row["model"], "options": options}
                await here.call("chat:send", asked)

            unlimited = [
                {**row, "prompt": f"{row['prompt']} {UNLIMITED}", "model": "lab/m"} for row in rows[:4]
            ]
            await asyncio.gather(batch(rows), batch(unlimited), native(), *map(chat, [*rows, *unlimited]))
            _, most = await ours(here)
            assert charged(here) <= limit
            assert most <= limit

    asyncio.run(run())


@SETTINGS
@given(ROWS, st.sampled_from(DEARER_TIERS), SAVED)
def test_what_is_told_afterwards_holds_in_whichever_tier_a_vendor_answers(
    rows: list[dict[str, Any]], tier: str, saved: dict[str, Any]
) -> None:
    async def run() -> None:
        async with sidecar(saved) as here:
            for row in rows[:6]:
                before = charged(here)
                options = {"maxOutputTokens": row.get("maxOutputTokens", 300)}
                asked = {"content": f"{row['prompt']} {tier}", "modelId": row["model"], "options": options}
                answer = await here.call("chat:send", asked)
                told = answer["result"] if "result" in answer else answer["error"]["data"]
                least, most = (
                    told.get(name, told.get("costUSD")) for name in ("costAtLeastUSD", "costAtMostUSD")
                )
                came = float(charged(here) - before)
                assert (least or 0) <= came + ROUNDING, (row, told, came)
                # xAI names its charge at the end and no tier before: of what broke off there nobody knows one.
                untold = "costUSD" not in told and row["model"].startswith("grok/")
                assert most is None or untold or came <= most + ROUNDING, (row, told, came)

    asyncio.run(run())
