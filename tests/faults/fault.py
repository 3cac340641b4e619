"""What a fault is, what was counted after it, and the page that tells of all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from textwrap import shorten
from typing import Any

from sidecar import __version__

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"

HEAD = """\
# What was broken on purpose, and what came of it

`make soak` writes this page from its own run, and only where every fault ended as its row says. The last one was that
of version {version}, on {day}. Each fault meets the real process, over its pipe, with vendors that are played on
this machine. `tests/faults/` is the suite; `make test` has each fault once.

| fault | how often | what happened | told as kept | lost | requests run | paid twice | secret out |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |
"""
FOOT = """
- **how often**: kills, damages, or requests to a vendor that misbehaves.
- **told as kept**: projects, messages and rows of batches of which the app was told that they are stored.
- **lost**: those that were not there in the end, and requests that a vendor ran and the sidecar's ledger did not know.
- **requests run**: what the vendors say that they ran, or were sent where they misbehave.
- **paid twice**: of these, what was sent again although its answer was stored, or without the first cost being written
  down as unknown. A row at work in a kill is asked for once more, and its job says that the first cost is not known.
- **secret out**: what was said on the pipe or in the log, and files of the data folder but the one for keys, with
  12 characters or more in a row of a key in use.
"""
PEAKS = """
## However much comes

The most memory that the process ever had, all of it, while it was sent what it must not hold, and answered
`system:health` all the while. The tests are `tests/field/test_trust_memory.py`,
`test_trust_pieces.py` and the like, and none may pass 600 MB. The bounds are constants below `sidecar`.

| what came of it | at most | bound | what was told |
| --- | ---: | --- | --- |
"""


@dataclass
class Counts:
    """What was counted after one fault, or after all of a kind."""

    times: int = 0
    kept: int = 0
    lost: int = 0
    paid: int = 0
    paid_twice: int = 0
    secrets: int = 0

    @property
    def harm(self) -> int:
        return self.lost + self.paid_twice + self.secrets

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.times + other.times,
            self.kept + other.kept,
            self.lost + other.lost,
            self.paid + other.paid,
            self.paid_twice + other.paid_twice,
            self.secrets + other.secrets,
        )


@dataclass(frozen=True)
class Peak:
    """The most bytes that the process had when something was sent, the constant that kept it so, and what was told."""

    sent: str
    size: int
    bound: str
    told: str


@dataclass(frozen=True)
class Fault:
    """`happened` is what `run` holds the process to, in a folder of its own; each round has another number."""

    name: str
    happened: str
    run: Callable[[Path, int], Awaitable[Counts]]


def page(found: Iterable[tuple[Fault, Counts]], peaks: Iterable[Peak], day: date) -> str:
    """Return the whole page, of a run of this version that ended on `day`."""
    rows = [
        cells(
            fault.name,
            counts.times,
            fault.happened,
            counts.kept,
            counts.lost,
            counts.paid,
            counts.paid_twice,
            counts.secrets,
        )
        for fault, counts in found
    ]
    most = [
        cells(peak.sent, f"{peak.size / 1024**2:,.0f} MB", f"`{peak.bound}`", peak.told) for peak in peaks
    ]
    head = HEAD.format(version=__version__, day=day.isoformat())
    return head + "".join(rows) + FOOT + PEAKS + "".join(most)


def read_peaks(text: str) -> list[Peak]:
    """Return, of what each test wrote, the largest peak for each bound, in order of what was sent."""
    found: dict[tuple[str, str], Peak] = {}
    for line in text.splitlines():
        test, size, bound, told = line.split("\t")
        sent = test.removeprefix("test_").partition("[")[0].replace("_", " ")
        peak = Peak(sent, int(size), bound, shorten(told, 240, placeholder=" …"))
        before = found.setdefault((sent, bound), peak)
        if before.size < peak.size:
            found[sent, bound] = peak
    return [found[key] for key in sorted(found)]


def told(text: str) -> list[tuple[str, str]]:
    """Return the fault and what happened of each row of a page."""
    rows = [line.split(" | ") for line in text.partition(PEAKS)[0].splitlines() if line.startswith("| ")]
    return [(row[0].removeprefix("| "), row[2]) for row in rows[2:]]


def cells(*values: Any) -> str:
    return "| " + " | ".join(map(str, values)) + " |\n"
