"""What other programs leave in the environment, and networks that want a login: a sentence, or no trouble at all."""

from __future__ import annotations

from pathlib import Path

from tests.field.hostile import chat_chunks, head, raw, serving, stream
from tests.field.lab import ask, own_models, refused, sidecar

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


async def test_a_file_for_keys_of_connections_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    environment = {"SSLKEYLOGFILE": str(tmp_path / "gone" / "keys.log")}
    async with (
        serving(GOOD) as server,
        sidecar(tmp_path / "data", models=own_models(server.url), environment=environment) as process,
    ):
        assert (await ask(process))["answer"] == "Good morning"


async def test_a_network_that_wants_a_login_is_not_asked_again_and_is_told(tmp_path: Path) -> None:
    login = raw(head(511, None, "text/html"), b"<html>Sign in</html>")
    async with (
        serving(login) as server,
        sidecar(tmp_path, models=own_models(server.url)) as process,
    ):
        message = (await refused(process)).message
    assert "a login of the network" in message
    assert len(server.asked) == 1
