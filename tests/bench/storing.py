"""Messages: stored for good with many in flight, listed out of very many, searched."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from tests.bench import peers
from tests.bench.pipe import Piped
from tests.bench.stand import (
    CONVERSATION,
    Report,
    Row,
    Size,
    environment,
    filled,
    folder,
    middle,
    ours,
    warmed,
)

IN_FLIGHT = 64
CONTENT = "A question of some forty words would be about as long as this one. " * 3


def adding(size: Size, report: Report) -> None:
    """`messages:add` over the pipe against one transaction an insert in place, each on a database of its own."""
    params = {"conversationId": CONVERSATION, "role": "user", "content": CONTENT}
    asked = {"conversationId": CONVERSATION, "content": CONTENT, "count": size.adds // 3}
    our_rates, their_rates = [], []
    with contextlib.ExitStack() as stack:
        one, other = stack.enter_context(folder()), stack.enter_context(folder())
        sidecar = stack.enter_context(Piped(ours(one), environment()))
        node = stack.enter_context(Piped(peers.node(other / "abai.db"))) if peers.has_node() else None

        def add(number: int) -> bytes:
            return sidecar.frame("messages:add", params, number)

        sidecar.rate(add, 200, IN_FLIGHT)
        for _ in range(size.rounds):
            our_rates.append(sidecar.rate(add, size.adds, IN_FLIGHT))
            if node is not None:
                their_rates.append(node.ask("place:add", asked))
    mine, what = middle(our_rates), "`messages:add`, durable, 64 in flight"
    if not their_rates:
        report.alone(what, f"{mine:,.0f}/s")
        return
    theirs = middle(their_rates)
    told = f"ours {mine:,.0f}/s, better-sqlite3 in place, a transaction each, {theirs:,.0f}/s"
    report.add(Row(what, mine / theirs, 2.0, " x better-sqlite3", told, higher=True))


def listing(size: Size, report: Report) -> None:
    """`messages:list` and `messages:search` at three sizes; the largest is compared."""
    sizes = sorted({max(1_000, size.messages // 100), max(1_000, size.messages // 10), size.messages})
    for messages in sizes:
        data = filled(messages)
        with tempfile.TemporaryDirectory(dir=data.parent) as copied:
            shutil.copy(data / "abai.db", Path(copied) / "abai.db")
            _at_size(size, report, messages, Path(copied), largest=messages == sizes[-1])


def _at_size(size: Size, report: Report, messages: int, data: Path, *, largest: bool) -> None:
    count = 60 if size.rounds > 1 else 3
    thousand, fifty, node_lists, found, bare = [], [], [], [], []
    listed = {"conversationId": CONVERSATION, "limit": 1_000}
    with contextlib.ExitStack() as stack:
        conn = stack.enter_context(contextlib.closing(sqlite3.connect(data / "abai.db")))
        sidecar = stack.enter_context(Piped(ours(data), environment()))
        warmed(sidecar)
        node = stack.enter_context(Piped(peers.node(data / "abai.db"))) if peers.has_node() else None
        rows = len(sidecar.ask("messages:list", listed))
        for _ in range(max(1, size.rounds - 2)):
            thousand.append(middle(sidecar.timed("messages:list", listed, count)) / 1000)
            fifty.append(middle(sidecar.timed("messages:list", {**listed, "limit": 50}, count)) / 1000)
            if node is not None:
                node_lists.append(node.ask("place:list", {**listed, "count": count}))
            searches = max(2, count // 10)
            found.append(middle(sidecar.timed("messages:search", {"query": "needle"}, searches)) / 1000)
            bare.append(_bare_search(conn, searches))
    report.growth.setdefault("messages:list, 1,000, ms", {})[messages] = middle(thousand)
    report.growth.setdefault("messages:list, newest 50, ms", {})[messages] = middle(fifty)
    report.growth.setdefault("messages:search, ms", {})[messages] = middle(found)
    if not largest:
        return
    told = f"ours {middle(found):.1f} ms, FTS5 alone {middle(bare):.1f} ms"
    report.add(Row("`messages:search`", middle(found) / middle(bare), 1.5, " x bare FTS5", told))
    what, told = f"`messages:list` of {rows:,} among {messages:,}", f"ours {middle(thousand):.2f} ms"
    if not node_lists:
        report.alone(what, told)
        return
    theirs = middle(node_lists)
    told += f", better-sqlite3 with JSON.stringify in place {theirs:.2f} ms"
    report.add(Row(what, middle(thousand) / theirs, 1.3, " x better-sqlite3", told))
    told = f"ours {middle(fifty):.2f} ms"
    ratio = middle(fifty) / theirs
    report.add(Row("`messages:list`, newest 50", ratio, 0.1, " x better-sqlite3's thousand", told))


def _bare_search(conn: sqlite3.Connection, count: int) -> float:
    """Return the ms of the query that finds the same rows and nothing else."""
    sql = (
        "SELECT m.content FROM messages_fts f JOIN messages m ON m.seq = f.rowid"
        " WHERE f.messages_fts MATCH ? ORDER BY f.rank LIMIT 51"
    )
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        conn.execute(sql, ('"needle"*',)).fetchall()
        taken.append((time.perf_counter() - begun) * 1000)
    return middle(taken)
