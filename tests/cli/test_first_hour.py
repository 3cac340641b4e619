"""What somebody meets in a first hour at the terminal: figures with what they rest on, errors that name commands."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.cli.terminal_words import IN_A_TERMINAL
from sidecar.counted import dollars
from tests.helpers.abai import abai, table
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.sidecar import quiet_environment
from tests.helpers.terminal import HEARS_CTRL_C, run

LUNA = "openai/gpt-6-luna"


def own_servers(folder: Path) -> Path:
    """A data folder with servers of one's own: one that wants a key, one that does not, neither with a price."""
    server = {"baseUrl": "http://127.0.0.1:9/v1"}
    model = {"id": "m", "name": "M", "contextSize": 8192, "features": [], "prices": []}
    own = {
        "providers": {"lab": {**server, "keyRequired": True}, "free": {**server, "keyRequired": False}},
        "models": [{"provider": name, **model} for name in ("lab", "free")],
    }
    folder.mkdir()
    (folder / "models.json").write_text(json.dumps(own), encoding="utf-8")
    return folder


async def test_a_run_says_what_its_estimate_rests_on(tmp_path: Path) -> None:
    path = table(tmp_path, f"Why?,{LUNA}")
    _, text, _ = await abai(tmp_path / "d", "call", "batch:estimate", json.dumps({"path": path}))
    assumptions = json.loads(text)["assumptions"]
    _, _, err = await abai(tmp_path / "d", "run", path, "--yes")
    assert assumptions
    assert [each for each in assumptions if each not in err.splitlines()] == []


async def test_what_nobody_knows_the_cost_of_is_nowhere_said_to_cost_nothing(tmp_path: Path) -> None:
    data = own_servers(tmp_path / "d")
    _, figures, _ = await abai(data, "run", table(tmp_path, "Why?,free/m"), "--yes")
    shown = [figures]
    for command in (("jobs",), ("costs",), ("costs", "--by", "project"), ("costs", "--by", "month")):
        shown.append((await abai(data, *command))[1])
    for out in shown:
        line = next(each for each in out.splitlines() if "whose cost is not known" in each)
        assert "–" in line.partition(" and 1 call")[0], line
        assert "$" not in line.partition(" and 1 call")[0], line


async def test_costs_have_a_sum_and_months_and_no_other_word_gives_models(tmp_path: Path) -> None:
    for model in (LUNA, "openai/gpt-4o-mini"):
        await abai(tmp_path, "ask", "Why?", "-m", model)
    _, text, _ = await abai(tmp_path, "--json", "costs")
    total = dollars(json.loads(text)["totalCost"])
    sums = {}
    for by in ("model", "project", "day", "month"):
        code, out, _ = await abai(tmp_path, "costs", "--by", by)
        assert code == 0
        sums[by] = re.split(r"\s{2,}", out.splitlines()[-1].strip())
    assert sums == {
        "model": ["all", total],
        "project": ["all", total],
        "day": ["30 days", total],
        "month": ["366 days", total],
    }
    _, out, _ = await abai(tmp_path, "costs", "--by", "month")
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(f"{datetime.now(UTC):%Y}")][-1][
        1
    ] == total
    code, _, err = await abai(tmp_path, "costs", "--by", "week")
    assert (code, "month" in err) == (2, True)


async def test_what_went_wrong_is_no_number_of_seconds(tmp_path: Path) -> None:
    _, _, err = await abai(tmp_path, "ask", "Why? [[simulate: status=400]]", "-m", LUNA)
    head, line = (
        next(each for each in err.splitlines() if each.startswith(word)) for word in ("model", LUNA)
    )
    assert line.index("provider rejected") > head.index("seconds") + len("seconds")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("show", "nope"), "There is no such batch; it may have been deleted. `abai jobs` lists them."),
        (("explain", "nope"), "`abai jobs` lists batches"),
        (("ask", "Why?", "-m", "a/b/c/qqqqqqqqqqqqq"), "`abai models` lists them."),
    ],
)
async def test_an_error_names_the_command_that_helps(
    command: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    code, out, err = await abai(tmp_path, *command)
    assert code == 1
    assert words in out + err


async def test_a_missing_key_and_a_spent_budget_are_told_with_what_to_type(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sidecar.cli",
        "--data-dir",
        str(tmp_path / "d"),
        "ask",
        "Why?",
        "-m",
        LUNA,
    ]
    _, out, err = await run(*command)
    assert (
        "Keep it with `abai keys set openai`, or put it into OPENAI_API_KEY; with --mock none is needed."
        in out
    )
    assert "settings" not in out + err
    await abai(tmp_path, "call", "settings:save", '{"key": "monthlyBudgetUSD", "value": 0.000001}')
    _, out, _ = await abai(tmp_path, "ask", "Why?", "-m", LUNA)
    typed = re.search(r"Raise the budget with `abai call settings:save '(.*?)'`", out)
    assert typed is not None
    code, _, _ = await abai(tmp_path, "call", "settings:save", typed[1])
    assert code == 0
    code, _, _ = await abai(tmp_path, "ask", "Why?", "-m", LUNA)
    assert code == 0


async def test_a_table_and_searches_that_the_budget_refuses_are_told_with_what_to_type(
    tmp_path: Path,
) -> None:
    rows = tmp_path / "t.csv"
    rows.write_text("prompt\n" + "Why?\n" * 3, "utf-8")
    asked = ["ask", "Why?", "-m", "anthropic/claude-opus-5-5", "-o", "enableWebSearch=true"]
    await abai(tmp_path, "call", "settings:save", '{"key": "monthlyBudgetUSD", "value": 0.2}')
    _, out, _ = await abai(tmp_path, *asked)
    typed = re.search(r"fewer web searches with `abai call settings:save '(.*?)'` or .* with `(.*?)`", out)
    assert typed is not None
    code, _, _ = await abai(tmp_path, "call", "settings:save", typed[1])
    assert code == 0
    code, _, _ = await abai(tmp_path, *asked, *typed[2].split())
    assert code == 0
    code, _, err = await abai(tmp_path, "run", str(rows), "-m", "openai/gpt-6.2-sol", "--yes")
    assert code == 1
    # The table above it says what all that may be asked again comes to, which is three times as much.
    assert "this batch, each of its rows asked once, may cost up to $0.25" in " ".join(err.split())
    assert "`abai resume JOB`" in " ".join(err.split())
    _, listed, _ = await abai(tmp_path, "--json", "jobs")
    [job] = json.loads(listed)
    await abai(tmp_path, "call", "settings:save", '{"key": "monthlyBudgetUSD", "value": 20}')
    code, _, _ = await abai(tmp_path, "resume", job["id"])
    assert code == 0


def test_every_sentence_that_is_put_otherwise_is_one_that_the_sidecar_says() -> None:
    sources = [
        path.read_text("utf-8") for path in (REPOSITORY / "sidecar").rglob("*.py") if "cli" not in path.parts
    ]
    assert [said for said in IN_A_TERMINAL if not any(said in source for source in sources)] == []


async def test_a_server_of_one_s_own_needs_no_key_where_all_are_simulated(tmp_path: Path) -> None:
    data = own_servers(tmp_path / "d")
    code, out, _ = await abai(data, "ask", "Why?", "-m", "lab/m")
    assert (code, out.startswith("[simulated")) == (0, True)
    _, listed, _ = await abai(data, "keys", "list")
    assert "sk-…ated" in next(line for line in listed.splitlines() if line.startswith("lab "))
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    code, beside, _ = await abai(data, "reconcile", "lab", "--from", today, "--to", today)
    assert (code, "not in yet" in beside) == (0, True)
    command = [sys.executable, "-m", "sidecar.cli", "--data-dir", str(data), "keys", "list"]
    _, listed, _ = await run(*command)
    assert "none: `abai keys set lab`" in next(
        line for line in listed.splitlines() if line.startswith("lab ")
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
async def test_ctrl_c_in_a_question_says_what_it_may_have_cost(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *HEARS_CTRL_C,
        *(sys.executable, "-m", "sidecar.cli", "--mock", "--data-dir", str(tmp_path)),
        *("ask", "Why? [[simulate: pace_ms=300 tokens=400]]", "-m", LUNA),
        stdin=theirs,
        stdout=theirs,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env=quiet_environment(TERM="xterm", COLUMNS="140", NO_COLOR="1"),
        start_new_session=True,
    )
    os.close(theirs)
    shown = bytearray()
    async with asyncio.timeout(90):
        while b"[simulated" not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
        process.send_signal(2)
        _, told = await process.communicate()
    os.close(ours)
    err = told.decode()
    assert process.returncode == 130
    line = next(each for each in err.splitlines() if each.startswith(LUNA))
    assert re.search(r"\$[\d.]+ to \$[\d.]+", line), err
    assert "`abai costs` has it." in err
    _, out, _ = await abai(tmp_path, "costs")
    assert "1 call whose cost is not known" in out
