from __future__ import annotations

import json
import sqlite3
from decimal import Decimal

import pytest

from sidecar.errors import Failure
from sidecar.store import conversations, kv, ledger, messages, projects, settings
from sidecar.store.records import Conversation, LedgerEntry, Message, Project
from tests.store.clock import NOW


def _message(message_id: str, conversation_id: str = "c", *, at: int = NOW, content: str = "text") -> Message:
    return Message(message_id, conversation_id, message_id, "user", content, at)


@pytest.fixture
def home(conn: sqlite3.Connection) -> sqlite3.Connection:
    projects.create(conn, "p", "Project", now=NOW)
    conversations.create(conn, "p", "Conversation", "c", NOW)
    return conn


def test_a_project_comes_back_as_it_was_made(conn: sqlite3.Connection) -> None:
    made = projects.create(conn, "p", "Név", now=NOW, description="d", settings={"a": [1, None, "é"]})
    assert made == Project("p", "Név", "d", {"a": [1, None, "é"]}, NOW, NOW)
    assert projects.get(conn, "p") == made
    assert projects.get(conn, "q") is None


def test_projects_are_listed_last_used_first(conn: sqlite3.Connection) -> None:
    for number, name in enumerate("abc"):
        projects.create(conn, name, name, now=NOW + number)
    touched = projects.touch(conn, "a", NOW + 9)
    assert touched is not None
    assert touched.last_used == NOW + 9
    assert [project.id for project in projects.list_all(conn)] == ["a", "c", "b"]


def test_a_clock_that_was_set_back_does_not_make_anything_older(home: sqlite3.Connection) -> None:
    project, conversation = projects.touch(home, "p", NOW - 1), conversations.touch(home, "c", NOW - 1)
    assert project is not None
    assert conversation is not None
    assert (project.last_used, conversation.last_used) == (NOW, NOW)
    assert projects.touch(home, "none", NOW) is None
    assert conversations.touch(home, "none", NOW) is None


def test_an_update_changes_only_what_it_names(conn: sqlite3.Connection) -> None:
    projects.create(conn, "p", "Old", now=NOW, description="d", settings={"a": 1, "b": 2})
    changed = projects.update(conn, "p", settings={"a": 3})
    assert changed == Project("p", "Old", "d", {"a": 3}, NOW, NOW)
    changed = projects.update(conn, "p", name="New", description="")
    assert changed == Project("p", "New", "", {"a": 3}, NOW, NOW)
    assert projects.update(conn, "none", name="x") is None


def test_deleting_a_project_takes_everything_below_it_but_the_ledger(home: sqlite3.Connection) -> None:
    messages.insert(home, _message("m", content="findme"))
    home.execute(
        "INSERT INTO batch_jobs (id, project_id, status, created_at) VALUES ('j', 'p', 'completed', 1)"
    )
    home.execute("INSERT INTO batch_results (id, job_id, row_index, status) VALUES ('r', 'j', 0, 'success')")
    ledger.intent(home, LedgerEntry("l", NOW, "chat", project_id="p", conversation_id="c"))
    assert projects.delete(home, "p")
    for table in ("projects", "conversations", "messages", "batch_jobs", "batch_results"):
        assert home.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert home.execute("SELECT count(*) FROM messages_fts WHERE messages_fts MATCH 'findme'").fetchone() == (
        0,
    )
    assert ledger.get(home, "l") is not None
    assert not projects.delete(home, "p")


def test_a_conversation_can_be_renamed_and_deleted(home: sqlite3.Connection) -> None:
    messages.insert(home, _message("m"))
    assert conversations.rename(home, "c", "Other") == Conversation("c", "p", "Other", NOW, NOW)
    assert conversations.rename(home, "none", "Other") is None
    assert conversations.delete(home, "c")
    assert not conversations.delete(home, "c")
    assert messages.get(home, "m") is None


def test_a_conversation_needs_its_project(conn: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        conversations.create(conn, "none", "n", "c", NOW)


def test_a_message_comes_back_as_it_was_stored(home: sqlite3.Connection) -> None:
    message = Message(
        "m",
        "c",
        "t",
        "assistant",
        "Ünï\x00code 🙂",
        NOW,
        provider="openai",
        model="openai/gpt",
        cost_usd=Decimal("0.000123456789"),
        tokens_in=1,
        tokens_out=2,
        thinking="hm",
        citations=({"url": "https://example.org", "title": "T"},),
        finish_reason="stop",
    )
    assert messages.insert(home, message) == message
    assert messages.get(home, "m") == message
    assert messages.list_page(home, "c") == [message]


def test_half_a_surrogate_pair_is_stored_as_a_replacement(home: sqlite3.Connection) -> None:
    stored = messages.insert(home, _message("m", content="a\ud83d\ude42b\ud83dc"))
    assert stored.content == "a🙂b\ufffdc"
    assert messages.get(home, "m") == stored


def test_a_message_is_never_earlier_than_those_before_it(home: sqlite3.Connection) -> None:
    messages.insert(home, _message("first", at=NOW))
    assert messages.insert(home, _message("second", at=NOW - 5_000)).timestamp == NOW
    assert [message.id for message in messages.list_page(home, "c")] == ["first", "second"]


def test_a_page_of_messages_is_the_newest_ones_oldest_first(home: sqlite3.Connection) -> None:
    for number in range(5):
        messages.insert(home, _message(str(number)))
    assert [message.id for message in messages.list_page(home, "c", 2)] == ["3", "4"]
    assert [message.id for message in messages.list_page(home, "c", 2, "3")] == ["1", "2"]
    assert [message.id for message in messages.list_page(home, "c", None, "2")] == ["0", "1"]
    assert messages.list_page(home, "c", 0) == []
    assert messages.list_page(home, "none", 5) == []


def test_a_page_before_a_message_of_another_conversation_is_refused(home: sqlite3.Connection) -> None:
    conversations.create(home, "p", "Other", "other", NOW)
    messages.insert(home, _message("elsewhere", "other"))
    for before in ("elsewhere", "none"):
        with pytest.raises(Failure) as caught:
            messages.list_page(home, "c", 5, before)
        assert caught.value.kind == "not_found"


def test_the_newest_turn_is_the_users_last_message(home: sqlite3.Connection) -> None:
    assert messages.newest_turn(home, "c") is None
    messages.insert(home, _message("one"))
    messages.insert(home, _message("two"))
    messages.insert(home, Message("answer", "c", "one", "assistant", "a", NOW))
    assert messages.newest_turn(home, "c") == "two"


def test_settings_are_json_and_the_last_one_wins(conn: sqlite3.Connection) -> None:
    settings.save(conn, "a", json.dumps(1), NOW)
    settings.save(conn, "a", json.dumps(None), NOW + 1)
    settings.save(conn, "b", json.dumps({"x": "é"}), NOW)
    assert settings.load_all(conn) == {"a": "null", "b": '{"x": "\\u00e9"}'}
    assert settings.delete(conn, "a")
    assert not settings.delete(conn, "a")
    with pytest.raises(sqlite3.IntegrityError):
        settings.save(conn, "c", "{broken", NOW)


def test_state_is_remembered_and_forgotten(conn: sqlite3.Connection) -> None:
    assert kv.get(conn, "project") is None
    kv.put(conn, "project", "p")
    kv.put(conn, "project", "q")
    assert kv.get(conn, "project") == "q"
    kv.put(conn, "project", None)
    assert kv.get(conn, "project") is None
