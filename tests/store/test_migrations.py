from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import Failure
from sidecar.store import ledger_sums, migrations, open_database, upgrade
from sidecar.store.database import Database
from tests.helpers.fork_servers import REPOSITORY
from tests.store import old_app
from tests.store.clock import NOW

EXPECTED_SCHEMA = REPOSITORY / "data" / "database.sql"


def _migrated(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None)
    open_database.prepare_writer(conn, path, NOW)
    return conn


def _schema(conn: sqlite3.Connection) -> str:
    rows = conn.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'messages\\_fts\\_%' ESCAPE '\\'"
        " OR type = 'trigger' ORDER BY type = 'trigger', type DESC, name"
    )
    return "".join(" ".join(sql.split()) + ";\n" for (sql,) in rows)


def _rows(conn: sqlite3.Connection, sql: str) -> list[tuple[Any, ...]]:
    return conn.execute(sql).fetchall()


def test_the_schema_is_the_one_written_down(tmp_path: Path) -> None:
    with closing(_migrated(tmp_path / "new.db")) as conn:
        assert _schema(conn) == EXPECTED_SCHEMA.read_text(encoding="utf-8")


def test_each_statement_of_the_written_schema_stands_on_one_line_of_its_own() -> None:
    lines = EXPECTED_SCHEMA.read_text(encoding="utf-8").splitlines()
    cut = [number for number, line in enumerate(lines, 1) if not sqlite3.complete_statement(line)]
    assert cut == [], f"data/database.sql is run line by line: put the statement at line {cut[0]} on one line"


def test_a_new_database_is_what_all_migrations_make_of_an_empty_one(tmp_path: Path) -> None:
    with (
        closing(sqlite3.connect(tmp_path / "led.db", isolation_level=None)) as led,
        closing(_migrated(tmp_path / "new.db")) as new,
    ):
        led.execute("PRAGMA foreign_keys=OFF")
        for step in upgrade.steps():
            step(led, NOW)
        # An index of nothing says so in other words once it was rebuilt.
        new.execute("INSERT INTO messages_fts (messages_fts) VALUES ('rebuild')")
        assert _contents(led) == _contents(new)
        assert _columns_in_order(led) == _columns_in_order(new)
        assert _rows(new, "PRAGMA user_version") == [(upgrade.LATEST,)]
        assert _rows(new, "PRAGMA integrity_check") == [("ok",)]


def _contents(conn: sqlite3.Connection) -> Counter[str]:
    return Counter(" ".join(line.removesuffix(";").split()) for line in conn.iterdump())


def _columns_in_order(conn: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return _rows(
        conn,
        "SELECT m.name, c.* FROM sqlite_master m, pragma_table_xinfo(m.name) c WHERE m.type = 'table' ORDER BY 1, 2",
    )


@pytest.mark.parametrize("tables", [old_app.TABLES, old_app.TABLES_WITHOUT_KEYS])
def test_an_old_database_ends_with_the_same_schema_as_a_new_one(tmp_path: Path, tables: str) -> None:
    path = old_app.make(tmp_path / "abai.db", tables, old_app.GOOD_ROWS)
    with closing(_migrated(path)) as conn:
        assert _schema(conn) == EXPECTED_SCHEMA.read_text(encoding="utf-8")


def test_every_migration_has_its_number_and_the_last_one_is_the_latest() -> None:
    folder = Path(migrations.__file__).parent
    files = sorted(file.stem for file in folder.glob("m0*.py"))
    assert [step.__module__.rsplit(".", 1)[-1] for step in upgrade.steps()] == files
    assert [int(file[1:5]) for file in files] == list(range(1, upgrade.LATEST + 1))


def test_the_rows_of_the_old_app_keep_their_values(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(_migrated(path)) as conn:
        assert _rows(conn, "SELECT id, name, description, settings, created_at, last_used FROM projects") == [
            ("p1", "First", "About it", '{"theme":"dark"}', 1000, 5000)
        ]
        assert _rows(conn, "SELECT * FROM conversations") == [("c1", "p1", "Greetings", 1100, 4000, None)]
        assert _rows(conn, "SELECT * FROM messages WHERE id = 'm2'") == [
            (
                2,
                "m2",
                "c1",
                "m1",
                "assistant",
                "Hi, I am A",
                "openai",
                "gpt-4o",
                0.0125,
                10,
                20,
                2100,
                None,
                None,
                None,
                None,
                None,
                None,
            )
        ]
        assert _rows(conn, "SELECT * FROM batch_jobs WHERE id = 'j1'")[0][:12] == (
            *("j1", "p1", "rows.csv", "completed", 2, 1, 1, 0.5, 6000, 7000),
            *("local", "renderer"),
        )
        assert _rows(conn, "SELECT * FROM batch_results WHERE id = 'r2'")[0][:12] == (
            *("r2", "j1", 1, None, "Do", None, "error", None, None, None, 80, "no"),
        )


def test_answers_belong_to_the_question_before_them(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(_migrated(path)) as conn:
        assert _rows(conn, "SELECT id, turn_id FROM messages ORDER BY seq") == [
            ("m1", "m1"),
            ("m2", "m1"),
            ("m3", "m1"),
            ("m4", "m4"),
            ("m5", "m4"),
        ]


def test_turns_follow_the_time_of_messages_and_not_the_order_in_which_they_were_stored(
    tmp_path: Path,
) -> None:
    rows = """
    INSERT INTO conversations VALUES ('c', NULL, 'n', 1, 1);
    INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('answer', 'c', 'assistant', 'a', 20);
    INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('question', 'c', 'user', 'q', 10);
    INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('greeting', 'c', 'assistant', 'g', 5);
    """
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, rows)
    with closing(_migrated(path)) as conn:
        assert dict(_rows(conn, "SELECT id, turn_id FROM messages")) == {
            "greeting": "greeting",
            "question": "question",
            "answer": "question",
        }


def test_what_the_old_rows_cost_is_in_the_ledger(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(_migrated(path)) as conn:
        # Two answers, one row of a batch, and a job whose rows were never stored; a cost of 0 is no spending.
        assert ledger_sums.spent_since(conn, 0) == Decimal("0.0125") + Decimal("0.0075") + Decimal(
            "0.5"
        ) + Decimal("0.25")
        assert ledger_sums.spent_since(conn, 0, "p1") == ledger_sums.spent_since(conn, 0)
        found = _rows(
            conn,
            "SELECT message_id, job_id, row_id, provider, model, created_at, turn_id, prompt_total, out_visible,"
            " cost_pico FROM ledger WHERE kind = 'imported' AND state = 'settled' ORDER BY created_at",
        )
        assert found == [
            ("m2", None, None, "openai", "gpt-4o", 2100, "m1", 10, 20, 12_500_000_000),
            ("m3", None, None, "anthropic", "claude-3", 2200, "m1", 11, 21, 7_500_000_000),
            (None, "j1", "r1", None, "gpt-4o", 7000, None, 5, 6, 500_000_000_000),
            (None, "j2", None, None, None, 8000, None, None, None, 250_000_000_000),
        ]


BROKEN_KEYS = """
INSERT INTO conversations VALUES ('c-orphan', 'p-lost', 'Orphan', 100, 300);
INSERT INTO conversations VALUES ('c-null', NULL, 'No project', 100, 300);
INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('m1', 'c-lost', 'user', 'q', 150);
INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('m2', 'c-lost', 'assistant', 'a', 250);
INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('m3', NULL, 'user', 'q', 350);
INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES ('m4', NULL, 'user', 'q2', 360);
INSERT INTO batch_jobs (id, project_id, file_name, status, created_at) VALUES ('j-orphan', 'p-lost', 'f', 'failed', 90);
INSERT INTO batch_jobs (id, project_id, file_name, status, created_at) VALUES ('j-null', NULL, 'f', 'failed', 90);
INSERT INTO batch_results (id, job_id, row_index, status, cost) VALUES ('r1', 'j-lost', 0, 'success', 0.5);
INSERT INTO batch_results (id, job_id, row_index, status) VALUES ('r2', NULL, 0, 'error-api');
"""


def test_rows_whose_parents_were_never_stored_are_kept_under_recovered_ones(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, BROKEN_KEYS)
    with closing(_migrated(path)) as conn:
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
        homes = _rows(conn, "SELECT id FROM projects WHERE name = 'Recovered'")
        assert len(homes) == 1
        home = homes[0][0]
        assert _rows(conn, "SELECT name, created_at FROM projects WHERE id = 'p-lost'") == [
            ("Recovered project", 90)
        ]
        assert _rows(conn, "SELECT project_id FROM conversations WHERE id = 'c-orphan'") == [("p-lost",)]
        assert _rows(conn, "SELECT project_id FROM conversations WHERE id = 'c-null'") == [(home,)]
        assert _rows(conn, "SELECT * FROM conversations WHERE id = 'c-lost'") == [
            ("c-lost", home, "Recovered conversation", 150, 250, None)
        ]
        assert _rows(
            conn, "SELECT count(DISTINCT conversation_id) FROM messages WHERE id IN ('m3', 'm4')"
        ) == [(1,)]
        assert _rows(conn, "SELECT count(*) FROM messages") == [(4,)]
        assert _rows(conn, "SELECT project_id FROM batch_jobs WHERE id = 'j-null'") == [(home,)]
        assert _rows(
            conn,
            "SELECT file_name, project_id, total_rows, completed_rows, failed_rows, total_cost"
            " FROM batch_jobs WHERE id = 'j-lost'",
        ) == [("Recovered batch", home, 1, 1, 0, 0.5)]
        assert _rows(conn, "SELECT count(*) FROM batch_results") == [(2,)]
        assert ledger_sums.spent_since(conn, 0) == Decimal("0.5")


GARBLED = """
INSERT INTO projects VALUES ('p', NULL, NULL, '{not json', 'yesterday', NULL);
INSERT INTO projects VALUES ('p', 'Second of one id', 'd', '[1,2]', 1000, 2000);
INSERT INTO projects VALUES (NULL, 'No id', NULL, NULL, '2024-05-01T12:00:00Z', 3000.7);
INSERT INTO conversations VALUES ('c', 'p', NULL, NULL, 5000);
INSERT INTO conversations VALUES ('c', 'p', 'Twin', 1, 2);
INSERT INTO messages VALUES ('m', 'c', 'USER', NULL, NULL, NULL, 'free', 'many', NULL, NULL);
INSERT INTO messages VALUES ('m', 'c', 'ai', x'68c3a9ff', 'openai', 'gpt', '0.25', '7', 8.0, 'soon');
INSERT INTO messages VALUES (NULL, 'c', 'oracle', 'who am I', NULL, 'gpt', -1.0, NULL, NULL, 7000);
INSERT INTO messages VALUES (17, 'c', NULL, 'a number is an id', NULL, NULL, 9e999, NULL, NULL, 1e300);
INSERT INTO batch_jobs VALUES ('j', 'p', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO batch_results VALUES (NULL, 'j', NULL, '{broken', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO batch_results VALUES (NULL, 'j', NULL, NULL, NULL, 'r', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO batch_results VALUES ('r', 'j', 'x', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'why');
"""


def test_nulls_duplicates_and_garbled_values_lose_no_row(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES_WITHOUT_KEYS, GARBLED)
    with closing(_migrated(path)) as conn:
        assert _rows(conn, "SELECT name, settings, created_at, last_used FROM projects ORDER BY rowid") == [
            ("Untitled project", '{"_unreadable": "{not json"}', NOW, NOW),
            ("Second of one id", '{"_unreadable": "[1,2]"}', 1000, 2000),
            ("No id", "{}", 1_714_564_800_000, 3000),
        ]
        assert _rows(conn, "SELECT name, created_at FROM conversations ORDER BY rowid") == [
            ("Untitled conversation", 5000),
            ("Twin", 1),
        ]
        assert _rows(
            conn, "SELECT role, content, cost, tokens_in, tokens_out, timestamp FROM messages ORDER BY seq"
        ) == [
            ("user", "", None, None, None, 5000),
            ("assistant", "hé\ufffd", 0.25, 7, 8, 5000),
            ("assistant", "who am I", -1.0, None, None, 7000),
            ("user", "a number is an id", None, None, None, 7000),
        ]
        ids = [message_id for (message_id,) in _rows(conn, "SELECT id FROM messages ORDER BY seq")]
        assert ids[0] == "m"
        assert ids[3] == "17"
        assert len(set(ids)) == 4
        assert _rows(conn, "SELECT status, created_at, total_rows FROM batch_jobs") == [("failed", NOW, 0)]
        assert _rows(conn, "SELECT row_index, status, original_data FROM batch_results ORDER BY rowid") == [
            (0, "cancelled", '{"_unreadable": "{broken"}'),
            (1, "success", None),
            (2, "error", None),
        ]
        assert ledger_sums.spent_since(conn, 0) == Decimal("0.25")


def test_rows_with_an_empty_id_can_be_asked_for_afterwards(tmp_path: Path) -> None:
    path = old_app.make(
        tmp_path / "abai.db",
        old_app.TABLES,
        """
        INSERT INTO projects VALUES ('', 'First', '', '{}', 1000, 5000);
        INSERT INTO conversations VALUES ('', '', 'Greetings', 1100, 4000);
        INSERT INTO messages VALUES ('', '', 'user', 'Hello', NULL, NULL, NULL, NULL, NULL, 2000);
        INSERT INTO batch_jobs VALUES ('', '', 'rows.csv', 'completed', 1, 1, 0, 0.5, 6000, 7000);
        INSERT INTO batch_results VALUES ('', '', 0, NULL, 'Do', 'Done', 'success', 0.5, 5, 6, 70, NULL);
        """,
    )
    with closing(_migrated(path)) as conn:
        ((project, name),) = _rows(conn, "SELECT id, name FROM projects")
        assert project != ""
        assert name == "First"
        ((conversation, home, named),) = _rows(conn, "SELECT id, project_id, name FROM conversations")
        assert conversation != ""
        assert (home, named) == (project, "Greetings")
        assert _rows(conn, "SELECT conversation_id, content FROM messages WHERE id <> ''") == [
            (conversation, "Hello")
        ]
        ((job, its),) = _rows(conn, "SELECT id, project_id FROM batch_jobs")
        assert job != ""
        assert its == project
        assert _rows(conn, "SELECT job_id, response FROM batch_results WHERE id <> ''") == [(job, "Done")]


def test_counts_and_costs_that_cannot_be_are_not_known(tmp_path: Path) -> None:
    path = old_app.make(
        tmp_path / "abai.db",
        old_app.TABLES,
        """
        INSERT INTO projects VALUES ('p1', 'First', '', '{}', 1000, 5000);
        INSERT INTO conversations VALUES ('c1', 'p1', 'Greetings', 1100, 4000);
        INSERT INTO messages
          VALUES ('m1', 'c1', 'assistant', 'Hi', 'openai', 'gpt-4o', 9e18, 9223372036854775807, 7e12, 2000);
        INSERT INTO batch_jobs VALUES ('j1', 'p1', 'rows.csv', 'completed', 1, 1, 0, 9e300, 6000, 7000);
        INSERT INTO batch_results VALUES ('r1', 'j1', 9223372036854775807, NULL, 'Do', 'Done', 'success', 9e7,
          9223372036854775807, 6, 70, NULL);
        INSERT INTO batch_results VALUES ('r2', 'j1', NULL, NULL, 'Do', 'Done', 'success', 0.5, 5, 6, 70, NULL);
        """,
    )
    with closing(_migrated(path)) as conn:
        assert _rows(conn, "SELECT cost, tokens_in, tokens_out FROM messages") == [(None, None, None)]
        assert _rows(conn, "SELECT total_cost FROM batch_jobs") == [(None,)]
        assert _rows(conn, "SELECT row_index, cost, tokens_in FROM batch_results ORDER BY id") == [
            (0, None, None),
            (1, 0.5, 5),
        ]


def test_columns_that_are_missing_and_tables_that_are_unknown_are_no_trouble(tmp_path: Path) -> None:
    script = """
    CREATE TABLE messages (conversation_id TEXT, content TEXT, mood TEXT);
    INSERT INTO messages VALUES ('c', 'only words', 'fine');
    CREATE TABLE notes (id INTEGER PRIMARY KEY, message TEXT REFERENCES messages (id), body BLOB);
    INSERT INTO notes VALUES (7, 'm', x'00ff');
    CREATE TABLE settings (anything TEXT);
    INSERT INTO settings VALUES ('of somebody else');
    CREATE INDEX messages_by_time ON notes (body);
    CREATE TABLE marks (mood TEXT REFERENCES messages (mood));
    INSERT INTO marks VALUES ('fine');
    CREATE VIEW talk AS SELECT content FROM messages;
    """
    path = old_app.make(tmp_path / "abai.db", script)
    with closing(_migrated(path)) as conn:
        assert _rows(conn, "SELECT content, role FROM messages") == [("only words", "user")]
        assert _rows(conn, "SELECT * FROM notes") == [(7, "m", b"\x00\xff")]
        assert _rows(conn, "SELECT * FROM settings_before_sidecar") == [("of somebody else",)]
        assert _rows(conn, "SELECT * FROM settings") == []
        assert _rows(conn, "SELECT * FROM marks") == [("fine",)]
        assert _rows(conn, "SELECT * FROM talk") == [("only words",)]


def test_the_words_of_old_messages_are_found(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(_migrated(path)) as conn:
        assert _rows(conn, "SELECT rowid FROM messages_fts WHERE messages_fts MATCH 'hello'") == [(1,)]


def test_of_old_messages_that_are_very_long_the_beginning_is_found_and_they_leave_the_index(
    tmp_path: Path,
) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(sqlite3.connect(path)) as conn, conn:
        for name, begin in (("long", "early"), ("zero", "early\0zero")):
            row = (name, f"{begin} {'word ' * 200_000} late")
            conn.execute(
                "INSERT INTO messages VALUES (?, 'c1', 'user', ?, NULL, NULL, NULL, NULL, NULL, 2000)", row
            )
    with closing(_migrated(path)) as conn:
        found = "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH ?"
        assert [conn.execute(found, (word,)).fetchone()[0] for word in ("early", "late")] == [2, 0]
        conn.execute("DELETE FROM messages")
        conn.execute("CREATE VIRTUAL TABLE words USING fts5vocab ('messages_fts', 'row')")
        assert _rows(conn, "SELECT * FROM words") == []


def test_a_backup_of_the_old_database_stays_beside_it(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    _migrated(path).close()
    backup = tmp_path / f"abai.db.before-v{upgrade.LATEST}-20261123T000000Z.bak"
    with closing(sqlite3.connect(backup)) as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (0,)
        assert len(_rows(conn, "SELECT * FROM messages")) == 5
    assert list(tmp_path.glob("*.partial")) == []


def test_a_new_database_needs_no_backup(tmp_path: Path) -> None:
    _migrated(tmp_path / "abai.db").close()
    assert list(tmp_path.glob("*.bak")) == []


def test_the_newest_five_backups_are_kept_and_the_one_of_the_original(tmp_path: Path) -> None:
    for day in range(1, 8):
        (tmp_path / f"abai.db.before-v{9 - day}-2026010{day}T000000Z.bak").write_bytes(b"")
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES)
    _migrated(path).close()
    kept = sorted(file.name.rsplit("-", 1)[-1][:8] for file in tmp_path.glob("*.bak"))
    assert kept == ["20260101", "20260104", "20260105", "20260106", "20260107", "20261123"]


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    _migrated(path).close()
    with closing(_migrated(path)) as conn:
        assert len(_rows(conn, "SELECT * FROM messages")) == 5
        assert len(_rows(conn, "SELECT * FROM ledger")) == 4
    assert len(list(tmp_path.glob("*.bak"))) == 1


async def _refused(path: Path, match: str) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(Failure, match=match) as caught:
            await Database.open(path, now_ms=lambda: NOW)
    assert caught.value.kind == "storage_error"
    assert str(path.parent) not in caught.value.message


async def test_a_newer_database_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, "PRAGMA user_version=99")
    before = path.read_bytes()
    await _refused(path, "newer version")
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["abai.db", "abai.db.lock"]


async def test_a_newer_version_that_stands_only_in_the_log_is_seen_too(tmp_path: Path) -> None:
    living = tmp_path / "living.db"
    with closing(sqlite3.connect(living, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("CREATE TABLE t (x)")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        conn.execute("PRAGMA user_version=99")
        # As a killed process leaves it: the log is not folded into the file.
        for ending in ("", "-wal"):
            shutil.copy(f"{living}{ending}", tmp_path / f"abai.db{ending}")
    path = tmp_path / "abai.db"
    before = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    await _refused(path, "newer version")
    assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == before


@pytest.mark.parametrize(
    "content", [b"This is not a database, it is a letter." * 50, b"x", b"SQLite format 3\x00" * 99]
)
async def test_a_file_that_is_no_database_is_refused_and_left_untouched(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "abai.db"
    path.write_bytes(content)
    await _refused(path, "database")
    assert path.read_bytes() == content


async def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "abai.db").write_bytes(b"")
    async with asyncio.timeout(60):
        database = await Database.open(tmp_path / "abai.db", now_ms=lambda: NOW)
        await database.close()


async def test_an_old_database_opens_as_the_sidecar_opens_it(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES_WITHOUT_KEYS, GARBLED, BROKEN_KEYS)
    async with asyncio.timeout(60):
        database = await Database.open(path, now_ms=lambda: NOW)
        try:
            assert await database.read(lambda conn: len(_rows(conn, "SELECT * FROM messages"))) == 8
        finally:
            await database.close()


def _steps_that_break_at(number: int) -> Sequence[upgrade.Step]:
    def half_then_break(conn: sqlite3.Connection, now_ms: int) -> None:
        upgrade.steps()[number - 1](conn, now_ms)
        raise MemoryError

    return (*upgrade.steps()[: number - 1], half_then_break)


@pytest.mark.parametrize("number", range(1, upgrade.LATEST + 1))
def test_a_migration_that_breaks_at_any_step_leaves_the_file_as_it_was(tmp_path: Path, number: int) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        before = list(conn.iterdump())
        with pytest.raises(MemoryError):
            upgrade.migrate(conn, path, NOW, pending=lambda: _steps_that_break_at(number))
        assert conn.execute("PRAGMA user_version").fetchone() == (0,)
        assert list(conn.iterdump()) == before
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    # A copy of what did not change is of no use.
    assert not list(tmp_path.glob("*.bak"))
    with closing(_migrated(path)) as conn:
        assert _schema(conn) == EXPECTED_SCHEMA.read_text(encoding="utf-8")
        assert len(_rows(conn, "SELECT * FROM ledger")) == 4


def test_without_room_for_a_backup_nothing_is_migrated(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    before = path.read_bytes()
    # A folder where the copy is to be written stands for every reason for which it cannot be.
    (tmp_path / f"abai.db.before-v{upgrade.LATEST}-20261123T000000Z.bak").mkdir()
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as conn,
        pytest.raises(Failure, match="backup copy"),
    ):
        open_database.prepare_writer(conn, path, NOW)
    assert path.read_bytes() == before


def test_a_copy_that_a_kill_cut_off_is_gone_after_the_next_start(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    (tmp_path / f"abai.db.before-v{upgrade.LATEST}-20261122T000000Z.bak.0a1b.partial").write_bytes(b"half")
    mine = tmp_path / "holiday.partial"
    mine.write_bytes(b"the person's own")
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        open_database.prepare_writer(conn, path, NOW)
    assert list(tmp_path.glob("*.partial")) == [mine]


def test_a_migration_that_nobody_waits_for_any_more_is_undone_and_works_the_next_time(tmp_path: Path) -> None:
    path = old_app.make(tmp_path / "abai.db", old_app.TABLES, old_app.GOOD_ROWS)
    with closing(sqlite3.connect(path)) as conn, conn:
        rows = ((f"many{n}", "c", "user", "hello", n) for n in range(2_000))
        conn.executemany(
            "INSERT INTO messages (id, conversation_id, role, content, timestamp) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            open_database.prepare_writer(conn, path, NOW, lambda: True)
        assert open_database.user_version(conn) < upgrade.LATEST
        assert not conn.in_transaction
        open_database.prepare_writer(conn, path, NOW)
        assert open_database.user_version(conn) == upgrade.LATEST
        assert conn.execute("SELECT count(*) FROM messages WHERE id LIKE 'many%'").fetchone() == (2_000,)
