"""Start-up of the frozen sidecar against the same from source, in one run: `make package`, then run this."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench_start import REQUEST, RUNS, once

FROZEN = Path("dist/sidecar") / ("abai-sidecar.exe" if sys.platform == "win32" else "abai-sidecar")


def main(frozen: str) -> None:
    starts = {"source": [sys.executable, "-m", "sidecar"], "frozen": [frozen]}
    for method in (b"project:list", b"models:get-all"):
        taken: dict[str, list[float]] = {name: [] for name in starts}
        with tempfile.TemporaryDirectory() as folder:
            # The first ones fill the caches of the disk, and make the database.
            for run in range(RUNS + 2):
                for name, start in starts.items():
                    given = [*start, "serve", "--mock", "--data-dir", folder]
                    milliseconds = once(given, REQUEST % method)
                    if run >= 2:
                        taken[name].append(milliseconds)
        source, ours = (statistics.median(taken[name]) for name in starts)
        sys.stdout.write(
            f"start to first answer, {method.decode()}: frozen {ours:.0f} ms, source {source:.0f} ms, "
            f"{ours / source:.2f} x\n"
        )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(FROZEN))
