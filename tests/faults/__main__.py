"""`python -m tests.faults --rounds 3 --write-table`: every fault so many times, and the page of what came of it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.fault import PAGE, Counts, Fault, page, read_peaks
from tests.faults.suite import FAULTS


async def run(rounds: int) -> list[tuple[Fault, Counts]]:
    """Raise what a fault raised that did not end as it says."""
    found = []
    for fault in FAULTS:
        total = Counts()
        for number in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                total += await fault.run(Path(folder), number)
        print(f"{fault.name}: {total}", flush=True)
        found.append((fault, total))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each fault is brought about")
    parser.add_argument("--write-table", action="store_true", help="write docs/reliability.md from this run")
    parser.add_argument(
        "--peaks", type=Path, help="what tests/field/test_trust_memory.py wrote to $ABAI_PEAKS"
    )
    given = parser.parse_args()
    found = asyncio.run(run(given.rounds))
    harmed = [fault.name for fault, counts in found if counts.harm]
    if harmed:
        print("harm was done by: " + ", ".join(harmed), file=sys.stderr)
    elif given.write_table:
        peaks = read_peaks(given.peaks.read_text("utf-8")) if given.peaks else []
        PAGE.write_text(page(found, peaks, datetime.now(UTC).date()), encoding="utf-8")
    return bool(harmed)


sys.exit(main())
