"""Histories of services and programs whose files are no trees of ours: whose it was, and what was said, in order."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sidecar.chat.transfer.grok import MARK
from sidecar.chat.transfer.speakers import role_of
from sidecar.chat.transfer.transcript import conversation_in
from sidecar.errors import Failure
from tests.chat.transfer import more_program_files as files
from tests.chat.transfer.test_imports import said
from tests.chat.transfer.test_programs import ODD, _changed, found, zipped

TREES = {
    "grok": (files.GROK, "grok-4"),
    "deepseek": (files.DEEPSEEK, "deepseek-reasoner"),
    "deepseek, before": (files.DEEPSEEK_OLDER, "deepseek-reasoner"),
    "deepseek, a page": (files.DEEPSEEK_PAGE, "deepseek-reasoner"),
    "lobechat": (files.LOBECHAT, "deepseek-r1"),
    "lobechat, tables": (files.LOBECHAT_TABLES, "deepseek-r1"),
    "sillytavern": (files.lines(files.SILLYTAVERN), "deepseek-r1"),
    "other, a tree": (files.LLAMACPP, "deepseek-r1"),
}
PAIRS: dict[str, Any] = {
    "lechat": files.LECHAT,
    "other, questions with answers": files.ANYTHINGLLM,
    "other, fragments": files.BIGAGI,
    "other, several": {"conversations": [files.BIGAGI], "models": {}},
    "other, from and value": files.SHAREGPT,
    "other, prompts and responses": files.EXPORTERS,
    "other, messages alone": files.PLAIN,
    "other, a line each": files.lines([{"messages": files.PLAIN}]),
    "other, a table": files.ANYTHINGLLM_TABLE.encode(),
}


@pytest.mark.parametrize("case", TREES)
def test_other_answers_models_and_thinking_come_along(tmp_path: Path, case: str) -> None:
    content, model = TREES[case]
    every = found(tmp_path, content)
    [taken] = [one for each in every for one in each.conversations if one.messages[0].text != "Hello"]
    question, answer, other = taken.messages

    assert {each.service for each in every} == {case.partition(",")[0]}
    assert taken.name == "Sky"
    assert question.text.removeprefix("[notes.pdf]\n\n") == "Why?"
    assert (answer.text, answer.thinking, answer.model) == ("Rayleigh.", "Hm.\n1 < 2", model)
    assert (other.text, other.version_of) == ("No idea.", answer.key)
    assert 1_700_000_000_000 <= taken.created_at <= question.at <= answer.at < 1_700_000_010_000


@pytest.mark.parametrize("case", PAIRS)
def test_a_question_and_its_answer_come_in_order(tmp_path: Path, case: str) -> None:
    every = found(tmp_path, PAIRS[case])
    talks = [one for each in every for one in each.conversations if one.messages[0].text != "Hello"]

    assert {each.service for each in every} == {case.partition(",")[0]}
    [question, answer] = said(talks[0])
    assert (question[0], question[1].removeprefix("[notes.pdf]\n\n")) == ("user", "Why?")
    assert answer == ("assistant", "Rayleigh.", None)


def test_the_table_of_copilot_has_the_newest_first_and_comes_in_order(tmp_path: Path) -> None:
    taken = [one for each in found(tmp_path, files.COPILOT.encode(), "a.csv") for one in each.conversations]
    assert [(each.name, said(each)) for each in taken] == [
        ("Sky", [("user", "Why?", None), ("assistant", 'Rayleigh, "who" else?', None)]),
        ("Before", [("user", "Hello", None), ("assistant", "Hi", None)]),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_grok_s_messages_in_the_archive_of_x_come_by_their_chats_and_in_order(
    tmp_path: Path, packed: bool
) -> None:
    def item(chat: str, sender: str, message: str, second: int, **more: Any) -> dict[str, Any]:
        who = {"value": "1", "name": sender.title(), "originalName": sender}
        at = f"2025-10-23T13:11:{second:02}.692Z"
        return {MARK: {"chatId": chat, "createdAt": at, "sender": who, "message": message, **more}}

    items = [
        item("2", "AGENT", "Hi", 9),
        item("1", "AGENT", "Rayleigh.", 7, postIds=["1"]),
        item("2", "USER", "Hello", 9, attachments=[{"fileName": "notes.pdf"}]),
        item("1", "USER", "Why?", 5),
    ]
    script = f"window.YTD.grok_chat_item.part0 = {json.dumps(items, indent=2)}".encode()
    other = b"window.YTD.tweets.part0 = [ ]"
    content = zipped(**{"data/grok-chat-item.js": script, "data/tweets.js": other}) if packed else script
    taken = {
        one.name or one.messages[0].text: one
        for each in found(tmp_path, content)
        for one in each.conversations
    }
    assert [said(one) for one in taken.values()] == [
        [("user", "[notes.pdf]\n\nHello", None), ("assistant", "Hi", None)],
        [("user", "Why?", None), ("assistant", "Rayleigh.", None)],
    ]


@pytest.mark.parametrize("case", files.PAGES)
def test_a_page_for_reading_is_a_conversation(tmp_path: Path, case: str) -> None:
    [one] = found(tmp_path, files.PAGES[case].encode(), "Sky.md")
    [taken] = one.conversations
    [(asked, question, _), answer] = said(taken)
    assert (asked, question.removeprefix("14/11/2023, 22:13:21\n\n")) == ("user", "Why?")
    assert answer == ("assistant", "Rayleigh.", None)
    assert taken.name == ("Sky" if "Sky" in files.PAGES[case] else "")


def test_headings_in_an_answer_and_names_in_code_are_no_speakers() -> None:
    answer = "### User\n\n## Claude Shannon\n\n```\n## You\n```\n**User:** no"
    taken = conversation_in(f"## You\n\nWhy?\n\n## Claude\n\n{answer}\n\n## You\n\nThanks")
    assert taken is not None
    [said_once] = [value for value in taken.values() if isinstance(value, list)]
    assert [each["content"] for each in said_once] == ["Why?", answer, "Thanks"]


@pytest.mark.parametrize("text", ["# A list\n\n- one\n", "**You:** Hi", "Note: this\nAnswer: that\n", ""])
def test_a_text_in_which_no_two_speak_is_no_conversation(text: str) -> None:
    assert conversation_in(text) is None


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("🧑‍💻 User", "user"),
        ("You said", "user"),
        ("User (gpt-4o)", "user"),
        ("Claude Sonnet 4.5", "assistant"),
        ("gpt-4o-mini", "assistant"),
        ("LLaMA 3.1 70B", "assistant"),
        ("Claude Shannon", None),
        ("AI safety", None),
        ("Prompt engineering", None),
        ("system", None),
    ],
)
def test_a_name_says_who_speaks_and_a_chapter_does_not(name: str, role: str | None) -> None:
    assert role_of(name) == role


def test_an_archive_of_pages_or_of_chats_is_taken_file_by_file(tmp_path: Path) -> None:
    pages = zipped(
        **{"a.md": files.PAGES["bold"].encode(), "b.md": files.PAGES["words"].encode(), "c.md": b"#"}
    )
    assert [len(each.conversations) for each in found(tmp_path, pages, "pages.zip")] == [1, 1]
    chats = zipped(**{"chat-1.json": files.LECHAT, "chat-2.json": files.LECHAT, "user.json": {"id": 1}})
    assert [each.service for each in found(tmp_path, chats, "chats.zip")] == ["lechat", "lechat"]


@pytest.mark.parametrize("content", [b'\xb9\xe9\r"text"', b"role,content\nuser," + b"x" * (17 << 20) + b"\n"])
def test_a_table_that_cannot_be_read_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Failure, match="no file of conversations"):
        found(tmp_path, content)


def test_two_messages_with_one_id_are_both_kept(tmp_path: Path) -> None:
    twice = [{**each, "id": 1} for each in files.PLAIN]
    [one] = found(tmp_path, {"messages": twice})
    assert [text for _, text, _ in said(one.conversations[0])] == ["Why?", "Rayleigh."]


@pytest.mark.parametrize(
    "content", [[{"prompt": "Why?"}], [{"role": "user", "content": "Why?"}], {"rows": []}]
)
def test_a_list_of_prompts_is_no_conversation(tmp_path: Path, content: Any) -> None:
    with pytest.raises(Failure, match="no file of conversations"):
        found(tmp_path, content)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_values_end_nothing(tmp_path: Path, odd: Any) -> None:
    contents = [content for content, _ in TREES.values()] + list(PAIRS.values())
    for content in contents:
        value = content if not isinstance(content, bytes) else None
        for changed in () if value is None else _changed(value, odd):
            with suppress(Failure):
                found(tmp_path, changed)
    for lines in (files.SILLYTAVERN, [{"messages": files.PLAIN}]):
        for changed in _changed(lines, odd):
            with suppress(Failure):
                found(tmp_path, b"".join(json.dumps(each).encode() + b"\n" for each in changed))


@pytest.mark.parametrize(
    "piece", ["> ", "**", "# ", "**a:** ", "`", "- (", "User: ", "<details><summary>Thinking</summary>"]
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_page_of_marks_without_ends_takes_no_time(piece: str, end: str) -> None:
    begun = time.process_time()
    conversation_in(f"# User\n{(piece + end) * 100_000}\n# Assistant\n{(piece + end) * 100_000}")
    assert time.process_time() - begun < 5
