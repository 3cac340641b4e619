"""`abai-sidecar replay FILE`: whether today's sidecar still does what was recorded."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TextIO

from sidecar.config import Config
from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.known_secrets import HIDDEN
from sidecar.recorder.answers import RecordedAnswers, answering_transport
from sidecar.recorder.diff import Difference
from sidecar.recorder.matching import Bindings
from sidecar.recorder.player import STAND_IN_KEY, Player, Timeline, Wire
from sidecar.recorder.reading import Session
from sidecar.recorder.setup import read_file, recorded_day

MAX_SHOWN = 20
_POLL_MS = 50

Serve = Callable[[Config, Callable[[], Any] | None, Sequence[str]], AbstractAsyncContextManager[Wire]]
"""Serves inside this process: the configuration, the network (None: the simulator), and the providers with a key."""


def main(arguments: Sequence[str], out: TextIO, serve: Serve) -> int:
    """Gives the exit code: 0 the same, 1 something differs, 2 a file that is no recording."""
    parser = argparse.ArgumentParser(
        prog="abai-sidecar replay",
        description="Play recordings against this sidecar and say whether it still does the same.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="written by serve --record")
    flags = parser.parse_args(arguments)
    worst = 0
    for path in flags.files:
        try:
            sessions = read_file(path)
            with tempfile.TemporaryDirectory(prefix="abai-replay-", ignore_cleanup_errors=True) as folder:
                differences = asyncio.run(replay(sessions, serve, Path(folder).resolve()))
        except Failure as failure:
            out.write(f"{path.name}: {failure.message}\n")
            worst = 2
            continue
        out.write(report(path.name, sessions, differences))
        worst = max(worst, 1 if differences else 0)
    return worst


async def replay(sessions: Sequence[Session], serve: Serve, data_dir: Path) -> list[Difference]:
    """Plays all sessions one after the other, on one data folder, which should be empty. Raises Failure."""
    differences: list[Difference] = []
    bindings = Bindings(data_dir)
    for session in sessions:
        differences += await _session(session, data_dir, bindings, serve)
    return differences


def report(name: str, sessions: Sequence[Session], differences: Sequence[Difference]) -> str:
    """What a person reads: the verdict, the differences, and what may explain them."""
    messages = sum(step.kind != "eof" for session in sessions for step in session.steps)
    if not differences:
        return f"{name}: {counted(messages, 'message')}, all as recorded\n"
    shown = [f"  {difference}" for difference in differences[:MAX_SHOWN]]
    if len(differences) > MAX_SHOWN:
        shown.append(f"  and {len(differences) - MAX_SHOWN} more")
    count = counted(len(differences), "difference")
    return "\n".join([f"{name}: {counted(messages, 'message')}, {count}", *shown, *_notes(sessions)]) + "\n"


async def _session(session: Session, data_dir: Path, bindings: Bindings, serve: Serve) -> list[Difference]:
    models = session.about.get("models")
    if isinstance(models, str):
        (data_dir / "models.json").write_text(models, encoding="utf-8")
    config = Config(
        data_dir=data_dir,
        # What was written by hand asks nobody: a file that somebody sent could name any server.
        mock=not session.recorded or bool(session.about.get("mock", True)),
        mock_pace_ms=0,
        mock_day=recorded_day(session),
        batch_poll_ms=_POLL_MS,
        environment={
            name: STAND_IN_KEY if value == HIDDEN else value for name, value in session.environment.items()
        },
    )
    timeline = Timeline(session)
    answers = RecordedAnswers(session.exchanges, bindings)
    network = (lambda: answering_transport(answers, timeline)) if session.recorded else None
    async with serve(config, network, session.saved_keys) as wire:
        return await Player(session, answers, timeline, bindings).run(wire)


def _notes(sessions: Sequence[Session]) -> list[str]:
    notes = []
    if sessions[0].about.get("empty") is False:
        notes.append("it was recorded on a data folder that had a past, and is replayed on an empty one")
    if any(session.lost for session in sessions):
        notes.append("the recorder could not keep up, or the disk was full: messages are left out")
    if any(step.cut for session in sessions for step in session.steps):
        notes.append("messages that were too large to be recorded were not sent")
    version = sessions[0].about.get("version")
    if version is not None:
        notes.append(f"it was recorded by version {version} on {sessions[0].about.get('platform')}")
    return [f"  note: {note}" for note in notes]
