"""Files that are nearly those of other chat programs: read, told or refused, soon; what is taken can be used."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from sidecar.chat.transfer.import_file import read_file
from sidecar.errors import Failure
from tests.chat.transfer import more_program_files as more
from tests.chat.transfer import program_files as files
from tests.chat.transfer.test_imports import TALK
from tests.chat.transfer.test_programs import CLAUDE, OWN
from tests.fuzz.drawn import drawn
from tests.fuzz.drawn_values import ANYTHING, as_json, changed, moved, spoilt
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import mock_process
from tests.helpers.soak import longer

EXAMPLES = longer(60, 600)
# All of them, through the process.
TAKEN = longer(120, 600)
CPU_SECONDS = 5.0
# Of a conversation in messages: what takes time with the square of it takes minutes.
LENGTH = longer(4_000, 20_000)
GROWTH_BYTES = 128 * 1024 * 1024
PROGRAMS: dict[str, Any] = {
    "chatgpt": [TALK],
    "claude": [CLAUDE],
    "abai": [OWN],
    "gemini": files.GEMINI,
    "openwebui": files.OPENWEBUI,
    "librechat": files.LIBRECHAT,
    "librechat, flat": files.LIBRECHAT_FLAT,
    "typingmind": files.TYPINGMIND,
    "chatbox": files.CHATBOX,
    "cherrystudio": files.CHERRYSTUDIO,
    "nextchat": files.NEXTCHAT,
    "betterchatgpt": files.BETTERCHATGPT,
    "lmstudio": files.LMSTUDIO,
    "jan": files.JAN,
    "grok": more.GROK,
    "deepseek": more.DEEPSEEK,
    "lobechat": more.LOBECHAT,
    "lechat": more.LECHAT,
    "sillytavern": more.SILLYTAVERN,
    "other": more.LLAMACPP,
}


@st.composite
def exports(draw: st.DrawFn, program: str) -> bytes:
    """The file of a program after some accidents; as an archive, a list, lines, or as it is."""
    value = draw(changed(PROGRAMS[program], 6) | st.just(PROGRAMS[program]))
    if isinstance(value, list):
        value = draw(moved(value, [PROGRAMS[other] for other in PROGRAMS]))
    lines = isinstance(value, list) and (program == "jan" or draw(st.booleans()))
    text = "\n".join(map(as_json, value)) if lines else as_json(value)
    content = draw(spoilt(text.encode("utf-8", "surrogatepass")))
    if draw(st.integers(0, 4)):
        return content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            draw(st.sampled_from(["conversations.json", "a/b.json", "c.jsonl", "x.txt"])), content
        )
        archive.writestr("other.json", as_json(draw(ANYTHING)))
    return draw(spoilt(packed.getvalue()))


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_file_that_is_nearly_a_program_s_is_a_bug_of_its_reader(program: str, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    for content in drawn(exports(program), EXAMPLES):
        path.write_bytes(content)
        begun, sentence = time.process_time(), "."
        try:
            for found in read_file(path):
                assert found.problem or found.conversations
        except Failure as refusal:
            sentence = refusal.message
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} of {content!r}") from error
        assert sentence.endswith("."), content
        assert time.process_time() - begun < CPU_SECONDS, content


async def test_what_is_taken_of_any_file_can_be_listed_read_searched_and_written_again(
    tmp_path: Path,
) -> None:
    kinds = st.sampled_from(sorted(PROGRAMS)).flatmap(exports)
    async with mock_process(tmp_path / "data") as process:
        await process.call("system:health")
        before = process.rss_bytes()
        for number, content in enumerate(drawn(kinds, TAKEN)):
            path = tmp_path / f"export{number}.json"
            path.write_bytes(content)
            await taken(process, path, content)
        assert (await process.call("system:health"))["status"] == "ok"
        assert (await process.call("data:check", {"full": True}))["sound"]
        after = process.rss_bytes()
        assert before is None or after is None or after - before < GROWTH_BYTES
        process.close_stdin()
        assert await process.wait() == 0


async def taken(process: SidecarProcess, path: Path, content: bytes) -> None:
    project = (await process.call("project:create", {"name": path.stem}))["id"]
    own = {"projectId": project}
    if await asked(process, content, "conversation:import", own | {"path": str(path)}) is None:
        return
    for each in await asked(process, content, "conversation:list", own):
        said = await asked(process, content, "messages:list", {"conversationId": each["id"]})
        for form in ("markdown", "json"):
            await asked(process, content, "conversation:export", {"id": each["id"], "format": form})
        if said:
            await asked(process, content, "messages:versions", {"id": said[0]["id"]})
    await asked(process, content, "messages:search", {"query": "Why"})
    await asked(process, content, "activity:get", own)


async def asked(process: SidecarProcess, content: bytes, method: str, params: dict[str, Any]) -> Any:
    """The answer, None for a refusal: a call that is no bug of ours."""
    try:
        return await process.call(method, params)
    except RpcError as error:
        refusal = error
    assert refusal.code != -32603, (method, content, refusal.message, list(process.stderr)[-3:])
    assert method == "conversation:import", (method, refusal.message, content)
    return None


@pytest.mark.parametrize("shape", ["branches everywhere", "one long branch", "one fan"])
async def test_a_long_conversation_is_taken_over_in_time_that_grows_as_it_does(
    shape: str, tmp_path: Path
) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([long_talk(shape, LENGTH)]), "utf-8")
    begun = time.process_time()
    assert sum(len(each.conversations) for each in read_file(path)) >= 1
    assert time.process_time() - begun < CPU_SECONDS
    async with mock_process(tmp_path / "data") as process:
        project = (await process.call("project:create", {"name": "P"}))["id"]
        taking = process.start_call("conversation:import", {"projectId": project, "path": str(path)})
        assert (await process.call("system:health"))["status"] == "ok"
        assert (await process.result(taking))["messages"] >= 2


def long_talk(shape: str, length: int) -> dict[str, Any]:
    """A conversation of ChatGPT with so many messages, and so many branches as its shape has."""
    nodes: dict[str, Any] = {"root": {"id": "root", "parent": None, "message": None}}
    last = "root"
    for number in range(length):
        role = "user" if number % 2 == 0 else "assistant"
        for name in ("a", "b") if shape == "branches everywhere" else ("a",):
            key = f"{name}{number}"
            parent = "root" if shape == "one fan" else last
            message = {"author": {"role": role}, "content": {"content_type": "text", "parts": [key]}}
            nodes[key] = {"id": key, "parent": parent, "message": {"id": key, **message}}
        last = f"a{number}"
    return {"title": "Long", "create_time": 1.7e9, "mapping": nodes, "current_node": last, "id": "long"}
