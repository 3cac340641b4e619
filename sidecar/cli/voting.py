"""`abai vote`: which answer is best, asked without saying whose it is, and the board of what was chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import typer
from rich.console import Console

from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.invocation import Invocation, show_value
from sidecar.cli.lists import table_of
from sidecar.cli.projects import conversation, own_project
from sidecar.cli.run import results
from sidecar.cli.words import cost_of, dollars, lacking

TIE, SKIP, QUIT = "=", "s", "q"
LATEST_MESSAGES = 50
_COUNTS = ("wins", "losses", "ties")


async def vote(sidecar: Connection, job: str | None, err: Console) -> int:
    """Show ballots until there are none or the person has had enough. Return how many were decided.

    Raise CallRefused where there is nothing to vote on.
    """
    decided = shown = 0
    async for params in _questions(sidecar, job):
        try:
            ballot = await sidecar.call("compare:ballot", params)
        except CallRefused as refused:
            if refused.kind != "conflict" or job is None:
                raise
            continue  # only one model has answered this row
        shown += 1
        said = _ask(ballot, err)
        if said == QUIT:
            break
        if said != SKIP:
            winner = "tie" if said == TIE else said
            told = await sidecar.call("compare:vote", {"ballotId": ballot["ballotId"], "winner": winner})
            decided += 1
            _reveal(told, err)
    if not shown:
        raise CallRefused("No question has answers of two models. Ask several with -m, then vote.")
    return decided


async def show_board(sidecar: Connection, job: str | None, state: Invocation) -> None:
    """Show how each model does in the votes of the job's project, or of the command line's own."""
    found = await sidecar.call("compare:board", {"projectId": await _project(sidecar, job)})
    table = table_of(("model", "rating", "between", *_COUNTS, "a win", "cost"))
    for each in found["models"]:
        between = f"{each['ratingLow']:.0f} to {each['ratingHigh']:.0f}"
        a_win = dollars(each["usdPerWin"]) if "usdPerWin" in each else ""
        counts = [f"{each[name]:,}" for name in _COUNTS]
        table.add_row(each["model"], f"{each['rating']:.0f}", between, *counts, a_win, _cost(each))
    show_value(state, found, table)
    if not found["models"]:
        state.err.print("Nobody has voted yet. Ask two models with `abai ask`, then `abai vote`.")


def _cost(standing: Mapping[str, Any]) -> str:
    """What the answers cost, and what that lacks."""
    known = [dollars(standing["costUSD"])] if "costUSD" in standing else []
    return " ".join([*known, *filter(None, [lacking(standing)])])


async def _project(sidecar: Connection, job: str | None) -> str:
    if job is None:
        return await own_project(sidecar)
    return str((await sidecar.call("batch:get", {"jobId": job}))["projectId"])


async def _questions(sidecar: Connection, job: str | None) -> AsyncIterator[Mapping[str, str]]:
    """What ballots can be asked for: a job's questions, once each, or the newest turn of the last conversation."""
    if job is None:
        thread = await conversation(sidecar, go_on=True, title="")
        params = {"conversationId": thread, "limit": LATEST_MESSAGES}
        messages = await sidecar.call("messages:list", params)
        turns = [message["turnId"] for message in messages if message.get("turnId")]
        if turns:
            yield {"turnId": turns[-1]}
        return
    seen: set[str] = set()
    async for row in results(sidecar, job):
        # The same question of several models stands in several rows.
        question = str([row["prompt"], row.get("data")])
        if row["status"] == "success" and question not in seen:
            seen.add(question)
            yield {"jobId": job, "rowId": row["id"]}


def _ask(ballot: Mapping[str, Any], err: Console) -> str:
    """Return a label, or that it is a tie, skipped, or enough."""
    err.rule(ballot["question"][:200])
    labels = [answer["label"] for answer in ballot["answers"]]
    for answer in ballot["answers"]:
        err.print(f"\n[bold]{answer['label']}[/]")
        err.print(answer["text"], markup=False, highlight=False)
    err.print()
    choices = f"{'/'.join(labels)}, {TIE} tie, {SKIP} skip, {QUIT} quit"
    while True:
        try:
            said = typer.prompt(f"Which is best? ({choices})", err=True)
        except typer.Abort:  # the input has ended
            return QUIT
        said = said.strip()
        if said.upper() in labels:
            return str(said.upper())
        if said.lower() in (TIE, SKIP, QUIT):
            return str(said.lower())
        err.print(f"Write one of {choices}.")


def _reveal(told: Mapping[str, Any], err: Console) -> None:
    for answer in told["answers"]:
        cost = cost_of(answer) if "costAtLeastUSD" in answer or "costUSD" in answer else "unknown"
        mark = "←" if answer["label"] == told["winner"] else ""
        err.print(f"{answer['label']} was {answer['model']}, {cost} {mark}", highlight=False)
