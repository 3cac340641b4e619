"""People who move here bring along what they said elsewhere: files of other programs, beside the real process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.chat.transfer import more_program_files as more
from tests.chat.transfer import program_files as files
from tests.chat.transfer import test_odd_shapes as shapes
from tests.field.claims import field
from tests.field.lab import messages, project, sidecar
from tests.helpers.process import RpcError, SidecarProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROGRAMS: dict[str, tuple[Any, str]] = {
    "openwebui": (files.OPENWEBUI, "Open WebUI"),
    "librechat": (files.LIBRECHAT, "LibreChat"),
    "typingmind": (files.TYPINGMIND, "TypingMind"),
    "chatbox": (files.CHATBOX, "Chatbox"),
    "cherrystudio": (files.CHERRYSTUDIO, "Cherry Studio"),
    "nextchat": (files.NEXTCHAT, "NextChat"),
    "betterchatgpt": (files.BETTERCHATGPT, "BetterChatGPT"),
    "lmstudio": (files.LMSTUDIO, "LM Studio"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SidecarProcess]:
    async with sidecar(tmp_path_factory.mktemp("moves"), "--mock") as made:
        yield made


async def taken_over(process: SidecarProcess, path: Path, content: Any) -> tuple[str, dict[str, Any]]:
    """The project into which this was imported, and what was said of it."""
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    into = await project(process)
    result = await process.call("conversation:import", {"projectId": into, "path": str(path)})
    return into, result


async def said(process: SidecarProcess, into: str, name: str = "Sky") -> list[dict[str, Any]]:
    listed = await process.call("conversation:list", {"projectId": into})
    [conversation] = [each["id"] for each in listed if each["name"] == name]
    return await messages(process, conversation)


@field("files", "the history of another program, as it exports it")
@pytest.mark.parametrize("service", PROGRAMS)
async def test_the_history_of_another_program_is_taken_over(
    service: str, process: SidecarProcess, tmp_path: Path
) -> None:
    content, label = PROGRAMS[service]
    into, result = await taken_over(process, tmp_path / "export.json", content)
    assert result["service"] == service
    question, answer = await said(process, into)
    assert question["content"].replace("[notes.pdf]\n\n", "").replace("\n\n[image]", "") == "Why?"
    assert (answer["content"], answer["thinking"]) == ("Rayleigh.", "Hm.\n1 < 2")
    assert (answer["provider"], answer["model"]) == (label, "deepseek-r1")
    assert answer["timestamp"] >= question["timestamp"] > 1_600_000_000_000


@field("files", "what Grok, DeepSeek, LobeChat, Le Chat, SillyTavern, Copilot")
@pytest.mark.parametrize(
    ("service", "content"),
    [
        ("grok", more.GROK),
        ("deepseek", more.DEEPSEEK),
        ("deepseek", more.DEEPSEEK_OLDER),
        ("lobechat", more.LOBECHAT),
        ("lechat", more.LECHAT),
        ("sillytavern", more.lines(more.SILLYTAVERN)),
        ("other", more.COPILOT.replace(', ""who"" else?', ".").encode()),
        ("other", more.ANYTHINGLLM),
        ("other", more.BIGAGI),
        ("other", more.LLAMACPP),
        *(("other", shape) for shape in (shapes.HISTORIES, shapes.EDITOR, shapes.CONTENTS)),
        *(("other", more.lines(log)) for log in (shapes.LOG, shapes.ITEMS)),
        *(("other", page.encode()) for page in more.PAGES.values()),
    ],
)
async def test_the_history_of_any_program_that_says_who_spoke_is_taken_over(
    service: str, content: Any, process: SidecarProcess, tmp_path: Path
) -> None:
    into, result = await taken_over(process, tmp_path / "export", content)
    listed = await process.call("conversation:list", {"projectId": into})
    talks = [await messages(process, each["id"]) for each in listed]
    [(question, answer)] = [talk for talk in talks if talk[0]["content"] != "Hello"]
    assert (result["service"], result["problems"]) == (service, [])
    assert question["role"] == "user"
    assert question["content"].endswith("Why?")
    assert (answer["role"], answer["content"]) == ("assistant", "Rayleigh.")


@field("files", "such a file that was saved anew in UTF-16")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
async def test_a_history_that_was_saved_anew_in_another_encoding_is_taken_over(
    encoding: str, process: SidecarProcess, tmp_path: Path
) -> None:
    content = json.dumps(files.OPENWEBUI, ensure_ascii=False).encode(encoding)
    into, result = await taken_over(process, tmp_path / "export.json", content)
    assert result["service"] == "openwebui"
    assert len(await said(process, into)) == 2


@field("files", "Google Takeout's activity of Gemini →")
async def test_what_was_asked_of_gemini_comes_by_days(process: SidecarProcess, tmp_path: Path) -> None:
    into, result = await taken_over(process, tmp_path / "MyActivity.json", files.GEMINI)
    assert (result["conversations"], len(result["problems"])) == (2, 1)
    assert [each["content"][:12] for each in await said(process, into, "Gemini 2023-11-14")] == [
        "Hello",
        "Why?",
        "### Rayleigh",
    ]
    page = b'<html><div class="mdl-grid">Gemini Apps: Prompted Why?</div></html>'
    with pytest.raises(RpcError, match="choose JSON"):
        await taken_over(process, tmp_path / "MyActivity.html", page)


@field("files", "such a file that breaks off in its last conversation")
async def test_a_file_that_breaks_off_brings_nothing_and_the_whole_one_everything(
    process: SidecarProcess, tmp_path: Path
) -> None:
    many = [{**files.OPENWEBUI[0], "id": f"w{number}"} for number in range(50)]
    path = tmp_path / "export.json"
    path.write_bytes(json.dumps(many).encode()[:-40])
    into = await project(process)
    with pytest.raises(RpcError) as caught:
        await process.call("conversation:import", {"projectId": into, "path": str(path)})
    assert caught.value.data["kind"] == "invalid_params"
    assert await process.call("conversation:list", {"projectId": into}) == []

    path.write_bytes(json.dumps(many).encode())
    for counts in ((50, 0), (0, 50)):
        result = await process.call("conversation:import", {"projectId": into, "path": str(path)})
        assert (result["conversations"], result["known"]) == counts


@field("files", "such a file with a member of another kind anywhere in it")
async def test_no_odd_member_is_called_a_bug(process: SidecarProcess, tmp_path: Path) -> None:
    odds: list[Any] = [10**30, [[]]]
    for content in (*(content for content, _ in PROGRAMS.values()), files.GEMINI):
        for odd in odds:
            for changed in _changed(content, odd):
                try:
                    await taken_over(process, tmp_path / "export.json", changed)
                except RpcError as error:
                    refused = error.data["kind"]
                else:
                    refused = "invalid_params"
                assert refused == "invalid_params", changed


def _changed(value: Any, odd: Any) -> list[Any]:
    """The value with one of its members of the outer levels replaced, for each of them."""
    text = json.dumps(value)
    found = []
    for name in (
        "id",
        "title",
        "name",
        "createdAt",
        "timestamp",
        "created_at",
        "content",
        "model",
        "messages",
    ):
        begin = text.find(f'"{name}": ')
        if begin >= 0:
            begin += len(name) + 4
            _, end = json.JSONDecoder().raw_decode(text, begin)
            found.append(json.loads(text[:begin] + json.dumps(odd) + text[end:]))
    return found


@field("files", "ChatGPT's marks")
async def test_what_chatgpt_shows_in_place_of_marks_and_beside_a_conversation_comes_along(
    process: SidecarProcess, tmp_path: Path
) -> None:
    def node(number: int, text: str, role: str = "assistant", **more: Any) -> dict[str, Any]:
        content = {"content_type": more.pop("kind", "text"), "parts": [text], "text": text}
        if content["content_type"] == "code":
            content.pop("parts")
        said = {"author": {"role": role}, "content": content, "create_time": 1.7e9 + number, **more}
        return {"parent": str(number - 1) if number else None, "message": said}

    site = "\ue200cite\ue202turn0search0\ue201"
    entity = '\ue200entity\ue202["city","Paris","in France"]\ue201'
    references = [{"matched_text": site, "alt": "([Site](https://site.example))"}]
    create = json.dumps({"name": "poem", "type": "document", "content": "Roses are red"})
    whole = json.dumps({"updates": [{"pattern": ".*", "multiple": False, "replacement": "Violets are blue"}]})
    part = json.dumps({"updates": [{"pattern": "blue", "multiple": False, "replacement": "grey"}]})
    nodes = [
        node(0, "Where?", "user"),
        node(1, f"In {entity} {site}\ue200image\ue202x\ue201.", metadata={"content_references": references}),
        node(2, "A poem?", "user"),
        node(3, create, recipient="canmore.create_textdoc", kind="code"),
        node(4, whole, recipient="canmore.update_textdoc"),
        node(5, part, recipient="canmore.update_textdoc"),
        node(6, "[1, 2", recipient="canmore.create_textdoc"),
        node(7, "search()", recipient="browser"),
        node(8, "Done."),
    ]
    mapping = {str(number): each for number, each in enumerate(nodes)}
    talk = {"title": "Marks", "conversation_id": "marks", "current_node": "8", "mapping": mapping}
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([talk]), encoding="utf-8")
    project_id = await project(process)
    found = await process.call("conversation:import", {"projectId": project_id, "path": str(path)})
    (taken,) = await process.call("conversation:list", {"projectId": project_id})
    texts = [message["content"] for message in await messages(process, taken["id"])]
    assert (found["conversations"], found["problems"]) == (1, [])
    assert texts[:3] == ["Where?", "In Paris ([Site](https://site.example)).", "A poem?"]
    assert texts[3] == "Roses are red\n\nViolets are blue\n\nDone."


@field("files", "files beside a question to ChatGPT")
async def test_the_names_of_files_and_the_model_of_a_conversation_come_along(
    process: SidecarProcess, tmp_path: Path
) -> None:
    def node(key: str, parent: str | None, role: str, text: str, **metadata: Any) -> dict[str, Any]:
        content = {"content_type": "text", "parts": [text]}
        return {
            "parent": parent,
            "message": {"author": {"role": role}, "content": content, "metadata": metadata},
        }

    asked = node(
        "q", None, "user", "Why?", attachments=[{"name": "notes.pdf", "mime_type": "application/pdf"}]
    )
    mapping = {"q": asked, "a": node("a", "q", "assistant", "So.")}
    gpt = {"title": "Sky", "id": "t", "current_node": "a", "default_model_slug": "gpt-6", "mapping": mapping}
    into, _ = await taken_over(process, tmp_path / "gpt.json", [gpt])
    question, answer = await said(process, into)
    assert (question["content"], answer["model"]) == ("[notes.pdf]\n\nWhy?", "openai/gpt-6")
