"""Names of servers that the system looks up slowly, wrongly at first, or never: nobody else waits for them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import HostileServer, chat_chunks, serving, stream
from tests.field.lab import ask, own_models, refused, sidecar
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import SidecarProcess

pytestmark = pytest.mark.usefixtures("real_starts")

# What stands for the system's lookup: it is asked for a name, and answers as the end of the name says.
SYSTEM = """
import socket, threading

whole, failed = socket.getaddrinfo, set()

def address(host, port):
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))

def getaddrinfo(host, port, *rest, **more):
    name = str(host)
    if name.endswith(".never.example"):
        threading.Event().wait()
    if name.endswith(".later.example") and name not in failed:
        failed.add(name)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    if name.endswith(".broken.example"):
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", port, 0, 0))
        return [six, address("192.0.2.1", port), address("127.0.0.1", port)]
    if name.endswith(".example"):
        return [address("127.0.0.1", port)]
    return whole(host, port, *rest, **more)

socket.getaddrinfo = getaddrinfo
"""


@asynccontextmanager
async def asking_by_name(
    tmp_path: Path, names: Sequence[str]
) -> AsyncIterator[tuple[HostileServer, SidecarProcess]]:
    """A server, and a sidecar that has a model `a.later/m` for each such name, beside the lab's own."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SYSTEM)
    path = os.pathsep.join([str(tmp_path / "site"), str(REPOSITORY)])
    async with serving(stream(*chat_chunks("Good"), "[DONE]")) as server:
        models = own_models(server.url)
        (row,) = models["models"]
        for name in names:
            url = f"http://{name}.example:{server.port}/v1"
            models["providers"][name] = {"baseUrl": url, "keyRequired": False}
            models["models"].append({**row, "provider": name})
        environment = {"PYTHONPATH": path, "NO_PROXY": "*"}
        async with sidecar(tmp_path / "data", models=models, environment=environment) as process:
            yield server, process


@field("machine", "names of servers that are looked up for ever (a VPN that was cut)")
async def test_names_that_nobody_answers_for_keep_nothing_else_waiting(tmp_path: Path) -> None:
    """More of them than there are threads that a process shares."""
    names = [f"s{number}.never" for number in range(40)]
    async with asking_by_name(tmp_path, names) as (_, process):
        lost = [asyncio.create_task(refused(process, model=f"{name}/m")) for name in names]
        while (await process.call("system:health", {}))["inFlight"] < len(names):
            pass
        async with asyncio.timeout(10):
            assert (await process.call("system:health", {}))["status"] == "ok"
            assert (await ask(process))["content"] == "Good"
            assert await process.call("settings:load", {"key": "allKeys"})
        told = await lost[0]
        for each in lost[1:]:
            each.cancel()
        assert (told.data["kind"], told.data["retryable"]) == ("timeout", True)
        assert "s0.never.example" in told.message
        # What waits for a name waits for nobody's end.
        async with asyncio.timeout(8):
            process.close_stdin()
            assert await process.wait() == 0


@field("machine", "IPv6 that is broken while IPv4 works; a name that is not found for a moment")
@pytest.mark.parametrize("name", ["a.broken", "b.later"])
async def test_a_name_that_is_found_wrongly_or_late_is_answered(name: str, tmp_path: Path) -> None:
    async with asking_by_name(tmp_path, [name]) as (server, process):
        assert (await ask(process, model=f"{name}/m"))["content"] == "Good"
        assert len(server.asked) == 1
