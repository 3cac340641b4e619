"""`abai ask`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sidecar.cli.ask import Question
from sidecar.cli.ask import ask as ask_all
from sidecar.cli.invocation import BROKEN, DEFAULT_MODEL, pair, perform, shape
from sidecar.cli.words import option_values


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What to ask. Standard input is appended.")],
    models: Annotated[
        list[str], typer.Option("--model", "-m", help="A model; give it several times to compare.")
    ] = [DEFAULT_MODEL],  # noqa: B006
    system: Annotated[str | None, typer.Option("--system", "-s", help="The system prompt.")] = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")
    ] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", help="name=value, as in: temperature=0.2")
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help='A JSON Schema, or: "name, age int, tags [string]".')
    ] = None,
) -> None:
    """Ask one or several models.

    Example: `abai ask "Why is the sky blue?" -m openai/gpt-6-luna -m grok/grok-4.7`
    """
    options = option_values([pair(each) for each in option or []])
    if system:
        options["systemPrompt"] = system
    if schema:
        options |= {"jsonMode": True, "jsonSchema": shape(schema)}
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    asked = Question("\n\n".join(part for part in (question, piped.strip()) if part), models, options, go_on)
    good = perform(
        context, lambda sidecar, state: ask_all(sidecar, asked, state.out, state.err, as_json=state.as_json)
    )
    if not good:
        raise typer.Exit(BROKEN)
