"""How long it takes to come up, and how much memory that is."""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench import peers
from tests.bench.pipe import Piped, memory_mb
from tests.bench.stand import Report, Row, Size, environment, folder, middle, ours

HELLO = {"protocolVersion": "1.0", "client": {"name": "bench", "version": "1"}}
# The warm-up begins 0.3 seconds after the start; what it loads is there well before this.
WARM_SECONDS = 3.0


def measure(size: Size, report: Report) -> None:
    """Spawn to the answer of `initialize`, and to that of a typed call behind it; then the memory at rest."""
    with folder() as data:
        commands = {"ours": ours(data)}
        frozen = ours(data, frozen=True)
        if Path(frozen[0]).exists():
            commands["frozen"] = frozen
        else:
            report.left_out.append("the frozen sidecar: `make package` makes it")
        if peers.has_node():
            commands["node"] = peers.node(data / "abai.db")
        if peers.has_python():
            commands["pygls"] = peers.python("pygls_stdio.py")
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(size.rounds * 3 if size.rounds > 1 else 1):
            for name, command in commands.items():
                both = _start(command, typed=name != "pygls")
                if number or size.rounds == 1:
                    taken[name].append(both)
        times = {name: [middle([each[at] for each in all_]) for at in (0, 1)] for name, all_ in taken.items()}
        told = ", ".join(f"{name} {first:.0f} / {second:.0f} ms" for name, (first, second) in times.items())
        if "node" not in times:
            report.alone("cold start", told)
        else:
            for at, what, must in ((0, "`initialize`", 1.6), (1, "the first typed answer", 2.0)):
                ratio = times["ours"][at] / times["node"][at]
                report.add(Row(f"cold start to {what}", ratio, must, " x Node", told))
        if "frozen" in times:
            ratio = times["frozen"][0] / times["ours"][0]
            report.add(Row("frozen start to `initialize`", ratio, 1.0, " x source", told))
        _memory(size, report, commands)


def _start(command: list[str], *, typed: bool) -> tuple[float, float]:
    with Piped(command, environment()) as server:
        if not typed:
            # As a language client begins; the peer knows no handshake of ours.
            server.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
            first = time.perf_counter()
        else:
            server.ask("initialize", HELLO)
            first = time.perf_counter()
            server.ask("project:list")
        return (first - server.began) * 1000, (time.perf_counter() - server.began) * 1000


def _memory(size: Size, report: Report, commands: dict[str, list[str]]) -> None:
    wait = WARM_SECONDS if size.rounds > 1 else 0.5
    used: dict[str, list[float]] = {}
    for name in [name for name in ("ours", "node") if name in commands]:
        with Piped(commands[name], environment()) as server:
            server.ask("initialize", HELLO)
            server.ask("project:list")
            before = memory_mb(server.pid)
            time.sleep(wait)
            after = memory_mb(server.pid)
            if before is None or after is None:
                report.left_out.append("memory: this system does not tell it in /proc")
                return
            used[name] = [after, before]
    told = ", ".join(f"{name} {after:.0f} / {before:.0f} MB" for name, (after, before) in used.items())
    if "node" not in used:
        report.alone("idle memory", told)
        return
    for at, what, must in ((0, "warmed", 0.8), (1, "before", 0.7)):
        report.add(Row(f"idle memory, {what}", used["ours"][at] / used["node"][at], must, " x Node", told))
