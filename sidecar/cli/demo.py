"""`abai demo`: what the product does, in a minute, with simulated vendors."""

from __future__ import annotations

from rich.console import Console

from sidecar.cli.ask import Question, ask
from sidecar.cli.connection import Connection
from sidecar.cli.lists import costs_table
from sidecar.cli.projects import own_project
from sidecar.cli.run import estimate, figures, follow

MODELS = ("openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "gemini/gemini-3.8-flash")
CITIES = ("Lisbon", "Kyoto", "Oaxaca", "Tromsø", "Dakar", "Hobart", "Quito", "Riga", "Fez", "Cork")


async def show(sidecar: Connection, out: Console, err: Console) -> bool:
    """Ask three models, run thirty rows, tell what both would have cost. Return whether all went well."""
    err.rule("One question, three models")
    asked = await ask(sidecar, Question("Why is the sky blue?", MODELS), out, err, as_json=False)
    err.rule("A batch: ten prompts, three models")
    rows = {
        "rows": [
            {"prompt": "Name a dish of {{city}}.", "model": model, "data": {"city": city}}
            for model in MODELS
            for city in CITIES
        ]
    }
    await estimate(sidecar, rows, err)
    job = await sidecar.call(
        "batch:submit", {"projectId": await own_project(sidecar), "fileName": "dishes", **rows}
    )
    ended = await follow(sidecar, job["id"], err)
    out.print(await figures(sidecar, job["id"]))
    err.rule("What it would have cost")
    out.print(await costs_table(sidecar, "model", out))
    return asked and not ended["failedRows"]
