"""`abai ask`: one question to one or several models, beside each other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sidecar.cli.connection import CallRefused, Connection
from sidecar.cli.projects import conversation
from sidecar.cli.words import cost_of, seconds

STOPPED = "Stopped. What had arrived is kept, and what it may have cost counts: `abai costs` has it."


@dataclass(slots=True)
class Question:
    """What is asked of whom; `options` are those of the contract's chat:send."""

    content: str
    models: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)
    go_on: bool = False


@dataclass(slots=True)
class ModelOutcome:
    """What came of one model: a reply, or an error with what had arrived before it; else it was stopped.

    `stopped` is then the message of what had arrived, if anything had.
    """

    model: str
    text: str = ""
    reply: Mapping[str, Any] | None = None
    error: CallRefused | None = None
    stopped: Mapping[str, Any] = field(default_factory=dict)


async def ask(sidecar: Connection, question: Question, out: Console, err: Console, *, as_json: bool) -> bool:
    """Show the answers as they come, and what they cost. Return whether all models answered."""
    thread = await conversation(sidecar, go_on=question.go_on, title=question.content)
    outcomes = [ModelOutcome(model) for model in question.models]
    try:
        if out.is_terminal and not as_json:
            with Live(
                _columns(outcomes, out), console=out, refresh_per_second=12, vertical_overflow="visible"
            ) as live:
                await _all(sidecar, question, thread, outcomes, lambda: live.update(_columns(outcomes, out)))
        else:
            await _all(sidecar, question, thread, outcomes, lambda: None)
            _write(outcomes, out, as_json=as_json)
    except asyncio.CancelledError:
        await _look_at_stopped(sidecar, thread, outcomes)
        err.print(_summary(outcomes))
        err.print(STOPPED, highlight=False, soft_wrap=True)
        raise
    err.print(_summary(outcomes))
    for note in dict.fromkeys(note for each in outcomes for note in (each.reply or {}).get("notes", ())):
        err.print(note, highlight=False, markup=False, soft_wrap=True)
    return all(outcome.error is None for outcome in outcomes)


async def _all(
    sidecar: Connection, question: Question, thread: str, outcomes: Sequence[ModelOutcome], changed: Any
) -> None:
    async def one(outcome: ModelOutcome) -> None:
        def arrived(value: Mapping[str, Any]) -> None:
            if value["type"] == "text":
                outcome.text += value["text"]
                changed()

        params = {
            "conversationId": thread,
            "content": question.content,
            "modelId": outcome.model,
            "options": dict(question.options),
        }
        try:
            outcome.reply = await sidecar.call("chat:send", params, arrived)
            outcome.text = outcome.reply["answer"]
        except CallRefused as refused:
            outcome.error = refused
        changed()

    await asyncio.gather(*(one(outcome) for outcome in outcomes))


async def _look_at_stopped(sidecar: Connection, thread: str, outcomes: Sequence[ModelOutcome]) -> None:
    """Find what is stored of the answers that were stopped: it tells between what their cost lies."""
    params = {"conversationId": thread, "limit": len(outcomes) + 1}
    with suppress(CallRefused):
        messages = await sidecar.call("messages:list", params)
        newest = next((each["turnId"] for each in reversed(messages) if each["role"] == "user"), None)
        for each in outcomes:
            of_it = (
                told for told in messages if told.get("model") == each.model and told["turnId"] == newest
            )
            each.stopped = next(of_it, {})


def _columns(outcomes: Sequence[ModelOutcome], out: Console) -> Columns:
    width = max(30, out.width // max(1, len(outcomes)) - 1)
    return Columns([_panel(outcome, width) for outcome in outcomes], padding=0)


def _panel(outcome: ModelOutcome, width: int) -> Panel:
    body = Text(outcome.text)
    if outcome.error is not None:
        body.append(("\n\n" if outcome.text else "") + outcome.error.message, style="red")
    return Panel(body, title=outcome.model, width=width)


def _write(outcomes: Sequence[ModelOutcome], out: Console, *, as_json: bool) -> None:
    """For programs and files: JSON, or Markdown with a heading a model where there are several."""
    if as_json:
        rows = [{"model": each.model, **_as_json(each)} for each in outcomes]
        out.file.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        return
    for each in outcomes:
        heading = f"## {each.model}\n\n" if len(outcomes) > 1 else ""
        text = each.text if each.error is None else f"*{each.error.message}*"
        out.file.write(f"{heading}{text}\n" + ("\n" if heading else ""))


def _as_json(outcome: ModelOutcome) -> Mapping[str, Any]:
    if outcome.error is None:
        return outcome.reply or {}
    return {"error": {"kind": outcome.error.kind, "message": outcome.error.message}, "text": outcome.text}


def _summary(outcomes: Sequence[ModelOutcome]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("model", "cost", "tokens in", "tokens out", "seconds", ""):
        table.add_column(name, justify="left" if name in ("model", "") else "right")
    for each in outcomes:
        if each.reply is not None:
            usage = each.reply["usage"]
            figures = [f"{usage['prompt_tokens']:,}", f"{usage['completion_tokens']:,}"]
            table.add_row(each.model, cost_of(each.reply), *figures, seconds(each.reply["latencyMs"]))
        elif each.error is not None:
            kind = each.error.kind.replace("_", " ")
            table.add_row(each.model, cost_of(each.error.data), "", "", "", kind, style="red")
        else:
            table.add_row(each.model, cost_of(each.stopped), "", "", "", "stopped")
    return table
