"""What every measurement stands on: our command, databases of a size, the vendor, and how long all may take."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.peers import HOME
from tests.bench.pipe import REPOSITORY, Piped

CONVERSATION = "bench-conversation"
PROJECT = "bench-project"
KEY = "sk-bench-0000000000000000"
MODEL = "openai/gpt-6-luna"
_WORDS = (
    "river",
    "mountain",
    "ledger",
    "copper",
    "window",
    "garden",
    "silver",
    "thunder",
    "meadow",
    "lantern",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page: what was measured, against which target, and what the peers did in the same run.

    `value` is the figure that `must` speaks of; `higher` says that more is better.
    """

    what: str
    value: float
    must: float
    unit: str
    told: str
    higher: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.must if self.higher else self.value <= self.must


@dataclass(slots=True)
class Report:
    """The rows of a run, what grew with its size, and what was left out and why."""

    rows: list[Row] = field(default_factory=list)
    growth: dict[str, dict[int, float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def alone(self, what: str, told: str) -> None:
        """Tell what was measured without its peer, which is not installed."""
        print(f"{what}: nobody to compare with; {told}", flush=True)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        mark = "met" if row.met else "missed"
        print(
            f"{row.what}: {row.value:.3g}{row.unit} (must {row.must:g}{row.unit}, {mark}) {row.told}",
            flush=True,
        )


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done. The short form only shows that everything runs."""

    rounds: int = 7
    calls: int = 3_000
    together: int = 20_000
    adds: int = 6_000
    messages: int = 1_000_000
    batch_rows: int = 1_500
    streams: int = 96
    seconds: float = 20.0
    submitted: tuple[int, ...] = (20_000, 200_000)


SHORT = Size(1, 50, 300, 130, 2_000, 40, 8, 0.3, (400,))


def ours(folder: Path, *, frozen: bool = False) -> list[str]:
    """Return the command of the sidecar over a data folder."""
    name = "abai-sidecar.exe" if sys.platform == "win32" else "abai-sidecar"
    start = [str(REPOSITORY / "dist" / "sidecar" / name)] if frozen else [sys.executable, "-m", "sidecar"]
    return [*start, "serve", "--data-dir", str(folder)]


def environment(vendor: str = "") -> Mapping[str, str]:
    """Return what a sidecar is told of the vendor at that address."""
    return {
        "ABAI_KEY_STORE": "file",
        "OPENAI_API_KEY": KEY,
        **({"OPENAI_BASE_URL": vendor} if vendor else {}),
    }


def warmed(sidecar: Piped) -> None:
    """Return when the sidecar has loaded what it loads behind its first answers."""
    deadline = time.monotonic() + 60
    quiet = 0
    while quiet < 40 and time.monotonic() < deadline:
        begun = time.monotonic()
        sidecar.ask("settings:load", {})
        sidecar.ask("batch:list", {"projectId": PROJECT})
        quiet = quiet + 1 if time.monotonic() - begun < 0.03 else 0
        time.sleep(0.02)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield a data folder with a database that a sidecar has made, and one conversation in it."""
    with tempfile.TemporaryDirectory(dir=_home()) as made:
        yield prepared(Path(made))


def prepared(made: Path) -> Path:
    """Return the folder once a sidecar has made its database there."""
    with Piped(ours(made), environment()) as sidecar:
        sidecar.ask("project:list")
    with contextlib.closing(sqlite3.connect(made / "abai.db")) as conn, conn:
        conn.execute(
            "INSERT INTO projects (id, name, description, settings, created_at, last_used)"
            " VALUES (?, 'Bench', '', '{}', 1, 1)",
            (PROJECT,),
        )
        conn.execute(
            "INSERT INTO conversations (id, project_id, name, created_at, last_used) VALUES (?, ?, 'Bench', 1, 1)",
            (CONVERSATION, PROJECT),
        )
    return made


def filled(messages: int) -> Path:
    """Return a folder whose database holds so many messages, a thousand of them in our conversation. Kept for later."""
    kept = HOME / f"messages-{messages}"
    if (kept / "ready").exists():
        return kept
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    prepared(kept)
    with contextlib.closing(sqlite3.connect(kept / "abai.db")) as conn, conn:
        conn.execute("PRAGMA synchronous=OFF")
        groups = max(1, messages // 1_000)
        conn.executemany(
            "INSERT INTO conversations (id, project_id, name, created_at, last_used) VALUES (?, ?, 'Bench', 1, 1)",
            ((f"other-{number}", PROJECT) for number in range(groups)),
        )
        conn.executemany(
            "INSERT INTO messages (id, conversation_id, turn_id, role, content, timestamp)"
            " VALUES (?, ?, ?, 'user', ?, ?)",
            (_message(number, groups) for number in range(messages)),
        )
    (kept / "ready").touch()
    return kept


def _message(number: int, groups: int) -> tuple[Any, ...]:
    group = number % groups
    # Every tenth holds the word that is searched for; a page of hits is out of very many.
    words = " ".join(_WORDS[(number * step + step) % len(_WORDS)] for step in (1, 5, 7, 11, 2, 3))
    text = f"{words} word{number % 997} {'needle' if number % 10 == 0 else 'straw'} {'x' * 120}"
    owner = CONVERSATION if group == 0 else f"other-{group}"
    return f"message-{number}", owner, f"message-{number}", text, 1_000 + number


@contextlib.contextmanager
def vendor() -> Iterator[Callable[[int, int, int], str]]:
    """Yield what gives the base URL of a vendor that answers in so many pieces, after so many ms, so far apart."""
    command = [sys.executable, "-m", "tests.bench.vendor"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        yield lambda pieces, latency, pace: f"http://127.0.0.1:{port}/{pieces}-{latency}-{pace}/v1"
        process.stdin.close()


def middle(values: list[float]) -> float:
    return statistics.median(values)


def high(values: list[float]) -> float:
    """Return the 99th of a hundred."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def _home() -> Path:
    # Beside the peers: what is temporary may be in memory, where a durable write costs nothing.
    HOME.mkdir(parents=True, exist_ok=True)
    return HOME


def machine() -> str:
    python = sys.version.split()[0]
    return f"{os.cpu_count()} processors, {sys.platform}, CPython {python}, SQLite {sqlite3.sqlite_version}"
