"""What needs no vendor and no data of one's own: `abai demo`, `replay`, `simulator`."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.cli.connection import CallRefused, Target
from sidecar.cli.demo import FAST, DemoFailed, show
from sidecar.cli.invocation import BROKEN, Invocation

# Flags behind `--` belong to the program that is started.
SETTINGS: dict[str, dict[str, Any]] = {
    "simulator": {"allow_extra_args": True, "ignore_unknown_options": True},
}


class Shell(StrEnum):
    """Whose way to set a variable is printed."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


def demo(
    context: typer.Context,
    report: Annotated[
        Path | None,
        typer.Option(help="Where its report is written; else among temporary files.", dir_okay=False),
    ] = None,
) -> None:
    """Show a comparison, a batch through a crash, and one at a vendor; simulated. Example: `abai demo`"""
    state: Invocation = context.obj
    if report is None:
        report = Path(tempfile.mkdtemp(prefix="abai-demo-report-")) / "report.html"
    made = not report.parent.exists()
    report.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="abai-demo-") as folder:
        target = Target(Path(folder), mock=True, more=FAST)
        try:
            asyncio.run(show(target, report.absolute(), state.out, state.err))
        except (CallRefused, DemoFailed) as wrong:
            if made:
                with suppress(OSError):
                    report.parent.rmdir()
            state.err.print(f"[red]{wrong}[/]", highlight=False)
            raise typer.Exit(BROKEN) from None


def replay(
    files: Annotated[list[Path], typer.Argument(help="Written by `abai-sidecar serve --record`.")],
) -> None:
    """Say whether this sidecar does what was recorded. Example: `abai replay session.jsonl`"""
    raise typer.Exit(_sidecar("replay", *map(str, files)))


def simulator(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    env: Annotated[Shell | None, typer.Option(help="Print how to set the variables in this shell.")] = None,
) -> None:
    """Serve the vendors' APIs on this machine, simulated; behind `--` a program to run against them.

    Example: `abai simulator -- python my_script.py`
    """
    raise typer.Exit(asyncio.run(_simulate(port, env, list(context.args))))


async def _simulate(port: int, env: Shell | None, command: list[str]) -> int:
    """Start the simulator; run the command against it, or wait until it is interrupted. Return the exit code."""
    program = [sys.executable, "-m", "sidecar", "simulator", "--port", str(port)]
    served = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert served.stdout is not None
    try:
        line = await served.stdout.readline()
        if not line:
            return await served.wait() or 1
        variables: dict[str, str] = json.loads(line)
        if command:
            child = await asyncio.create_subprocess_exec(*command, env={**os.environ, **variables})
            return await child.wait()
        sys.stdout.write("".join(f"{assignment(env, *each)}\n" for each in variables.items()))
        sys.stdout.flush()
        sys.stderr.write("The simulator answers until Ctrl-C.\n")
        return await served.wait()
    except FileNotFoundError:
        sys.stderr.write(f"There is no program {command[0]}.\n")
        return 1
    finally:
        if served.returncode is None:
            served.terminate()
            await served.wait()


def assignment(shell: Shell | None, name: str, value: str) -> str:
    """Return the line that sets a variable: of JSON's form where no shell is named."""
    match shell:
        case Shell.SH:
            return f"export {name}='{value}'"
        case Shell.FISH:
            return f"set -gx {name} '{value}'"
        case Shell.POWERSHELL:
            return f"$env:{name} = '{value}'"
    return f"{name}={value}"


def _sidecar(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "sidecar", *arguments], check=False).returncode  # noqa: S603
