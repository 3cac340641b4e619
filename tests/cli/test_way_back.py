"""The way back from a damaged database, in a terminal."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.abai import abai
from tests.helpers.sidecar import mock_process

PAGE = 4096


async def filled(data: Path) -> Path:
    """Fill a data folder with more than fits the first pages, and return the database of it, which is closed."""
    async with mock_process(data) as app:
        project = (await app.call("project:create", {"name": "P"}))["id"]
        talk = (await app.call("conversation:create", {"projectId": project, "name": "c"}))["id"]
        for number in range(30):
            said = {
                "conversationId": talk,
                "role": "user",
                "content": f"northern sea {number} " + "word " * 600,
            }
            await app.call("messages:add", said)
        app.close_stdin()
        assert await app.wait() == 0
    return data / "abai.db"


async def test_the_doctor_says_that_a_database_is_damaged_that_opens_all_the_same_and_how_to_get_it_back(
    tmp_path: Path,
) -> None:
    database = await filled(tmp_path)
    content = bytearray(database.read_bytes())
    at = content.index(b"northern sea 20") // PAGE * PAGE
    content[at : at + PAGE] = bytes([0xA5]) * PAGE
    database.write_bytes(content)
    code, out, _ = await abai(tmp_path, "doctor")
    assert code == 1
    assert "✗ database: The database is damaged." in out
    assert "`abai call data:salvage`" in out.replace("\n", " ")
    assert "✓ network to grok: open" in out
    code, out, err = await abai(tmp_path, "call", "data:salvage")
    assert code == 0, err
    code, out, _ = await abai(tmp_path, "doctor")
    assert code == 0, out
    assert "✓ database: ok" in out


async def test_the_doctor_looks_at_the_rest_too_where_the_database_cannot_be_opened(tmp_path: Path) -> None:
    database = await filled(tmp_path)
    content = database.read_bytes()
    database.write_bytes(b"\xa5" * 2 * PAGE + content[2 * PAGE :])
    code, out, _ = await abai(tmp_path, "doctor")
    assert code == 1
    assert "✗ database: degraded" in out
    assert "`abai call data:restore" in out.replace("\n", " ")
    assert "✓ network to grok: open" in out
