"""What people bring along who move here from another program: each program's file with all that was said in it."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar.chat.transfer.html_text import as_text
from sidecar.chat.transfer.import_file import Found, read_file
from sidecar.chat.transfer.values import unfolded
from sidecar.errors import Failure
from tests.chat.transfer import program_files as files
from tests.chat.transfer.test_imports import TALK, said


def found(tmp_path: Path, content: Any, name: str = "export.json") -> list[Found]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    os.utime(path, (1_700_000_100, 1_700_000_100))
    return list(read_file(path))


def lines(*messages: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def zipped(**members: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("service", "content", "question", "other"),
    [
        ("openwebui", files.OPENWEBUI, "[notes.pdf]\n\nWhy?", True),
        ("openwebui", [files.OPENWEBUI[0]["chat"]], "[notes.pdf]\n\nWhy?", True),
        ("librechat", files.LIBRECHAT, "[notes.pdf]\n\nWhy?", True),
        ("librechat", files.LIBRECHAT_FLAT, "[notes.pdf]\n\nWhy?", True),
        ("betterchatgpt", files.BETTERCHATGPT, "Why?\n\n[image]", False),
        ("typingmind", files.TYPINGMIND, "Why?\n\n[image]", False),
        ("typingmind", files.TYPINGMIND["data"]["chats"][0], "Why?\n\n[image]", False),
        ("nextchat", files.NEXTCHAT, "Why?\n\n[image]", False),
        ("chatbox", files.CHATBOX, "Why?", True),
        ("cherrystudio", files.CHERRYSTUDIO, "Why?", True),
        ("lmstudio", files.LMSTUDIO, "Why?", True),
        ("jan", lines(*files.JAN), "Why?", False),
    ],
)
def test_the_shown_branch_comes_with_its_models_thinking_and_other_answers(
    tmp_path: Path, service: str, content: Any, question: str, other: bool
) -> None:
    every = found(tmp_path, content)
    [taken] = [one for each in every for one in each.conversations if one.messages[0].text != "Hello"]

    assert {each.service for each in every} == {service}
    answer = taken.messages[1]
    versions = [("assistant", "No idea.", answer.key)] if other else []
    assert said(taken) == [("user", question, None), ("assistant", "Rayleigh.", None), *versions]
    assert answer.thinking == "Hm.\n1 < 2"
    assert answer.model == (None if service == "jan" else "deepseek-r1")
    assert taken.name == ("" if service == "jan" else "Sky")


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (files.OPENWEBUI, (1_700_000_000, 1_700_000_001, 1_700_000_005)),
        (files.LIBRECHAT, (1_700_000_001, 1_700_000_001, 1_700_000_005)),
        (files.CHERRYSTUDIO, (1_700_000_001, 1_700_000_001, 1_700_000_005)),
        (files.TYPINGMIND, (1_700_000_000, 1_700_000_001, 1_700_000_002)),
        (files.NEXTCHAT, (1_700_000_001, 1_700_000_001, 1_700_000_001)),
        (lines(*files.JAN), (1_700_000_001, 1_700_000_001, 1_700_000_005)),
        (files.LMSTUDIO, (1_700_000_000, 1_700_000_000, 1_700_000_000)),
        # It has no times: they are those of the file.
        (files.BETTERCHATGPT, (1_700_000_100, 1_700_000_100, 1_700_000_100)),
    ],
)
def test_it_is_known_when_something_was_said(
    tmp_path: Path, content: Any, seconds: tuple[int, int, int]
) -> None:
    [taken] = [one for each in found(tmp_path, content) for one in each.conversations]
    assert (taken.created_at, *(each.at for each in taken.messages[:2])) == tuple(1000 * at for at in seconds)


def test_earlier_threads_of_chatbox_are_conversations_of_their_own(tmp_path: Path) -> None:
    taken = [one for each in found(tmp_path, files.CHATBOX) for one in each.conversations]
    assert [(each.key, each.name, len(each.messages)) for each in taken] == [
        ("th1", "Sky (Before)", 2),
        ("s1", "Sky", 3),
    ]


def test_an_empty_topic_is_told_and_the_others_are_taken(tmp_path: Path) -> None:
    problems = [each.problem for each in found(tmp_path, files.CHERRYSTUDIO)]
    assert problems == [None, "It was left out: nothing was said in it."]


def test_questions_to_gemini_become_a_conversation_a_day(tmp_path: Path) -> None:
    last, first, search = found(tmp_path, files.GEMINI, "MyActivity.json")
    assert search.problem == "It was left out: no question to Gemini is in what happened on this day."
    assert said(last.conversations[0]) == [
        ("user", "And red?", None),
        ("assistant", "The **longer** way.", None),
    ]
    [taken] = first.conversations
    assert (taken.name, taken.created_at) == ("Gemini 2023-11-14", 1_699_999_800_000)
    assert said(taken) == [
        ("user", "Hello", None),
        ("user", "Why?", None),
        ("assistant", "### Rayleigh\n\n- Blue & short\n- `1 < 2`\n\n```\na\n  b\n```", None),
    ]


def test_a_file_that_was_handed_to_gemini_keeps_its_name(tmp_path: Path) -> None:
    asked = {**files.GEMINI[0], "attachedFiles": ["sky.png", 7], "imageFile": "red.jpg"}
    [day] = found(tmp_path, [asked], "MyActivity.json")
    assert said(day.conversations[0])[0] == ("user", "[sky.png]\n\n[red.jpg]\n\nAnd red?", None)


@pytest.mark.parametrize(
    ("members", "services"),
    [
        ({"Takeout/My Activity/Gemini Apps/MyActivity.json": files.GEMINI}, {"gemini"}),
        ({"data.json": files.CHERRYSTUDIO, "Data/Files/custom.json": {"a": 1}}, {"cherrystudio"}),
        ({"a.conversation.json": files.LMSTUDIO, "b.conversation.json": files.LMSTUDIO}, {"lmstudio"}),
        (
            {
                "threads/j1/thread.json": {"id": "j1", "object": "thread"},
                "threads/j1/messages.jsonl": lines(*files.JAN),
                "odd.json": b"not JSON",
                "list.json": [1, 2],
            },
            {"jan"},
        ),
    ],
)
def test_an_archive_may_hold_other_files_beside_the_conversations(
    tmp_path: Path, members: dict[str, Any], services: set[str]
) -> None:
    every = found(tmp_path, zipped(**members), "backup.zip")
    assert {each.service for each in every} == services
    assert any(each.conversations for each in every)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'<html><div class="mdl-grid">Gemini Apps Prompted Why?</div></html>', "choose JSON"),
        (zipped(**{"Takeout/My Activity/Gemini Apps/MyActivity.html": b"<html>"}), "choose JSON"),
        ({"data": {"chats": "none"}}, "Open WebUI"),
        ([{"role": "user", "content": "Hi"}], "no file of conversations"),
        ({"chats": [{"title": "x"}]}, "no file of conversations"),
        (lines({"object": "thread.message", "role": "user"}, {"role": "user"}), "no file of conversations"),
        # Made by the test itself: every process of a run that only gathers it would hold them.
        (lambda: b'{"id": "' + b"x" * (64 * 1024 * 1024) + b'"}', "more than 64 MB"),
        (lambda: b'{"a": [' + b"[]," * 4_000_000 + b"[]]}", "more pieces"),
    ],
)
def test_what_cannot_be_taken_over_is_refused_with_what_to_do(
    tmp_path: Path, content: Any, words: str
) -> None:
    with pytest.raises(Failure, match=words) as caught:
        found(tmp_path, content() if callable(content) else content)
    assert caught.value.kind == "invalid_params"


ODD: list[Any] = [None, 1, "x", [], {}, [None], {"id": []}, 10**30, 1e300, True]
OWN = {
    "id": "talk",
    "projectId": "p",
    "name": "Sky",
    "createdAt": 1_700_000_000_000,
    "messages": [
        {
            "id": "q",
            "turnId": "q",
            "role": "user",
            "content": "Why?",
            "timestamp": 1_700_000_000_000,
            "earlier": [{"id": "p", "turnId": "q", "role": "user", "content": "Y?", "timestamp": 1}],
        },
        {"id": "a", "turnId": "q", "role": "assistant", "content": "So.", "timestamp": 1, "cost": 0.1},
    ],
}
JAN = {"thread.messages": files.JAN}
CLAUDE = {
    "uuid": "talk",
    "name": "Sky",
    "created_at": "2024-05-01T10:00:00Z",
    "chat_messages": [
        {
            "uuid": "q",
            "sender": "human",
            "text": "Why?",
            "created_at": "2024-05-01T10:00:01Z",
            "attachments": [{"file_name": "notes.txt", "extracted_content": "Blue."}],
            "files": [{"file_name": "sky.png"}],
        },
        {
            "uuid": "a",
            "sender": "assistant",
            "parent_message_uuid": "q",
            "content": [{"type": "text", "text": "So."}, {"type": "thinking", "thinking": "Hm."}],
        },
    ],
}


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_values_end_nothing(tmp_path: Path, odd: Any) -> None:
    """Each member of each file is replaced by what nobody expects there: it is read, told or refused."""
    whole = (files.OPENWEBUI, files.LIBRECHAT, files.BETTERCHATGPT, files.TYPINGMIND, files.NEXTCHAT)
    for content in (
        *whole,
        files.CHATBOX,
        files.CHERRYSTUDIO,
        files.LMSTUDIO,
        files.GEMINI,
        JAN,
        TALK,
        CLAUDE,
        OWN,
    ):
        for changed in _changed(content, odd):
            with suppress(Failure):
                found(tmp_path, changed)


def _changed(value: Any, odd: Any) -> list[Any]:
    """The value with one of its members replaced, for each of them."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    made: list[Any] = []
    for key, member in inside:
        for other in (odd, *_changed(member, odd)):
            copy = value.copy()
            copy[key] = other
            made.append(copy)
    return made


def test_thinking_that_never_ends_stays_what_was_said() -> None:
    for text in ("<think>Hm.", '<details type="reasoning">Hm.', '<details type="reasoning"' * 50_000):
        assert unfolded(text) == (text, "")


def test_a_page_without_ends_is_read() -> None:
    assert as_text("<p>One<br>two <script>x()</script><b>three") == "One\ntwo **three"


@pytest.mark.parametrize(
    "piece", ["<a ", '<a b="', "<a b='c' ", "<!--", "<!-- >", "</p", "<script>", "<", "<![CDATA["]
)
@pytest.mark.parametrize("tail", ["", ">", "'>"])
def test_a_page_of_tags_without_ends_takes_no_time(piece: str, tail: str) -> None:
    begun = time.process_time()
    as_text(piece * 100_000 + tail)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('a <img alt="1 > 0"> b', "a  b"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<!doctype html><!-- <p> --><p>One &amp; &lt;two&gt;", "One & <two>"),
        ("<script>if (a<b) { x('</p>') }</script>seen", "seen"),
        ("<b>bold", "**bold"),
        ("cut in a <a href=", "cut in a <a href="),
        ('an odd <a href="x>quote', "an odd quote"),
        ("a</>b<?php x ?>c", "abc"),
    ],
)
def test_the_words_of_a_page_are_what_a_person_reads(html: str, text: str) -> None:
    assert as_text(html) == text
