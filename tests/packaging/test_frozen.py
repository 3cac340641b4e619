"""The frozen binary does what the source does: every recording, both framings, and what freezing may break."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import SidecarWire, command, mock_command, quiet_environment
from tests.helpers.simulator import simulator_process
from tests.helpers.wire import Framing
from tests.packaging.tls import certificate, tls_before
from tests.replay_tools.play import play
from tests.replay_tools.recording import data_folder, read

RECORDINGS = sorted((Path(__file__).parents[1] / "replay").glob("*.jsonl"))
MODELS = {
    "openai": "openai/gpt-6.1-terra",
    "anthropic": "anthropic/claude-sonnet-5-5",
    "gemini": "gemini/gemini-3.8-flash",
    "grok": "grok/grok-4.7",
}
FRAMINGS: tuple[Framing, Framing] = ("newline", "headers")
DEADLINE_SECONDS = 60.0


def instead(frozen: Path, from_source: list[str]) -> list[str]:
    """The same command of the frozen binary: `python -m sidecar` is what it replaces."""
    assert from_source[:3] == [sys.executable, "-m", "sidecar"]
    return [str(frozen), *from_source[3:]]


def served(frozen: Path, data_dir: Path, *flags: str, **environment: str) -> SidecarProcess:
    given = instead(frozen, command(data_dir, *flags))
    return SidecarProcess(given, env=quiet_environment(**environment), cwd=data_dir)


def run(frozen: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(frozen), *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        check=False,
        cwd=folder,
        env=quiet_environment(),
    )


@pytest.mark.parametrize(
    ("file", "framing"),
    list(zip(RECORDINGS, cycle(FRAMINGS), strict=False)),
    ids=lambda at: getattr(at, "stem", at),
)
async def test_it_answers_a_recording_as_recorded(
    file: Path, framing: Framing, frozen: Path, tmp_path: Path
) -> None:
    """Every other one in each framing: tests/test_replay.py has both for all of them, from source."""
    recording = read(file)
    given = instead(frozen, mock_command(data_folder(tmp_path), day=recording.day))
    async with SidecarProcess(given, framing=framing, env=quiet_environment(), cwd=tmp_path) as process:
        await play(recording, SidecarWire(process), tmp_path)
        process.close_stdin()
        assert await process.wait() == 0, "\n".join(process.stderr)


def test_there_are_recordings_to_be_answered() -> None:
    assert len(RECORDINGS) > 50


@pytest.mark.parametrize("asked", ["--version", "--help"])
def test_it_says_its_version_and_its_commands(asked: str, frozen: Path, tmp_path: Path) -> None:
    from sidecar import __version__

    ran = run(frozen, tmp_path, asked)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"abai-sidecar {__version__}\n")
    assert "abai-sidecar serve" in ran.stdout


@pytest.mark.parametrize("space", ["serve", "simulator", "replay"])
def test_every_command_shows_its_flags(space: str, frozen: Path, tmp_path: Path) -> None:
    ran = run(frozen, tmp_path, space, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"usage: abai-sidecar {space}")


@pytest.mark.parametrize("framing", ["newline", "headers"])
async def test_its_first_request_is_answered_and_it_ends_with_the_pipe(
    framing: Framing, frozen: Path, tmp_path: Path
) -> None:
    given = instead(frozen, command(tmp_path))
    async with SidecarProcess(given, framing=framing, cwd=tmp_path, env=quiet_environment()) as sidecar:
        # Whose input ends has seconds, also to start: it ends behind the answer.
        assert await sidecar.call("project:list") == []
        sidecar.close_stdin()
        assert await sidecar.wait() == 0
        assert not sidecar.stderr


async def test_it_holds_the_catalogue_the_contract_and_the_tokenizer(frozen: Path, tmp_path: Path) -> None:
    from sidecar.contract.methods import METHODS
    from sidecar.money import encodings
    from sidecar.money.tokens import TokenCounter

    text = "Ein Bär fährt 1,234 km — 熊は走る 🐻 <|endoftext|>\n" * 50
    async with served(frozen, tmp_path) as sidecar:
        assert len(await sidecar.call("models:get-all", {"includeAliases": True})) > 100
        contract = await sidecar.call("rpc.discover")
        assert len(contract["methods"]) == len(METHODS)
        for model in ("gpt-4o", "gpt-4"):
            counted = await sidecar.call("tokens:count", {"text": text, "modelId": model})
            assert counted == await TokenCounter().count(text, f"openai/{model}"), model
            # An estimate would be of four bytes a token.
            if encodings.available():
                assert counted != -(-len(text.encode()) // 4), model


async def test_killing_it_ends_all_of_it(frozen: Path, tmp_path: Path) -> None:
    async with served(frozen, tmp_path, "--mock") as sidecar:
        await sidecar.call("project:create", {"name": "Kept"})
        # The sentinel, which is the same program, and nobody else.
        children = Path(f"/proc/{sidecar.pid}/task/{sidecar.pid}/children")
        assert not children.exists() or len(children.read_text().split()) == 1
        sidecar.kill()
        # Until everybody who holds its output is gone.
        assert await sidecar.wait() != 0
    async with served(frozen, tmp_path, "--mock") as sidecar:
        assert [each["name"] for each in await sidecar.call("project:list")] == ["Kept"]


async def test_a_machine_without_a_keychain_keeps_keys_in_a_file(frozen: Path, tmp_path: Path) -> None:
    saved = {"key": "apiKey", "provider": "openai", "value": "sk-frozen-12345678"}
    environment = {"ABAI_KEY_STORE": "", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    for _ in range(2):
        async with served(frozen, tmp_path, **environment) as sidecar:
            await sidecar.call("settings:save", saved)
            shown = await sidecar.call("settings:load", {"key": "apiKey", "provider": "openai"})
            assert shown.endswith("5678")
            assert await sidecar.logged("this machine has no keychain")
    assert json.loads((tmp_path / "keys.json").read_text()) == {"openai": "sk-frozen-12345678"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="stands in for the session bus of Linux")
async def test_the_keychain_of_the_system_is_looked_for(frozen: Path, tmp_path: Path) -> None:
    greeted: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def bus(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not greeted.done():
            greeted.set_result(await reader.readline())
        writer.close()

    # Without a file: the path of a socket may only be short.
    name = f"abai-{os.getpid()}"
    server = await asyncio.start_unix_server(bus, f"\0{name}")
    environment = {
        "ABAI_KEY_STORE": "",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:abstract={name}",
        "XDG_CONFIG_HOME": str(tmp_path),  # where somebody may have chosen another
    }
    saved = {"key": "apiKey", "provider": "openai", "value": "sk-1234567"}
    async with server, served(frozen, tmp_path, **environment) as sidecar:
        await sidecar.call("settings:save", saved)
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await greeted).startswith(b"\0AUTH EXTERNAL")
        # It hung up, and so it is no keychain.
        assert await sidecar.logged("this machine has no keychain")


async def test_every_vendor_answers_through_the_frozen_simulator(frozen: Path, tmp_path: Path) -> None:
    async with (
        simulator_process(program=[str(frozen)], cwd=tmp_path) as simulator,
        served(frozen, tmp_path, **simulator.environment) as sidecar,
    ):
        for model in MODELS.values():
            question = {"content": "Reply with exactly: pong", "modelId": model}
            reply = await sidecar.call("chat:send", question)
            assert (reply["answer"], reply["costUSD"] > 0) == ("pong", True)


async def test_what_it_records_it_replays(frozen: Path, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    async with served(frozen, tmp_path, "--mock", "--mock-pace-ms", "0", "--record", str(file)) as sidecar:
        question = {"conversationId": "talk", "content": "Why?", "modelId": MODELS["openai"]}
        assert (await sidecar.call("chat:send", question))["answer"]
        sidecar.close_stdin()
        assert await sidecar.wait() == 0
    ran = run(frozen, tmp_path, "replay", str(file))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("messages, all as recorded\n")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("trusting", [True, False])
async def test_https_is_spoken_to_whom_is_trusted_and_to_nobody_else(
    trusting: bool, trusted: tuple[Path, Path], frozen: Path, tmp_path: Path
) -> None:
    async with simulator_process(program=[str(frozen)], cwd=tmp_path) as simulator:
        environment = dict(simulator.environment)
        port = int(environment["OPENAI_BASE_URL"].split(":")[2].split("/")[0])
        async with tls_before(port, trusted) as secure:
            environment["OPENAI_BASE_URL"] = f"https://127.0.0.1:{secure}/v1"
            own = {"SSL_CERT_FILE": str(trusted[0])} if trusting else {}
            async with served(frozen, tmp_path, **environment, **own) as sidecar:
                question = {"content": "Reply with exactly: pong", "modelId": MODELS["openai"]}
                if trusting:
                    assert (await sidecar.call("chat:send", question))["answer"] == "pong"
                    return
                with pytest.raises(RpcError) as caught:
                    await sidecar.call("chat:send", question)
                assert "self-signed certificate" in caught.value.data["detail"]
