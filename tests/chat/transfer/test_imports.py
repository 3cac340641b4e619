"""What other chat services export, as trees with all that was asked again, and what becomes of it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sidecar.chat.transfer import chatgpt, claude
from sidecar.chat.transfer.import_file import read_file
from sidecar.chat.transfer.message_tree import TakenConversation
from sidecar.errors import Failure


def gpt(key: str, parent: str | None, role: str = "", *parts: Any, **more: Any) -> dict[str, Any]:
    """A node of ChatGPT's tree; without a role one of its joints."""
    if not role:
        return {"id": key, "parent": parent, "message": None, "children": []}
    message = {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": list(parts)},
        "create_time": more.pop("at", 1_700_000_000.25),
        "recipient": more.pop("recipient", "all"),
        "metadata": more.pop("metadata", {}),
        **more,
    }
    return {"id": key, "parent": parent, "message": message, "children": []}


def tree(*nodes: dict[str, Any], leaf: str, title: str | None = "Sky") -> dict[str, Any]:
    mapping = {node["id"]: node for node in nodes}
    return {
        "title": title,
        "create_time": 1_700_000_000,
        "current_node": leaf,
        "mapping": mapping,
        "id": "talk",
    }


def said(conversation: TakenConversation) -> list[tuple[str, str, str | None]]:
    return [(each.role, each.text, each.version_of) for each in conversation.messages]


START = (
    gpt("root", None),
    gpt("hidden", "root", "system", "", metadata={"is_visually_hidden_from_conversation": True}),
)
SLUG = {"model_slug": "gpt-4o"}


def test_a_plain_conversation_of_chatgpt_keeps_words_times_and_models() -> None:
    value = tree(
        *START,
        gpt("q", "hidden", "user", "Why is the sky blue?"),
        gpt("a", "q", "assistant", "Rayleigh.", metadata=SLUG, at=1_700_000_009.5),
        leaf="a",
    )
    [taken] = chatgpt.read(value)

    assert (taken.key, taken.name, taken.created_at) == ("talk", "Sky", 1_700_000_000_000)
    question, answer = taken.messages
    assert (question.role, question.text, question.at) == ("user", "Why is the sky blue?", 1_700_000_000_250)
    assert (answer.turn, answer.text, answer.model) == ("q", "Rayleigh.", "openai/gpt-4o")
    assert answer.at == 1_700_000_009_500


def test_an_answer_with_tools_in_between_is_one_and_what_it_thought_stands_apart() -> None:
    value = tree(
        *START,
        gpt("q", "hidden", "user", "Look it up."),
        gpt(
            "t",
            "q",
            "assistant",
            metadata=SLUG,
            content={"content_type": "thoughts", "thoughts": [{"content": "Hm."}]},
        ),
        gpt("c", "t", "assistant", "search('sky')", recipient="browser"),
        gpt("r", "c", "tool", "a page"),
        gpt("a", "r", "assistant", "First."),
        gpt("b", "a", "assistant", "Second.", metadata=SLUG),
        leaf="b",
    )
    [taken] = chatgpt.read(value)

    assert said(taken) == [("user", "Look it up.", None), ("assistant", "First.\n\nSecond.", None)]
    assert taken.messages[1].thinking == "Hm."
    assert taken.messages[1].model == "openai/gpt-4o"


def test_other_answers_are_versions_and_longer_branches_conversations_of_their_own() -> None:
    value = tree(
        *START,
        gpt("q", "hidden", "user", "Why?"),
        gpt("old", "q", "assistant", "No idea."),
        gpt("a", "q", "assistant", "Rayleigh."),
        gpt("edited", "a", "user", "And red?"),
        gpt("q2", "a", "user", "And sunsets?"),
        gpt("a2", "q2", "assistant", "Longer way."),
        gpt("other", "old", "user", "Guess!"),
        gpt("other answer", "other", "assistant", "Blue light."),
        leaf="a2",
    )
    main, branch = chatgpt.read(value)

    assert said(main) == [
        ("user", "Why?", None),
        ("assistant", "Rayleigh.", None),
        ("user", "And sunsets?", None),
        ("assistant", "Longer way.", None),
        ("user", "And red?", "q2"),
    ]
    assert branch.name == "Sky (branch 2)"
    assert [text for _, text, _ in said(branch)] == ["Why?", "No idea.", "Guess!", "Blue light."]


def test_pictures_leave_their_place() -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
    value = tree(*START, gpt("q", "hidden", "user", picture, "What is this?"), leaf="q")
    [taken] = chatgpt.read(value)

    assert taken.messages[0].text == "[image]\n\nWhat is this?"


def test_a_circle_and_odd_values_end_nothing() -> None:
    one = gpt("one", "two", "user", "Hello", at="yesterday")
    two = gpt("two", "one", "assistant", None, {"odd": 1}, "Hi", metadata=[])
    value = {"mapping": {"one": one, "two": two, "three": 3}, "current_node": 7, "create_time": float("inf")}
    [taken] = chatgpt.read(value)

    assert {text for _, text, _ in said(taken)} <= {"Hello", "Hi"}


def test_a_conversation_of_claude_in_the_old_and_the_new_form() -> None:
    old = {
        "uuid": "talk",
        "name": "Sky",
        "created_at": "2024-05-01T10:00:00.000000Z",
        "chat_messages": [
            {"uuid": "q", "sender": "human", "text": "Why?", "created_at": "2024-05-01T10:00:01Z"},
            {"uuid": "a", "sender": "assistant", "text": "Rayleigh.", "created_at": "2024-05-01T10:00:05Z"},
        ],
    }
    new: dict[str, Any] = json.loads(json.dumps(old))
    for number, (message, parent) in enumerate(
        zip(new["chat_messages"], ("00000000-0000-4000-8000-000000000000", "q"), strict=True)
    ):
        message["parent_message_uuid"] = parent
        message["content"] = [{"type": "text", "text": message["text"]}, {"type": "tool_use", "name": "x"}]
        message["text"] = f"ignored {number}"
    new["chat_messages"][0]["attachments"] = [{"file_name": "notes.txt", "extracted_content": "Blue."}]
    new["chat_messages"][1]["content"].insert(0, {"type": "thinking", "thinking": "Hm."})
    again = {**new["chat_messages"][1], "uuid": "b", "content": [{"type": "text", "text": "Scattering."}]}
    new["chat_messages"].append(again)
    new["current_leaf_message_uuid"] = "b"

    [taken] = claude.read(old)
    assert said(taken) == [("user", "Why?", None), ("assistant", "Rayleigh.", None)]
    assert taken.messages[1].at == 1_714_557_605_000
    [taken] = claude.read(new)
    assert said(taken) == [
        ("user", "Why?\n\n[notes.txt]\n\nBlue.", None),
        ("assistant", "Scattering.", None),
        ("assistant", "Rayleigh.", "b"),
    ]
    assert taken.messages[2].thinking == "Hm."


def test_a_question_to_claude_with_a_file_keeps_its_words_where_an_old_file_has_no_blocks() -> None:
    question = {"uuid": "q", "sender": "human", "text": "Sum it up", "created_at": "2024-05-01T10:00:01Z"}
    question["attachments"] = [{"file_name": "notes.txt", "extracted_content": "Blue."}]  # type: ignore[assignment]
    [taken] = claude.read({"uuid": "talk", "name": "Sky", "chat_messages": [question]})
    assert said(taken) == [("user", "Sum it up\n\n[notes.txt]\n\nBlue.", None)]


def test_what_claude_wrote_beside_a_conversation_and_heard_spoken_comes_along() -> None:
    page = {"command": "create", "title": "Sky", "content": "Use ```x``` so"}
    content = [
        {"type": "text", "text": "Here:"},
        {"type": "tool_use", "name": "artifacts", "input": page},
        {"type": "tool_result", "name": "artifacts", "content": [{"type": "text", "text": "OK"}]},
        {"type": "tool_use", "name": "create_file", "input": {"path": "/tmp/a.py", "file_text": "1\n"}},
        {"type": "tool_use", "name": "web_search", "input": {"query": "sky"}},
        {"type": "voice_note", "title": "v", "text": "Spoken."},
    ]
    answer = {"uuid": "a", "sender": "assistant", "text": "no", "content": content}
    [taken] = claude.read({"uuid": "talk", "name": "Sky", "chat_messages": [answer]})
    told = "Here:\n\n[Sky]\n\n````\nUse ```x``` so\n````\n\n[a.py]\n\n```\n1\n```\n\nSpoken."
    assert said(taken) == [("assistant", told, None)]


TALK = tree(*START, gpt("q", "hidden", "user", "Why?"), gpt("a", "q", "assistant", "So."), leaf="a")


def test_a_zip_file_is_opened_and_an_empty_conversation_is_told(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/conversations.json", json.dumps([TALK, tree(*START, leaf="root")]))
        archive.writestr("export/user.json", "{}")
    path = tmp_path / "export.zip"
    path.write_bytes(packed.getvalue())
    first, second = read_file(path)

    assert [first.number, first.service, len(first.conversations)] == [1, "chatgpt", 1]
    assert second.problem == "It was left out: nothing was said in it."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[1, 2]", "no file of conversations"),
        (b'[{"title": "x"}]', "no file of conversations"),
        (b"PK\x03\x04 broken", "damaged"),
        (json.dumps([TALK]).encode()[:-40], "not valid JSON"),
        (b'{"rows": []}', "no file of conversations"),
        (b"<html>chat</html>", "no file of conversations"),
        (b"**You:** Hi", "no file of conversations"),
        (b"", "no file of conversations"),
        (json.dumps([TALK]).encode() + b"{}", "cannot be read to its end"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "conversations.json"
    path.write_bytes(content)
    with pytest.raises(Failure, match=words) as caught:
        list(read_file(path))
    assert caught.value.kind == "invalid_params"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps([TALK]).encode())
    assert [found.service for found in read_file(path)] == ["chatgpt"]
