"""Small calls with params that have a type: one after the other, and 64 in flight."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from tests.bench import peers
from tests.bench.pipe import Piped
from tests.bench.stand import Report, Row, Size, environment, folder, middle, ours

METHOD = "chat:abort"
PARAMS = {"conversationId": "none"}
IN_FLIGHT = 64


def measure(size: Size, report: Report) -> None:
    """Every server is asked in turn, in each round."""
    with folder() as data, ExitStack() as stack:
        commands = {"ours": ours(data)}
        if peers.has_node():
            commands["vscode-jsonrpc"] = peers.node(data / "abai.db")
        if peers.has_python():
            commands["jsonrpcserver"] = peers.python("jsonrpcserver_stdio.py")
            commands["pygls"] = peers.python("pygls_stdio.py")
        servers = {name: stack.enter_context(Piped(each, environment())) for name, each in commands.items()}
        for server in servers.values():
            server.timed(METHOD, PARAMS, 100)
        singles: dict[str, list[float]] = {name: [] for name in servers}
        rates: dict[str, list[float]] = {name: [] for name in servers}
        for _ in range(size.rounds):
            for name, server in servers.items():
                slow = 10 if name in ("jsonrpcserver", "pygls") else 1
                singles[name].append(middle(server.timed(METHOD, PARAMS, size.calls // slow)))
                rates[name].append(server.rate(_frames(server), size.together // slow, IN_FLIGHT))
    one = {name: middle(values) for name, values in singles.items()}
    many = {name: middle(values) for name, values in rates.items()}
    node = "vscode-jsonrpc"
    alone = ", ".join(f"{name} {value:.0f} µs" for name, value in one.items())
    together = ", ".join(f"{name} {value:,.0f}/s" for name, value in many.items())
    if node not in one:
        report.alone("small typed call", f"{alone}; {together}")
        return
    what = "small typed call, one after the other"
    report.add(Row(what, one["ours"] / one[node], 1.3, f" x {node}", alone))
    what = "small typed calls a second, 64 in flight"
    report.add(Row(what, many["ours"] / many[node], 0.8, f" x {node}", together, higher=True))


def _frames(server: Piped) -> Callable[[int], bytes]:
    return lambda number: server.frame(METHOD, PARAMS, number)
