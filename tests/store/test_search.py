from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.errors import Failure
from sidecar.store import conversations, messages, open_database, projects
from sidecar.store.records import Message
from sidecar.store.search import HITS_SQL, match_expression, search
from tests.store.clock import NOW

TEXTS = {
    "m1": "The quick brown fox jumps over the lazy dog",
    "m2": "Foxes are quick. A fox, a fox, a fox!",
    "m3": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich",
    "m4": 'He said "NEAR(fox)" AND left; C++ is not C#',
    "m5": "日本語 text with emoji 🦊 fox",
}


@pytest.fixture
def library(conn: sqlite3.Connection) -> sqlite3.Connection:
    for project in ("p", "q"):
        projects.create(conn, project, project, now=NOW)
        conversations.create(conn, project, project, f"c-{project}", NOW)
    for message_id, content in TEXTS.items():
        conversation = "c-q" if message_id == "m5" else "c-p"
        messages.insert(conn, Message(message_id, conversation, message_id, "user", content, NOW))
    return conn


def _found(conn: sqlite3.Connection, query: str, project: str | None = None) -> list[str]:
    return [hit.message.id for hit in search(conn, query, project)[0]]


def test_a_message_whose_conversation_is_not_there_is_in_nobody_s_way(library: sqlite3.Connection) -> None:
    library.execute("PRAGMA foreign_keys = OFF")
    library.execute("UPDATE messages SET conversation_id = 'taken away' WHERE id = 'm2'")
    assert _found(library, "fox") == ["m5", "m1", "m4"]


def test_the_best_hit_comes_first_with_its_words_marked(library: sqlite3.Connection) -> None:
    hits, cursor = search(library, "quick fox")
    assert [hit.message.id for hit in hits] == ["m2", "m1"]
    assert hits[1].snippet == "The **quick** brown **fox** jumps over the lazy dog"
    assert hits[1].message.content == TEXTS["m1"]
    assert hits[1].conversation.id == "c-p"
    assert cursor is None


@pytest.mark.parametrize("word", ["sea", "Sea, sea", "-sea", "“sea”"])
def test_a_word_that_is_said_many_times_is_looked_for_once(library: sqlite3.Connection, word: str) -> None:
    for number in range(20):
        text = "a sea and no land " * 400
        messages.insert(library, Message(f"s{number}", "c-p", f"s{number}", "user", text, NOW))
    began = time.process_time()
    hits, _ = search(library, f"{word} " * 32)
    # Its places in a message are looked through once for each of them: 32 times as many took a thousand times as long.
    assert time.process_time() - began < 2
    assert len(hits) == 20


def test_the_last_word_may_be_a_beginning_though_it_was_said_before(library: sqlite3.Connection) -> None:
    assert set(_found(library, "fox quick fo")) == set(_found(library, "fo quick fo")) == {"m1", "m2"}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("lazy do", {"m1"}),
        ("la dog", set()),
        ("ZWOLF boxkampf", {"m3"}),
        ('say "NEAR(fox)"', set()),
        ("said NEAR(fox)", {"m4"}),
        ("fox AND left", {"m4"}),
        ("fox NOT left", {"m4"}),
        ("content:fox", set()),
        ("C++ c#", {"m4"}),
        ("日本", {"m5"}),
        ("🦊", set()),
        ("🦊 emoji", {"m5"}),
        ("", set()),
        ('"', set()),
        ("* - ( ) ^", set()),
        ("\x00", set()),
        ("text\x00wi", {"m5"}),
        ("\ud83e", set()),
    ],
)
def test_queries_are_words_and_never_syntax(library: sqlite3.Connection, query: str, ids: set[str]) -> None:
    assert set(_found(library, query)) == ids


def test_a_project_bounds_the_search(library: sqlite3.Connection) -> None:
    assert _found(library, "fox", "q") == ["m5"]
    assert set(_found(library, "fox", "p")) == {"m1", "m2", "m4"}
    assert _found(library, "fox", "none") == []


def test_pages_follow_one_another_to_the_end(library: sqlite3.Connection) -> None:
    whole = _found(library, "fox")
    paged: list[str] = []
    cursor = None
    while True:
        hits, cursor = search(library, "fox", None, 1, cursor)
        paged += [hit.message.id for hit in hits]
        if cursor is None:
            break
    assert paged == whole
    assert len(whole) == 4


@pytest.mark.parametrize("cursor", ["", "x", "W10", "WyJhIl0", "Wy0xXQ", "WzFlOTld", "é", "W3RydWVd"])
def test_a_garbled_cursor_is_refused(library: sqlite3.Connection, cursor: str) -> None:
    with pytest.raises(Failure) as caught:
        search(library, "fox", None, 5, cursor)
    assert caught.value.kind == "invalid_params"


def test_edited_and_deleted_messages_leave_the_index(library: sqlite3.Connection) -> None:
    library.execute("UPDATE messages SET content = 'a hedgehog' WHERE id = 'm1'")
    library.execute("DELETE FROM messages WHERE id = 'm2'")
    assert _found(library, "hedgehog") == ["m1"]
    assert "m1" not in _found(library, "fox")
    assert "m2" not in _found(library, "fox")
    library.execute("INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)")


# Each letter of the code 0 ends a text for some of SQLite's functions.
@pytest.mark.parametrize("begin", ["", "zero\0 "])
def test_of_a_very_long_message_the_beginning_is_found_and_edited_or_deleted_it_leaves_the_index(
    begin: str, library: sqlite3.Connection
) -> None:
    def integrity() -> None:
        # All that is in the index of words goes once its messages have gone.
        assert library.execute("SELECT count(*) FROM words").fetchone() == (0,)

    library.execute("CREATE VIRTUAL TABLE words USING fts5vocab ('messages_fts', 'row')")
    library.execute("DELETE FROM messages")
    integrity()
    for size in (499_990, 499_999, 500_000, 500_001, 3_000_000):
        content = begin + "word early " + "é日a. " * (size // 8) + " late"
        messages.insert(library, Message("long", "c-p", "long", "assistant", content, NOW))
        whole = len(content.encode() if begin else content) <= 500_000
        assert _found(library, "late") == ["long"] * whole
        assert _found(library, "zero" if begin else "early") == ["long"]
        library.execute("UPDATE messages SET content = content || ' ' || content WHERE id = 'long'")
        library.execute("DELETE FROM messages")
        integrity()


def _snippet(conn: sqlite3.Connection, content: str, query: str) -> str:
    messages.insert(conn, Message("long", "c-p", "long", "user", content, NOW))
    (hit,) = search(conn, query)[0]
    return hit.snippet


@pytest.mark.parametrize(("many", "letter"), [(2_000, "e"), (600, "é")])
def test_of_a_long_message_the_place_where_a_word_is_first_found_is_shown(
    many: int, letter: str, library: sqlite3.Connection
) -> None:
    told = (
        f"{f'B{letter}for{letter} it. ' * many}There goes a walrus, and {'after it. ' * many}No walrus more."
    )
    shown = _snippet(library, told, "walrus")
    assert "There goes a **walrus**, and after it." in shown
    assert (shown[0], shown[-1]) == ("…", "…")
    assert len(shown) < 260


def test_a_word_that_is_longer_than_what_is_shown_is_cut(library: sqlite3.Connection) -> None:
    shown = _snippet(library, "x" * 30_000, "x" * 9)
    assert shown == f"**{'x' * 239}**…"


# Of a text with a letter of the code 0 SQLite tells a length of its own.
@pytest.mark.parametrize("begin", ["", "\0 "])
def test_one_word_said_sixty_thousand_times_is_found_as_soon_as_any(
    begin: str, library: sqlite3.Connection
) -> None:
    """It was twenty seconds, which no cancel stopped: the best of all places was looked for."""
    before = time.process_time()
    assert "**walrus** **walrus**" in _snippet(library, begin + "walrus " * 60_000, "walrus")
    assert time.process_time() - before < 5


def test_a_very_long_query_is_cut_and_not_refused(library: sqlite3.Connection) -> None:
    assert _found(library, "fox " * 100_000)
    assert _found(library, "x" * 1_000_000) == []


@contextmanager
def _small_library() -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "abai.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            open_database.prepare_writer(conn, path, NOW)
            projects.create(conn, "p", "p", now=NOW)
            conversations.create(conn, "p", "c", "c", NOW)
            yield conn


def test_any_text_is_a_safe_query_and_a_word_of_it_finds_its_message() -> None:
    with _small_library() as conn:
        text = st.text(st.characters(codec=None) | st.sampled_from('"*()^:+-{}\x00 ANDORNOT'), max_size=40)

        @settings(max_examples=300, deadline=None)
        @given(text)
        def holds(query: str) -> None:
            hits, _ = search(conn, query, "p", 5)
            assert hits == []
            expression = match_expression(query)
            assert expression is None or expression.count('"') % 2 == 0

        holds()


def test_a_word_in_very_many_messages_is_looked_up_twice_and_not_once_for_each_hit(
    library: sqlite3.Connection,
) -> None:
    plan = library.execute(f"EXPLAIN QUERY PLAN {HITS_SQL}", ('"fox"*', "[1,2,3]")).fetchall()
    walks = [detail for *_, detail in plan if "VIRTUAL TABLE" in detail and " f " in detail]
    # A rowid that is looked up shows as an equals sign, and each one gathers all matches.
    assert [walk for walk in walks if "=" not in walk] == walks != []
    told: list[str] = []
    library.set_trace_callback(told.append)
    assert len(search(library, "fox")[0]) > 2
    assert sum("MATCH" in statement for statement in told) == 2
