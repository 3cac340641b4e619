"""What is read by people says between what a cost lies that is not known, and how many calls are not in a sum."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.inside import Inside, inside
from tests.replay_tools.recording import data_folder

SURE, UNSURE = "openai/gpt-6-luna", "grok/grok-4.7"
CUT = "Why? [[simulate: cut=2]]"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Inside]:
    async with inside(data_folder(tmp_path), day="2026-11-23") as here:
        yield here


async def result(app: Inside, method: str, **params: Any) -> Any:
    answer = await app.ask(method, params)
    assert "result" in answer, answer
    return answer["result"]


async def ran(app: Inside) -> str:
    """A batch of whose rows at one model an answer broke off for good."""
    await result(app, "settings:save", key="retryBrokenAnswers", value=0)
    project = (await result(app, "project:create", name="Reported"))["id"]
    rows = [
        {"id": f"q{number}@{model}", "prompt": prompt, "model": model}
        for number, prompt in enumerate(("Say yes.", CUT))
        for model in (SURE, UNSURE)
        if model == UNSURE or prompt != CUT
    ]
    job = await result(app, "batch:submit", projectId=project, rows=rows, fileName="a.csv", start=True)
    await app.ended(job["id"])
    return str(job["id"])


async def written(app: Inside, folder: Path) -> tuple[str, str, list[dict[str, str]]]:
    """The page, the Markdown and the lines of the table of a report."""
    path = folder / "report.html"
    job = await ran(app)
    await result(app, "batch:report", jobIds=[job], path=str(path), beside=["markdown", "csv"])
    with path.with_suffix(".csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    return path.read_text("utf-8"), path.with_suffix(".md").read_text("utf-8"), lines


async def test_a_report_on_a_batch_with_a_broken_answer_says_what_it_came_to_between_bounds(
    app: Inside, tmp_path: Path
) -> None:
    page, markdown, lines = await written(app, tmp_path)
    told = r" to \$[0-9.]+ \(\$[0-9.]+ and 1 call whose cost is not known\)"
    assert_found(page, rf"; it came to \$[0-9.]+{told}\.</p>")
    assert_found(page, rf'aria-label="Estimated [^"]*; it came to \$[0-9.]+{told}\."')
    assert_found(markdown, rf"came to \$[0-9.]+{told}")
    for text in (page, markdown):
        assert "1 call whose cost is not known is not in the sums" in text
    broken = lines[1]
    assert broken[f"{UNSURE}: cost_usd"] == ""
    least, most = (float(broken[f"{UNSURE}: cost{name}USD"]) for name in ("AtLeast", "AtMost"))
    assert 0 < least < most


async def test_an_answer_is_not_priced_by_a_sum_that_lacks_calls(app: Inside, tmp_path: Path) -> None:
    page, markdown, _ = await written(app, tmp_path)
    between = r"\$[0-9.]+ to \$[0-9.]+"
    # What the model cost, and what an answer of it did.
    assert_found(markdown, rf"\| {UNSURE} \| 1 of 2 \(50 %\) \| 1 \| {between} \| {between} \|")
    assert_found(page, rf'aria-label="Where the money went\.[^"]*{UNSURE}: {between}\."')
    # It has no place in the chart of prices, which says so.
    assert_found(page, rf'aria-label="Price an answer[^"]*; {UNSURE}: not drawn, its cost is not known')
    assert f"Not drawn, because a cost of theirs is not known: {UNSURE}." in page


async def test_a_conversation_as_markdown_tells_the_bounds_of_an_answer_that_broke_off(app: Inside) -> None:
    asked = {"conversationId": "talk", "modelId": SURE}
    assert "error" in await app.ask("chat:send", {**asked, "content": CUT})
    await result(app, "chat:send", **asked, content="Say yes.")
    messages = await result(app, "messages:list", conversationId="talk")
    told = (await result(app, "conversation:export", id="talk", format="markdown"))["text"]

    assert any("costAtLeastUSD" in each for each in messages)
    assert_found(told, r"UTC · cost not known: at least \$[0-9.]+, at most \$[0-9.]+ · ")
    [whole] = [each["cost"] for each in messages if each["cost"]]
    [shown] = [float(part[1:]) for part in told.replace("\n", " · ").split(" · ") if part.startswith("$")]
    assert shown == pytest.approx(whole, rel=0.01)


async def test_a_day_says_how_many_of_its_calls_are_not_in_what_it_cost(app: Inside) -> None:
    asked = {"conversationId": "talk", "modelId": SURE}
    assert "error" in await app.ask("chat:send", {**asked, "content": CUT})
    stats = await result(app, "activity:stats", days=2)
    yesterday, today = stats["byDay"]
    assert (yesterday.keys(), yesterday["cost"]) == ({"day", "cost"}, 0)
    told = {name: today[name] for name in ("uncertainCalls", "costAtLeastUSD", "costAtMostUSD")}
    assert told == {name: stats[name] for name in told}
    assert told["uncertainCalls"] == 1


def assert_found(text: str, pattern: str) -> None:

    assert re.search(pattern, text), pattern
