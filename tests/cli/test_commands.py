"""The commands as processes of their own, over the real sidecar with simulated vendors."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.helpers.abai import abai, table
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.sidecar import mock_process, quiet_environment
from tests.helpers.simulator import simulator_process
from tests.helpers.terminal import HEARS_CTRL_C, run

LUNA, GROK = "openai/gpt-6-luna", "grok/grok-4.7"


async def test_a_question_to_two_models_comes_as_markdown_with_its_cost_on_the_other_stream(
    tmp_path: Path,
) -> None:
    code, out, err = await abai(tmp_path, "ask", "Reply with exactly: pong", "-m", LUNA, "-m", GROK)
    assert (code, out) == (0, f"## {LUNA}\n\npong\n\n## {GROK}\n\npong\n\n")
    assert err.count("$") == 2


async def test_standard_input_is_appended_and_one_answer_stands_alone(tmp_path: Path) -> None:
    code, out, _ = await abai(tmp_path, "ask", "Reply with exactly:", "-m", LUNA, stdin=b"pong")
    assert (code, out.strip()) == (0, "pong")


async def test_a_conversation_goes_on_and_its_messages_are_found(tmp_path: Path) -> None:
    await abai(tmp_path, "ask", "Reply with exactly: albatross", "-m", LUNA)
    await abai(tmp_path, "ask", "And again", "-c", "-m", LUNA)
    _, out, _ = await abai(tmp_path, "search", "albatross")
    _, hits, _ = await abai(tmp_path, "--json", "search", "albatross")
    assert "albatross" in out
    assert all("albatross" in hit["message"]["content"] for hit in json.loads(hits))
    assert json.loads(hits)
    _, out, _ = await abai(tmp_path, "call", "project:list")
    (project,) = json.loads(out)
    _, out, _ = await abai(tmp_path, "call", "conversation:list", json.dumps({"projectId": project["id"]}))
    assert len(json.loads(out)) == 1


async def test_an_answer_in_a_short_form_of_a_schema_is_json(tmp_path: Path) -> None:
    code, out, _ = await abai(tmp_path, "--json", "ask", "Who?", "-m", LUNA, "--schema", "name, age int")
    assert code == 0
    assert set(json.loads(out)[0]["json"]) == {"name", "age"}


async def test_one_model_that_fails_takes_nothing_from_the_others_and_ends_with_one(tmp_path: Path) -> None:
    code, out, err = await abai(
        tmp_path, "ask", "Reply with exactly: pong", "-m", LUNA, "-m", "openai/nobody"
    )
    assert code == 1
    assert f"## {LUNA}\n\npong" in out
    assert "not found" in err


async def test_a_table_is_run_after_its_estimate_and_its_failed_rows_give_a_hundred(tmp_path: Path) -> None:
    rows = [f"Why?,{LUNA}", f"How?,{LUNA}", f"Who? [[simulate: status=400]],{GROK}"]
    code, out, err = await abai(tmp_path / "d", "run", table(tmp_path, *rows), "--yes")
    assert code == 100
    assert "at most" in err
    figures = {line.split()[0]: line.split()[1:3] for line in out.splitlines()[1:]}
    assert figures == {LUNA: ["2", "0"], GROK: ["1", "1"]}
    job = re.search(r"job (\S+)", err)
    assert job is not None
    code, _, _ = await abai(tmp_path / "d", "export", job[1], str(tmp_path / "results.jsonl"))
    assert code == 0
    assert len((tmp_path / "results.jsonl").read_text("utf-8").splitlines()) == 3
    _, out, _ = await abai(tmp_path / "d", "jobs")
    assert job[1] in out


async def test_two_jobs_are_reported_and_laid_beside_each_other(tmp_path: Path) -> None:
    jobs: list[str] = []
    for word in ("[red]", "blue"):
        rows = [f"Reply with exactly: {word},{LUNA}", f"Reply with exactly: same,{LUNA}"]
        _, _, err = await abai(tmp_path / "d", "run", table(tmp_path, *rows), "--yes")
        found = re.search(r"job (\S+)", err)
        assert found is not None
        jobs.append(found[1])
    page = tmp_path / "report.html"
    code, _, err = await abai(
        tmp_path / "d", "report", *jobs, "-o", str(page), "--also", "md", "--also", "xlsx"
    )
    assert code == 0, err
    assert "<!doctype html>" in page.read_text("utf-8")
    assert {path.name for path in tmp_path.glob("report.*")} == {"report.html", "report.md", "report.xlsx"}
    code, out, err = await abai(tmp_path / "d", "compare", *jobs)
    assert code == 0, err
    assert (
        "1 question is in both; 1 answer is the same; 1 is only in the first; 1 is only in the second." in out
    )
    _, out, _ = await abai(tmp_path / "d", "--json", "compare", *jobs)
    assert json.loads(out)["models"][0]["first"]["rows"] == 2
    code, _, err = await abai(tmp_path / "d", "compare", jobs[0], "nobody")
    assert (code, "no such batch" in err) == (1, True)


async def test_a_table_of_other_columns_is_run_by_its_path_once_a_model_and_its_bad_rows_are_told(
    tmp_path: Path,
) -> None:
    path = tmp_path / "words.csv"
    path.write_text("Word,Role\npong,Brief\nping\nding,Brief,3,4\n", encoding="utf-8")
    say = ("--prompt", "Reply with exactly: {{Word}}", "--columns", "system=Role")
    code, out, err = await abai(tmp_path / "d", "run", str(path), "-m", LUNA, "-m", GROK, *say, "--yes")
    assert code == 0, err
    assert "row 3:" in err
    assert "4 rows" in err
    assert {line.split()[0]: line.split()[1:3] for line in out.splitlines()[1:]} == {
        LUNA: ["2", "0"],
        GROK: ["2", "0"],
    }


async def test_a_yaml_of_promptfoo_is_run_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text(
        """
description: greetings
prompts: ["Reply with exactly: {{word}}", {raw: "Reply with exactly: {{word}}, {{word}}"}]
providers:
  - openai:chat:gpt-6-luna
  - id: xai:grok-4.7
    config: {temperature: 0.2}
tests:
  - vars: {word: [ping, pong]}
  - vars: {word: ding}
    assert: [{type: contains, value: ding}, {type: icontains, value: DING}, {type: llm-rubric, value: kind}]
defaultTest:
  assert: [{type: is-json, metric: json}, {type: not-contains, value: "{{word}}!"}]
""",
        encoding="utf-8",
    )
    code, out, err = await abai(tmp_path / "d", "run", str(path), "--yes")
    assert code == 0, err
    figures = {line.split()[0]: line.split()[1:3] for line in out.splitlines()[1:]}
    assert {name: figures[name] for name in (LUNA, GROK)} == {LUNA: ["6", "0"], GROK: ["6", "0"]}
    assert "These assertions are not checked here: llm-rubric (1)" in err
    checked = {tuple(re.split(r"\s{2,}", line.strip())) for line in out.splitlines()}
    assert checked >= {
        ("json", LUNA, "0", "6"),
        ("not contains {{word}}!", GROK, "6", "6"),
        ("contains ding", LUNA, "2", "2"),
        ("contains DING", GROK, "2", "2"),
    }
    path.write_text("prompts: [Hello]\n", encoding="utf-8")
    code, _, err = await abai(tmp_path / "d", "run", str(path), "--yes")
    assert (code, "No model is named" in err) == (2, True)


async def test_a_run_pauses_where_it_was_told_to_and_says_how_it_goes_on(tmp_path: Path) -> None:
    rows = [f"Who? [[simulate: status=400]],{GROK}"] * 3 + [f"Why?,{LUNA}"] * 3
    flags = ("--canary", "4", "--stop-when", "errorRate=0.4", "--yes")
    code, out, err = await abai(tmp_path / "d", "run", table(tmp_path, *rows), *flags)
    assert code == 1
    assert "4 rows go first, and the others follow by themselves; it pauses beyond errorRate 0.4." in err
    assert "The batch paused after its first 4 rows: 50 % of the rows failed, and 40 % were allowed." in err
    # Rows that wait have not failed.
    assert [line.split()[1:3] for line in out.splitlines()[1:]] == [["3", "2"], ["3", "0"]]
    job = re.search(r"job (\S+)", err)
    assert job is not None
    code, _, _ = await abai(tmp_path / "d", "resume", job[1])
    assert code == 100


async def test_a_run_that_may_cost_more_than_allowed_sends_nothing(tmp_path: Path) -> None:
    code, _, err = await abai(
        tmp_path / "d", "run", table(tmp_path, f"Why?,{LUNA}"), "--yes", "--max-usd", "0.0000001"
    )
    assert code == 1
    assert "Nothing was sent" in err
    _, out, _ = await abai(tmp_path / "d", "jobs")
    assert "prompts.csv" not in out


async def test_what_is_misspelt_is_suggested_and_gives_two(tmp_path: Path) -> None:
    code, _, err = await abai(tmp_path, "asc")
    assert code == 2
    assert "ask" in err


async def test_the_doctor_looks_at_what_asking_needs(tmp_path: Path) -> None:
    code, out, _ = await abai(tmp_path, "doctor")
    assert code == 0
    assert "✓ database: ok" in out
    assert "✓ network to grok: open" in out


async def test_an_answer_and_a_batch_are_explained_line_by_line(tmp_path: Path) -> None:
    await abai(tmp_path, "ask", "Reply with exactly: pong", "-m", LUNA)
    _, found, _ = await abai(tmp_path, "call", "messages:search", '{"query": "pong"}')
    answer = next(each for each in json.loads(found)["items"] if each["message"]["role"] == "assistant")
    code, out, err = await abai(tmp_path, "explain", answer["message"]["id"])
    assert code == 0, err
    assert "out_visible" in out
    await abai(tmp_path, "run", table(tmp_path, f"Why?,{LUNA}", f"How?,{LUNA}"), "--yes")
    _, found, _ = await abai(tmp_path, "--json", "jobs")
    code, out, err = await abai(tmp_path, "explain", json.loads(found)[0]["id"])
    assert (code, out.count("= settled")) == (0, 2), err
    code, _, err = await abai(tmp_path, "explain", "nothing")
    assert (code, err != "") == (1, True)


async def test_what_was_spent_is_drawn_day_by_day(tmp_path: Path) -> None:
    await abai(tmp_path, "ask", "Why?", "-m", GROK)
    code, out, _ = await abai(tmp_path, "costs", "--by", "day")
    assert code == 0
    # The names of the columns, the days, and their sum.
    assert len(out.splitlines()) == 1 + 30 + 1
    assert "█" in out.splitlines()[-2]


async def test_a_program_runs_against_the_simulator_and_its_exit_code_is_told(tmp_path: Path) -> None:
    script = "import os, sys; sys.exit(7 if os.environ['OPENAI_BASE_URL'].startswith('http://127.') else 1)"
    code, _, _ = await abai(tmp_path, "simulator", "--", sys.executable, "-c", script)
    assert code == 7


async def test_the_demo_shows_a_comparison_and_a_batch_that_survives_a_kill_and_leaves_its_report_alone(
    tmp_path: Path,
) -> None:
    page = tmp_path / "new" / "report.html"
    code, out, _ = await abai(tmp_path, "demo", "--report", str(page))
    assert code == 0
    assert "simulated" in out
    assert out.rstrip().splitlines()[-1] == str(page)
    assert "<html" in page.read_text(encoding="utf-8")
    assert list(tmp_path.rglob("*")) == [page.parent, page]


async def test_the_demo_writes_nothing_into_a_real_data_folder(tmp_path: Path) -> None:
    await abai(tmp_path, "ask", "Why?", "-m", GROK)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert tmp_path / "abai.db" in before
    for page in (tmp_path / "abai.db", tmp_path / "new" / "report.html"):
        code, _, err = await abai(tmp_path, "demo", "--report", str(page))
        assert code != 0
        assert "belongs to A-B/AI itself" in " ".join(err.split())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new").exists()


async def test_the_contract_is_printed_as_openrpc_and_as_types(tmp_path: Path) -> None:
    _, out, _ = await abai(tmp_path, "schema")
    assert json.loads(out)["openrpc"]
    _, out, _ = await abai(tmp_path, "schema", "--ts")
    assert "export interface ChatSendParams" in out


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
async def test_ctrl_c_in_a_terminal_stops_the_run_and_prints_the_line_that_goes_on(tmp_path: Path) -> None:
    import pty

    # The first one ends soon, and the others never would at that vendor's pace.
    talks = [f"Talk {number} [[simulate: tokens=250]],{LUNA}" for number in range(1, 12)]
    path = table(tmp_path, f"Talk 0 [[simulate: tokens=1]],{LUNA}", *talks)
    ours, theirs = pty.openpty()
    terminal = {"TERM": "xterm", "COLUMNS": "140", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "sidecar.cli", "--data-dir", str(tmp_path / "d")]
    async with simulator_process(pace_ms=1_000) as slow:
        process = await asyncio.create_subprocess_exec(
            *HEARS_CTRL_C,
            *command,
            *("run", path, "--yes"),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=REPOSITORY,
            env=quiet_environment(**slow.environment, **terminal),
            start_new_session=True,
        )
        os.close(theirs)
        shown = bytearray()
        async with asyncio.timeout(90):
            while b"cost so far $" not in shown:
                shown += await asyncio.to_thread(os.read, ours, 4096)
            process.send_signal(2)
            while not re.search(rb"abai resume \S{36}", shown):
                shown += await asyncio.to_thread(os.read, ours, 4096)
            assert await process.wait() == 130
    os.close(ours)
    job = re.search(rb"abai resume (?:\x1b\S*?m)?([0-9a-f-]{36})", shown)
    assert job is not None
    async with simulator_process(pace_ms=0) as quick:
        code, out, err = await run(*command, "resume", job[1].decode(), env=quick.environment)
    assert code == 0, err
    assert re.search(rf"{LUNA} +12 +0 ", out)


async def test_what_only_looks_works_while_the_app_has_the_folder_and_what_spends_says_so(
    tmp_path: Path,
) -> None:
    await abai(tmp_path, "ask", "Reply with exactly: albatross", "-m", LUNA)
    await abai(tmp_path, "run", table(tmp_path, f"Why?,{LUNA}"), "--yes")
    async with mock_process(tmp_path) as app:
        await app.call("project:list")
        _, found, _ = await abai(tmp_path, "--json", "jobs")
        (job,) = json.loads(found)
        for command in (
            ("show", job["id"]),
            ("export", job["id"], str(tmp_path.with_name(f"{tmp_path.name}-out.csv"))),
            ("search", "albatross"),
            ("models", "--grep", "luna"),
            ("costs",),
            ("explain", job["id"]),
            ("keys", "list"),
            ("doctor",),
        ):
            code, _, err = await abai(tmp_path, *command)
            assert code == 0, (command, err)
        code, _, err = await abai(tmp_path, "ask", "Why?", "-m", LUNA)
        assert code == 1
        assert "already using this data folder" in err
        stats = await app.call("activity:stats", {})
        assert sum(each["calls"] for each in stats["byModel"]) == 2


async def test_a_look_at_a_folder_lets_no_job_go_on(tmp_path: Path) -> None:
    async with mock_process(tmp_path) as app:
        project = (await app.call("project:create", {"name": "P"}))["id"]
        slow = {"prompt": "Why? [[simulate: slow_first_ms=60000]]", "model": LUNA}
        job = await app.call("batch:submit", {"projectId": project, "rows": [slow]})
        await app.call("batch:start", {"jobId": job["id"]})
        app.kill()
        await app.wait()
    for _ in range(2):
        code, found, _ = await abai(tmp_path, "--json", "jobs")
        assert code == 0
        assert json.loads(found)[0]["status"] == "processing"


async def test_a_vote_is_blind_and_the_board_says_what_a_win_costs(tmp_path: Path) -> None:
    asked = ("ask", "Reply with exactly: one", "-m", LUNA, "-m", GROK)
    assert (await abai(tmp_path, *asked))[0] == 0
    code, out, err = await abai(tmp_path, "vote", stdin=b"Z\na\n")
    assert code == 0, err
    before, _, behind = err.partition("Which is best?")
    assert LUNA not in before
    assert "Write one of A/B" in behind
    assert re.search(rf"A was ({LUNA}|{GROK}), \$\S+ ←", behind)
    assert {LUNA, GROK} == {line.split()[0] for line in out.splitlines()[1:]}
    code, out, _ = await abai(tmp_path, "board", "--json")
    assert [each["wins"] for each in json.loads(out)["models"]] == [1, 0]


async def test_a_batch_is_voted_on_question_by_question_until_one_has_had_enough(tmp_path: Path) -> None:
    rows = [
        f"Reply with exactly: {word},{model}" for word in ("one", "two", "three") for model in (LUNA, GROK)
    ]
    _, _, err = await abai(tmp_path / "d", "run", table(tmp_path, *rows), "--yes")
    job = err.rpartition("job ")[2].split()[0]
    code, out, err = await abai(tmp_path / "d", "vote", job, stdin=b"s\n=\nq\n")
    assert (code, err.count("Which is best?")) == (0, 3)
    assert [line.split()[-4:-1] for line in out.splitlines()[1:]] == [["0", "0", "1"]] * 2
    code, _, err = await abai(tmp_path / "e", "vote")
    assert (code, "Ask several with -m, then vote." in err) == (1, True)


async def test_a_wide_table_has_a_line_a_question_and_columns_for_each_model(tmp_path: Path) -> None:
    rows = [f"Reply with exactly: {word},{model}" for word in ("one", "two") for model in (LUNA, GROK)]
    _, _, err = await abai(tmp_path / "d", "run", table(tmp_path, *rows), "--yes")
    job = err.rpartition("job ")[2].split()[0]
    code, _, err = await abai(tmp_path / "d", "export", job, str(tmp_path / "wide.csv"), "--wide")
    assert code == 0, err
    lines = (tmp_path / "wide.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 3
    assert LUNA in lines[0]
    assert GROK in lines[0]
    (tmp_path / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    (tmp_path / "folder.csv").mkdir()
    for place, told in {
        "none/wide.csv": "There is no folder",
        "link.csv": "is a link to somewhere else",
        "folder.csv": "is a folder",
        "d/wide.csv": "belongs to A-B/AI itself",
    }.items():
        code, _, err = await abai(tmp_path / "d", "export", job, str(tmp_path / place), "--wide")
        assert (code, told in " ".join(err.split()), "Traceback" in err) == (2, True, False), err
    assert not (tmp_path / "elsewhere.csv").exists()
    assert not [each for each in tmp_path.iterdir() if each.name.endswith(".partial")]
    code, _, err = await abai(tmp_path / "d", "export", job, str(tmp_path / "wide.json"), "--wide")
    assert (code, "a .csv or a .xlsx" in err or "as .csv or .xlsx" in err) == (2, True)
