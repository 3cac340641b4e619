"""Histories in shapes that list no messages: pages, logs, candidates, pairs; and files that are packed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.chat.transfer.speakers import model_of
from sidecar.chat.transfer.transcript import conversation_in
from sidecar.errors import Failure
from tests.chat.transfer import more_program_files as files
from tests.chat.transfer.test_imports import said
from tests.chat.transfer.test_programs import found

AT = "2023-11-14T22:13:2"
STUDIO = {
    "runSettings": {"model": "models/gemini-2.5-pro"},
    "chunkedPrompt": {
        "chunks": [
            {"text": "", "role": "user", "driveDocument": {"id": "x"}},
            {"text": "Why?", "role": "user"},
            {"text": "Hm.", "role": "model", "isThought": True},
            {"text": "Rayleigh.", "role": "model"},
        ]
    },
}


def candidate(key: str, text: str) -> dict[str, str]:
    return {"candidate_id": key, "raw_content": text}


TURNS = {
    "chat_id": "c",
    "turns": [
        {
            "create_time": f"{AT}5Z",
            "author": {"name": "Ada"},
            "candidates": [candidate("a", "No idea."), candidate("b", "Rayleigh.")],
            "primary_candidate_id": "b",
        },
        {"create_time": f"{AT}1Z", "author": {"is_human": True}, "candidates": [candidate("q", "Why?")]},
    ],
}
HISTORIES = {
    "info": {"character": {"name": "Ada"}},
    "histories": {
        "histories": [
            {
                "external_id": "h",
                "msgs": [
                    {"src": {"is_human": True, "name": "me"}, "text": "Why?", "created": f"{AT}1Z"},
                    {"src": {"is_human": False, "name": "Ada"}, "text": "Rayleigh.", "created": f"{AT}5Z"},
                ],
            }
        ]
    },
}
EDITOR = {
    "requests": [
        {
            "message": {"text": "Why?", "parts": []},
            "response": [{"value": "Ray"}, {"kind": "toolInvocation", "value": "x"}, {"value": "leigh."}],
            "timestamp": 1_700_000_000_000,
            "modelId": "gpt-4o",
        }
    ]
}
PAIRS = {"internal": [["<|BEGIN-VISIBLE-CHAT|>", "Hello"], ["Why?", "Rayleigh."]], "visible": [["", "Hello"]]}
CONTENTS = {
    "contents": [
        {"role": "user", "parts": [{"text": "Why?"}]},
        {"role": "model", "parts": [{"text": "Rayleigh."}]},
    ]
}
LOG: Any = [
    {"type": "summary", "summary": "Sky"},
    {"type": "user", "uuid": "q", "timestamp": f"{AT}1Z", "message": {"role": "user", "content": "Why?"}},
    {
        "type": "assistant",
        "uuid": "a",
        "timestamp": f"{AT}5Z",
        "message": {
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Rayleigh."}],
        },
    },
]
ITEMS: Any = [
    {"timestamp": f"{AT}0Z", "type": "session_meta", "payload": {"id": "s"}},
    *(
        {
            "timestamp": f"{AT}{second}Z",
            "type": "response_item",
            "payload": {"type": "message", "role": role, "content": [{"type": kind, "text": text}]},
        }
        for second, role, kind, text in (
            (1, "user", "input_text", "Why?"),
            (5, "assistant", "output_text", "Rayleigh."),
        )
    ),
]
SEARCHED = (
    '<img src="https://r2cdn.perplexity.ai/pplx-full-logo-primary-dark%402x.png" style="height:64px"/>\n\n'
    "# Why?\n\nRayleigh[^1].\n\n---\n\nMore.\n\n"
    '<div style="text-align: center">⁂</div>\n\n[^1]: https://sky.example\n\n---\n\n# And red?\n\nThe longer way.\n'
)


@pytest.mark.parametrize(
    ("content", "model", "thinking"),
    [
        (STUDIO, "gemini/gemini-2.5-pro", "Hm."),
        (TURNS, None, ""),
        (HISTORIES, None, ""),
        (EDITOR, "gpt-4o", ""),
        (PAIRS, None, ""),
        (CONTENTS, None, ""),
        (files.lines(LOG), "claude-sonnet-4-5", "Hm."),
        (files.lines(ITEMS), None, ""),
    ],
)
def test_what_was_asked_and_answered_is_found_in_other_shapes(
    tmp_path: Path, content: Any, model: str | None, thinking: str
) -> None:
    [one] = found(tmp_path, content)
    [taken] = one.conversations
    *_, question, answer = (each for each in taken.messages if each.version_of is None)
    assert (question.role, question.text.removeprefix("[document]\n\n")) == ("user", "Why?")
    assert (answer.text, answer.model, answer.thinking) == ("Rayleigh.", model, thinking)


def test_other_candidates_are_earlier_versions_and_the_first_words_are_kept(tmp_path: Path) -> None:
    [taken] = found(tmp_path, TURNS)[0].conversations
    assert (taken.name, taken.created_at) == ("Ada", 1_700_000_001_000)
    assert said(taken)[2] == ("assistant", "No idea.", taken.messages[1].key)
    assert found(tmp_path, PAIRS)[0].conversations[0].messages[0].text == "Hello"


def test_a_thread_of_perplexity_has_its_questions_as_headings(tmp_path: Path) -> None:
    [one] = found(tmp_path, SEARCHED.encode(), "Why.md")
    [taken] = one.conversations
    assert (taken.name, said(taken)) == (
        "Why?",
        [
            ("user", "Why?", None),
            ("assistant", "Rayleigh[^1].\n\n---\n\nMore.\n\n[^1]: https://sky.example", None),
            ("user", "And red?", None),
            ("assistant", "The longer way.", None),
        ],
    )


def test_the_page_of_chatgpt_s_export_holds_its_conversations(tmp_path: Path) -> None:
    def node(parent: str | None, role: str, text: str) -> dict[str, Any]:
        return {"parent": parent, "message": {"author": {"role": role}, "content": {"parts": [text]}}}

    talk = {"title": "Sky", "mapping": {"q": node(None, "user", "Why?"), "a": node("q", "assistant", "So.")}}
    page = f"<html>\n<script>\nvar jsonData = {json.dumps([talk])};\nvar assetsJson = {{}};</script></html>"
    [one] = found(tmp_path, page.encode(), "chat.html")
    assert (one.service, said(one.conversations[0])) == (
        "chatgpt",
        [("user", "Why?", None), ("assistant", "So.", None)],
    )
    with pytest.raises(Failure, match="no file of conversations"):
        found(tmp_path, page[:-40].encode(), "chat.html")


def test_a_model_that_nobody_knows_answers_where_it_follows_the_person() -> None:
    page = "## User\n\nWhy?\n\n## Nimbus\n\nRayleigh.\n\n### Also\n\nMore.\n\n## User\n\nThanks\n"
    taken = conversation_in(page)
    assert taken is not None
    texts = [each["content"] for each in taken["gathered-messages"]]
    assert texts == ["Why?", "Rayleigh.\n\n### Also\n\nMore.", "Thanks"]
    assert conversation_in("## User\n\nWhy?\n\n## System\n\nx\n") is None
    assert conversation_in("User: root\nPassword: x\nHost: y\n") is None


@pytest.mark.parametrize(
    "label", ["## Claude Sonnet 4.5", "## Assistant (Claude Sonnet 4.5)", "**Claude Sonnet 4.5**"]
)
def test_the_model_that_a_page_names_comes_along(label: str) -> None:
    taken = conversation_in(
        f"{label.replace('Claude Sonnet 4.5', 'You').replace('Assistant (You)', 'You')}\n\nWhy?\n\n{label}\n\nSo.\n"
    )
    assert taken is not None
    assert [each["model"] for each in taken["gathered-messages"]] == [None, "Claude Sonnet 4.5"]
    assert model_of("ChatGPT", "Claude") is None


def test_a_text_that_begins_with_a_bracket_is_read_and_a_packed_file_is_told(tmp_path: Path) -> None:
    [one] = found(tmp_path, b"[User]: Why?\n[Assistant]: Rayleigh.\n", "chat.txt")
    assert [text for _, text, _ in said(one.conversations[0])] == ["Why?", "Rayleigh."]
    with pytest.raises(Failure, match="is packed"):
        found(tmp_path, gzip.compress(b"[]"), "conversations.json.gz")
