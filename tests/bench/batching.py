"""Local batches and streams through the whole engine, beside the packages that people use for the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.bench import peers
from tests.bench.pipe import Piped, processor_seconds
from tests.bench.stand import (
    MODEL,
    PROJECT,
    Report,
    Row,
    Size,
    environment,
    folder,
    high,
    middle,
    ours,
    warmed,
)

PIECES = 20
Vendor = Callable[[int, int, int], str]


def rates(size: Size, report: Report, vendor: Vendor) -> None:
    """Rows a second and processor time a row, with 32 at once and no latency."""
    url = vendor(PIECES, 0, 0)
    mine, theirs, lite, spent = [], [], [], []
    rounds = max(1, size.rounds // 2)
    for _ in range(rounds):
        a_second, ms = batch(url, size.batch_rows, 32)
        mine.append(a_second)
        spent.append(ms)
        if peers.has_python():
            theirs.append(peers.chat("openai", url, max(32, size.batch_rows // 3), 32)["rows_a_second"])
            lite.append(peers.chat("litellm", url, max(32, size.batch_rows // 6), 32)["rows_a_second"])
    told = f"ours {middle(mine):,.0f}/s, {middle(spent):.2f} ms of processor a row"
    if theirs:
        told += f", openai {middle(theirs):,.0f}/s, litellm {middle(lite):,.0f}/s"
        what = "local batch, 32 at once, no latency"
        report.add(Row(what, middle(mine) / middle(theirs), 3.0, " x openai", told, higher=True))
        report.add(
            Row(f"{what}, beside litellm", middle(mine) / middle(lite), 8.0, " x litellm", told, higher=True)
        )
    # 3.7 ms were spent where the target was written; a third of it on that machine.
    report.add(Row("processor time a row", middle(spent), 1.23, " ms", told))


def waiting(size: Size, report: Report, vendor: Vendor) -> None:
    """64 at once, 50 ms latency: so much of what is possible."""
    url = vendor(PIECES, 50, 0)
    possible = 64 / 0.05
    found = [batch(url, size.batch_rows, 64)[0] for _ in range(max(1, size.rounds // 2))]
    told = f"ours {middle(found):,.0f}/s of {possible:,.0f}/s"
    report.add(
        Row(
            "local batch, 64 at once, 50 ms",
            middle(found) / possible,
            0.6,
            " of the possible",
            told,
            higher=True,
        )
    )


def streaming(size: Size, report: Report, vendor: Vendor) -> None:
    """32 streams whose pieces are 5 ms apart: what is added to each piece, and the first."""
    url = vendor(PIECES, 0, 5)
    added, first = streams(url, size.streams, 32)
    told = f"ours {high(added):.1f} / {middle(first):.1f} ms"
    if peers.has_python():
        peer = peers.chat("openai", url, size.streams, 32)
        told += f", openai {high(peer['added']):.1f} / {middle(peer['first']):.1f} ms"
    report.add(Row("streams, 32 at once: added, 99th percentile", high(added), 4.0, " ms", told))
    report.add(Row("streams, 32 at once: first piece, median", middle(first), 4.0, " ms", told))


def answering(size: Size, report: Report, vendor: Vendor) -> None:
    """What the window waits for while a batch of 32 runs."""
    url = vendor(PIECES, 20, 0)
    idle: list[float] = []
    busy: list[float] = []
    with folder() as data, Piped(ours(data), environment(url)) as sidecar:
        warmed(sidecar)
        for times, running in ((idle, False), (busy, True)):
            if running:
                rows = int(200 * size.seconds) + 400
                start(sidecar, rows, 32)
            ends = time.perf_counter() + size.seconds
            while time.perf_counter() < ends:
                for method, params in (("settings:load", {}), ("project:list", None)):
                    begun = time.perf_counter()
                    sidecar.ask(method, params)
                    times.append((time.perf_counter() - begun) * 1000)
                    time.sleep(0.002)
    told = f"{middle(busy):.1f} ms median, {max(busy):.0f} ms at most; idle {high(idle):.1f} ms"
    report.add(Row("answers while a batch runs, 99th percentile", high(busy), 10.0, " ms", told))
    report.add(Row("answers while a batch runs, the longest", max(busy), 25.0, " ms", told))


def submitting(size: Size, report: Report) -> None:
    """Many rows in one message: how long anybody else waits for an answer meanwhile."""
    for rows in size.submitted:
        with folder() as data, Piped(ours(data), environment()) as sidecar:
            warmed(sidecar)
            sidecar.write(sidecar.frame("batch:submit", submission(rows), 99))
            waits: list[float] = []
            begun = time.perf_counter()
            # What is asked from now on stands behind the large message and is taken up after it.
            done = False
            while not done:
                asked = time.perf_counter()
                sidecar.send("chat:abort", {"conversationId": "none"}, 7)
                for body in sidecar.bodies():
                    number = json.loads(body).get("id")
                    done = done or number == 99
                    if number == 7:
                        break
                waits.append((time.perf_counter() - asked) * 1000)
            told = f"{time.perf_counter() - begun:.2f} s in all, {len(waits)} answers meanwhile"
        report.growth.setdefault("a submission: longest wait of others, ms", {})[rows] = max(waits)
        report.add(
            Row(f"{rows:,} rows in one message: the longest wait of others", max(waits), 25.0, " ms", told)
        )


def batch(url: str, rows: int, at_once: int) -> tuple[float, float]:
    """Run a batch to its end. Return rows a second, and ms of the sidecar's processor time for each."""
    with folder() as data, Piped(ours(data), environment(url)) as sidecar:
        _run(sidecar, at_once, at_once)
        used, begun = processor_seconds(sidecar.pid) or 0.0, time.perf_counter()
        _run(sidecar, rows, at_once)
        taken = time.perf_counter() - begun
        used = (processor_seconds(sidecar.pid) or 0.0) - used
    return rows / taken, used * 1000 / rows


def _run(sidecar: Piped, rows: int, at_once: int) -> None:
    start(sidecar, rows, at_once)
    for body in sidecar.bodies():
        message = json.loads(body)
        assert "error" not in message, message
        if message.get("method") != "batch:progress":
            continue
        told = message["params"]
        if told.get("status") in ("completed", "failed"):
            assert told["status"] == "completed", told
            return


def start(sidecar: Piped, rows: int, at_once: int) -> None:
    """Submit so many rows and start them, so many at once."""
    job = sidecar.ask("batch:submit", submission(rows))
    sidecar.send("batch:start", {"jobId": job["id"], "concurrency": at_once}, 5)


def submission(rows: int) -> dict[str, Any]:
    """Return the params of `batch:submit` of so many rows."""
    return {
        "projectId": PROJECT,
        "rows": [
            {"id": f"row-{number}", "prompt": f"Question {number}: what is the use of it?", "model": MODEL}
            for number in range(rows)
        ],
    }


def streams(url: str, count: int, at_once: int) -> tuple[list[float], list[float]]:
    """Return, in ms, what was added to each piece, and what passed before each first one."""
    added: list[float] = []
    first: list[float] = []
    with folder() as data, Piped(ours(data), environment(url)) as sidecar:
        begun: dict[int, int] = {}
        number = 0

        def send() -> None:
            nonlocal number
            number += 1
            params = {"content": f"Question {number}?", "modelId": MODEL, "partialResultToken": number}
            begun[number] = time.perf_counter_ns()
            sidecar.send("chat:send", params, number)

        def gather(until: int) -> None:
            waiting = set(begun) if until else set()
            answered = 0
            for body in sidecar.bodies():
                now = time.perf_counter_ns()
                message = json.loads(body)
                if message.get("method") == "$/progress":
                    value, token = message["params"]["value"], message["params"]["token"]
                    if value.get("type") == "text":
                        for stamp in value["text"].split():
                            added.append((now - int(stamp)) / 1e6)
                        if token in waiting or token not in seen:
                            first.append((now - begun[token]) / 1e6)
                        seen.add(token)
                        waiting.discard(token)
                elif "id" in message:
                    assert "error" not in message, message
                    answered += 1
                    if answered >= until:
                        return
                    if number < until:
                        send()

        seen: set[int] = set()
        for count_now in (min(count, at_once), count):
            begun.clear()
            seen.clear()
            added.clear()
            first.clear()
            number = 0
            for _ in range(min(count_now, at_once)):
                send()
            gather(count_now)
    return added, first
