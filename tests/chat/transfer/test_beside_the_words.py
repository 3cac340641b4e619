"""What stands beside the words of ChatGPT and was lost: the names of files, the model of a conversation."""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.chat.transfer import chatgpt
from tests.chat.transfer.test_imports import START, gpt, tree

PICTURE = {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}
PNG = {"name": "sky.png", "mime_type": "image/png"}
PDF = {"name": "notes.pdf", "mime_type": "application/pdf"}


@pytest.mark.parametrize(
    ("attachments", "parts", "text"),
    [
        ([PDF], ["Why?"], "[notes.pdf]\n\nWhy?"),
        ([PNG], [PICTURE, "Why?"], "[sky.png]\n\nWhy?"),
        ([PDF, PNG], [PICTURE, "Why?"], "[notes.pdf]\n\n[sky.png]\n\nWhy?"),
        ([PNG], ["Why?"], "[sky.png]\n\nWhy?"),
        ([PNG], [PICTURE, PICTURE, "Why?"], "[image]\n\n[image]\n\nWhy?"),
        ([], [PICTURE, "Why?"], "[image]\n\nWhy?"),
        ([7, {}], ["Why?"], "[file]\n\n[file]\n\nWhy?"),
    ],
)
def test_files_beside_a_question_to_chatgpt_are_named(
    attachments: list[Any], parts: list[Any], text: str
) -> None:
    question = gpt("q", "hidden", "user", *parts, metadata={"attachments": attachments})
    [taken] = chatgpt.read(tree(*START, question, leaf="q"))
    assert taken.messages[0].text == text


def test_the_model_that_a_newer_file_tells_of_the_conversation_is_that_of_its_answers() -> None:
    value = tree(*START, gpt("q", "hidden", "user", "Why?"), gpt("a", "q", "assistant", "So."), leaf="a")
    [taken] = chatgpt.read({**value, "default_model_slug": "gpt-6"})
    assert [each.model for each in taken.messages] == [None, "openai/gpt-6"]
