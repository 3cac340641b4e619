"""`python -m tests.bench [--short] [NAME ...]`: measure beside the peers. All of it writes docs/performance.md."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tests.bench import batching, calling, page, peers, starting, storing
from tests.bench.stand import SHORT, Report, Size, vendor


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="a few seconds, to see that it runs; writes nothing"
    )
    parser.add_argument("--alone", action="store_true", help="without the peers, installed or not")
    parser.add_argument("names", nargs="*", help="only these parts; writes nothing")
    flags = parser.parse_args()
    size = SHORT if flags.short else Size()
    if not flags.short:
        peers.install()
    report = Report()
    if flags.alone:
        peers.HERE = peers.HERE / "none"
    if not peers.has_node():
        report.left_out.append("the Node peers, which are not installed")
    if not peers.has_python():
        report.left_out.append("the Python peers, which are not installed")
    with vendor() as urls:
        parts: dict[str, Callable[[], None]] = {
            "start": lambda: starting.measure(size, report),
            "calls": lambda: calling.measure(size, report),
            "add": lambda: storing.adding(size, report),
            "list": lambda: storing.listing(size, report),
            "batch": lambda: batching.rates(size, report, urls),
            "latency": lambda: batching.waiting(size, report, urls),
            "streams": lambda: batching.streaming(size, report, urls),
            "busy": lambda: batching.answering(size, report, urls),
            "submit": lambda: batching.submitting(size, report),
        }
        for name in flags.names or parts:
            parts[name]()
    if flags.short or flags.names:
        for what in report.left_out:
            print(f"left out: {what}")
        return
    page.write(report)
    print(f"written to {page.PAGE.name}")


if __name__ == "__main__":
    main()
