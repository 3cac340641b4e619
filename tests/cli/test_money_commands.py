"""What commands say of money: what a cost lacks that is not known, the keys that read bills, and the bills."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sidecar.cli.words import dollars
from tests.helpers.abai import abai, table
from tests.helpers.terminal import run

LUNA, GROK = "openai/gpt-6-luna", "grok/grok-4.7"
LACKS = re.compile(r"and (\d+) calls? whose cost is not known: (\$[\d.]+) to (\$[\d.]+) together")


async def test_a_batch_with_an_answer_that_broke_off_is_listed_with_what_its_cost_lacks(
    tmp_path: Path,
) -> None:
    broken = f"Why? [[simulate: cut=20]],{LUNA}"
    _, told, _ = await abai(tmp_path, "run", table(tmp_path, broken, f"How?,{GROK}"), "--yes")
    _, text, _ = await abai(tmp_path, "--json", "jobs")
    (job,) = json.loads(text)
    _, jobs, _ = await abai(tmp_path, "jobs")
    _, shown, _ = await abai(tmp_path, "show", job["id"])
    lines = [line for out in (told, jobs, shown) for line in out.splitlines() if LACKS.search(line)]
    assert len(lines) == 4  # the model's line after the run; the job's, twice; the model's again
    for line in lines:
        found = LACKS.search(line)
        assert found is not None
        assert found[1] == str(job["uncertainCalls"])
        assert GROK not in line
    assert "+ ?" not in told + shown


async def test_a_batch_whose_rows_were_never_asked_lacks_nothing(tmp_path: Path) -> None:
    rows = json.dumps([{"id": "r1", "prompt": "Why?", "model": LUNA}])
    _, text, _ = await abai(tmp_path, "call", "project:create", '{"name": "P"}')
    asked = f'{{"projectId": "{json.loads(text)["id"]}", "fileName": "p.csv", "rows": {rows}}}'
    _, text, _ = await abai(tmp_path, "call", "batch:submit", asked)
    code, shown, _ = await abai(tmp_path, "show", json.loads(text)["id"])
    assert code == 0
    assert "known" not in shown
    assert "?" not in shown


async def test_keys_that_read_bills_are_listed_and_said_to_be_for_that(tmp_path: Path) -> None:
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "sidecar.cli", "--data-dir", str(tmp_path), *words]

    code, _, err = await run(
        *command("keys", "set", "openai-admin"), stdin=b"sk-admin-0123456789abcdefghij-last"
    )
    assert code == 0, err
    environment = {"ANTHROPIC_ADMIN_KEY": "sk-ant-admin-0123456789abcdef-tail"}
    code, out, err = await run(*command("keys", "list"), env=environment)
    assert code == 0, err
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "sk-…last" in lines["openai-admin"]
    assert "sk-…tail" in lines["anthropic-admin"]
    assert "`abai reconcile anthropic`" in lines["anthropic-admin"]
    assert "GEMINI_API_KEY" in lines["gemini"]
    code, _, err = await run(*command("keys", "check", "openai-admin"))
    assert code == 2
    assert "only reads what was charged" in err
    assert "0123456789" not in out + err


async def test_a_key_is_not_said_to_be_kept_where_the_vendors_are_simulated(tmp_path: Path) -> None:
    code, _, err = await abai(tmp_path, "keys", "set", "openai-admin", stdin=b"sk-admin-mine-0123456789")
    assert code == 2
    assert "Leave --mock out to keep a key." in err
    _, out, _ = await abai(tmp_path, "keys", "list")
    assert "sk-…ated" in next(line for line in out.splitlines() if line.startswith("openai-admin"))


async def test_a_bill_is_laid_beside_ours_by_model_or_by_whole_days(tmp_path: Path) -> None:
    for model in (LUNA, "openai/gpt-4o-mini"):
        await abai(tmp_path, "ask", "Why?", "-m", model)
    today = datetime.now(UTC).date()
    days = ("--from", str(today - timedelta(days=1)), "--to", str(today))
    by_model, by_day = [
        await abai(tmp_path, "--json", "reconcile", "openai", *days, *group)
        for group in ((), ("--group", "day"))
    ]
    assert {each["model"] for each in json.loads(by_model[1])["days"]} == {LUNA, "openai/gpt-4o-mini"}
    assert {each["model"] for each in json.loads(by_day[1])["days"]} == {"all"}
    assert json.loads(by_day[1])["oursUSD"] == json.loads(by_model[1])["oursUSD"]


async def test_calls_whose_cost_is_not_known_stand_beside_a_bill_and_no_amount_has_twelve_digits(
    tmp_path: Path,
) -> None:
    today = datetime.now(UTC).date()
    days = ("--from", str(today - timedelta(days=1)), "--to", str(today))
    await abai(tmp_path, "ask", "Why?", "-m", GROK)
    bill = tmp_path / "bill.csv"
    bill.write_text(f"date,model,cost\n{today},grok-4.7,1.25\n", encoding="utf-8")
    _, certain, _ = await abai(tmp_path, "reconcile", "grok", *days, "--file", str(bill))
    await abai(tmp_path, "ask", "Why? [[simulate: cut=2]]", "-m", GROK)
    shown = await abai(tmp_path, "reconcile", "grok", *days, "--file", str(bill), env={"COLUMNS": "200"})
    assert "not known" not in certain
    lines = [line for line in shown[1].splitlines() if "1 call, up to $" in line]
    assert [line.split()[0] for line in lines] == [str(today), "all"]
    assert re.findall(r"\$\d+\.(\d+)", shown[1])
    assert not re.findall(r"\.\d{7,}", shown[1]), shown[1]


async def test_a_run_that_its_limit_stopped_has_paused_and_tells_what_it_has_cost_by_then(
    tmp_path: Path,
) -> None:
    rows = [f"Why? [[simulate: slow_first_ms={300 + 20 * number}]],{LUNA}" for number in range(12)]
    data = tmp_path / "d"
    code, out, err = await abai(
        data, "run", table(tmp_path, *rows), "--stop-when", "totalUSD=0.0000001", "--yes"
    )
    assert code == 1
    _, text, _ = await abai(data, "--json", "jobs")
    (job,) = json.loads(text)
    assert job["completedRows"] > 1, "only one row was under way when the limit did not hold"
    [tripped] = job["safeguard"]["tripped"]
    assert tripped["measured"] == job["totalCost"]
    told = re.search(r"it has cost up to \$([\d.]+), and", err)
    assert told is not None
    assert float(told[1]) == float(f"{job['totalCost']:.3g}")
    for command in (("jobs",), ("show", job["id"])):
        _, out, _ = await abai(data, *command)
        line = next(line for line in out.splitlines() if line.startswith(job["id"]))
        assert " paused " in line, line
        assert "failed" not in line
        assert f"totalUSD {dollars(job['totalCost'])} of $0.0000001" in line


async def test_what_a_settled_attempt_cost_stands_in_the_line_of_its_model(tmp_path: Path) -> None:
    data = tmp_path / "d"
    _, text, _ = await abai(data, "call", "project:create", '{"name": "P"}')
    rows = json.dumps([{"id": "r1", "prompt": "Why? [[simulate: cut=4]]", "model": LUNA}])
    asked = f'{{"projectId": "{json.loads(text)["id"]}", "rows": {rows}}}'
    _, text, _ = await abai(data, "call", "batch:submit", asked)
    job = json.loads(text)["id"]
    await abai(data, "resume", job)
    # Of its attempts, one is settled afterwards, as by a gateway's record of it.
    with closing(sqlite3.connect(data / "abai.db")) as conn, conn:
        conn.execute("UPDATE batch_results SET cost_pico = 250000000000")
        conn.execute("UPDATE batch_jobs SET cost_pico = 250000000000")
    _, out, _ = await abai(data, "show", job)
    cells = re.split(r"\s{2,}", next(line for line in out.splitlines() if line.startswith(LUNA)))
    assert cells[4] == "$0.25"
    assert "whose cost is not known: $0.25" in cells[-1]


async def test_one_of_something_is_not_called_several(tmp_path: Path) -> None:
    _, _, err = await abai(tmp_path / "d", "run", table(tmp_path, f"Why?,{LUNA}"), "--yes")
    assert err.startswith("1 row ")
    _, text, _ = await abai(tmp_path / "d", "--json", "jobs")
    job = json.loads(text)[0]["id"]
    _, _, err = await abai(tmp_path / "d", "export", job, str(tmp_path / "results.csv"))
    assert err.startswith("1 row is in ")
    _, out, _ = await abai(tmp_path / "d", "compare", job, job)
    assert "1 question is in both; 1 answer is the same." in out


async def test_a_vendors_batch_that_may_run_on_says_so_where_it_is_shown(tmp_path: Path) -> None:
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "sidecar.cli", "--data-dir", str(tmp_path), *words]

    # Nobody is at that address: the vendor hears neither of the batch nor that it is to stop.
    nobody = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-0123456789abcdef"}
    _, text, _ = await run(*command("call", "project:create", '{"name": "P"}'), env=nobody)
    rows = json.dumps([{"id": "r1", "prompt": "Why?", "model": LUNA}])
    asked = f'{{"projectId": "{json.loads(text)["id"]}", "providerName": "openai", "rows": {rows}}}'
    await run(*command("call", "batch:submit-native", asked), env=nobody)
    _, text, _ = await run(*command("--json", "jobs"), env=nobody)
    for job in json.loads(text):
        assert job["error"]
        _, _, err = await run(*command("show", job["id"]), env=nobody)
        assert job["error"] in err


async def test_a_run_of_a_model_without_a_price_is_not_said_to_cost_no_more_than_allowed(
    tmp_path: Path,
) -> None:
    model = {"provider": "lab", "id": "m", "name": "M", "contextSize": 8192, "features": [], "prices": []}
    provider = {"baseUrl": "http://127.0.0.1:9/v1", "keyRequired": False}
    own = {"providers": {"lab": provider}, "models": [model]}
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "models.json").write_text(json.dumps(own), encoding="utf-8")
    asked = ("run", table(tmp_path, "Why?,lab/m"), "--yes", "--max-usd", "1")
    code, _, err = await abai(tmp_path / "d", *asked)
    assert code != 0
    assert "No price is known" in err
    assert "Nothing was sent" in err
