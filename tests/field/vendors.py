"""The simulated vendors behind a server of the test's, which says something else for them where it is told to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sidecar.simulator.core import Simulator
from sidecar.simulator.exchange import SimRequest
from sidecar.simulator.registry import environment
from tests.field.hostile import REASONS, Answer, Asked, HostileServer, raw, serving
from tests.field.lab import project, sidecar
from tests.helpers.process import SidecarProcess

POLL = "--batch-poll-seconds"
MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-5",
    "gemini": "gemini/gemini-3.8-flash",
    "grok": "grok/grok-4.3",
}

Whole = tuple[int, bytes]
"""Status and body of an answer."""


class Misbehaviour:
    """What is said in place of the vendor to the requests whose "METHOD target" matches, so often, then no more.

    `said` is the answer, or a function of the vendor's own that gives it. `skip` such requests are left alone before.
    With a `key` only requests by that key are meant.
    """

    def __init__(
        self,
        pattern: str,
        said: Whole | Callable[[Whole], Whole] | Answer,
        times: int = 1,
        *,
        skip: int = 0,
        key: str | None = None,
    ) -> None:
        self._pattern = re.compile(pattern)
        self.said = said
        self.left = times
        self._skip = skip
        self._key = key
        # Where it is set, what the vendor says is kept from its client until then.
        self.held: asyncio.Event | None = None

    def applies(self, asked: Asked) -> bool:
        if not self.left or not self._pattern.match(f"{asked.method} {asked.target}"):
            return False
        if self._key is not None and not any(self._key in value for value in asked.headers.values()):
            return False
        if self._skip:
            self._skip -= 1
            return False
        self.left -= 1
        return True


class Vendors:
    """The server, what was `asked` of it, and the simulator behind it."""

    def __init__(self, server: HostileServer, simulator: Simulator) -> None:
        self._server = server
        self.simulator = simulator

    @property
    def asked(self) -> list[Asked]:
        return self._server.asked

    @property
    def environment(self) -> dict[str, str]:
        return environment(self._server.url)

    def count(self, pattern: str) -> int:
        """How many requests matched."""
        return sum(bool(re.match(pattern, f"{asked.method} {asked.target}")) for asked in self._server.asked)

    async def came(self, pattern: str, times: int = 1) -> None:
        """Wait until so many requests that match have come."""
        async with asyncio.timeout(60), self._server.arrived:
            await self._server.arrived.wait_for(lambda: self.count(pattern) >= times)

    @property
    def batches(self) -> list[dict[str, Any]]:
        """The batches as the vendors have them."""
        found: list[dict[str, Any]] = self.simulator.ledger.wire()["batches"]
        return found


@asynccontextmanager
async def vendors(
    *misbehaviours: Misbehaviour, simulated: Sequence[Any] | None = None
) -> AsyncIterator[Vendors]:
    """All vendors, on one server."""
    simulator = Simulator(pace_ms=0, vendors=simulated)

    async def answer(asked: Asked) -> Answer:
        found = next((each for each in misbehaviours if each.applies(asked)), None)
        if found is not None and not callable(found.said):
            return found.said if isinstance(found.said, Answer) else _written(*found.said, {})
        response = await simulator.handle(_simulated(asked))
        body = b"".join([chunk async for chunk in response.chunks])
        await response.aclose()
        status = response.status
        if found is not None and callable(found.said):
            status, body = found.said((status, body))
        if found is not None and found.held is not None:
            await found.held.wait()
        return _written(status, body, response.headers)

    async with serving(answer) as server:
        yield Vendors(server, simulator)


@asynccontextmanager
async def native(
    folder: Path, there: Vendors, poll_seconds: float = 0.05, **environment: str
) -> AsyncIterator[SidecarProcess]:
    """A sidecar that speaks to these vendors and looks at its batches often."""
    variables = {**there.environment, **environment}
    async with sidecar(folder, POLL, str(poll_seconds), environment=variables) as process:
        yield process


async def submitted(
    process: SidecarProcess,
    provider: str = "openai",
    prompts: Sequence[str] = ("One", "Two", "Three"),
    **each: Any,
) -> str:
    """The id of a job of these prompts that was just handed to the vendor."""
    rows = [{"prompt": prompt, "model": MODELS[provider], **each} for prompt in prompts]
    params = {"projectId": await project(process), "rows": rows, "providerName": provider}
    made: str = (await process.call("batch:submit-native", params))["jobId"]
    return made


async def job(process: SidecarProcess, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = await process.call("batch:get", {"jobId": job_id})
    return found


async def until(
    process: SidecarProcess, job_id: str, wanted: Callable[[dict[str, Any]], bool], seconds: float = 60.0
) -> dict[str, Any]:
    """The job, once it, or whatever else is looked at meanwhile, is as wanted."""
    async with asyncio.timeout(seconds):
        while not wanted(found := await job(process, job_id)):
            await process.news()
    return found


async def ended(process: SidecarProcess, job_id: str) -> dict[str, Any]:
    return await until(process, job_id, lambda job: job["status"] in ("completed", "failed", "cancelled"))


async def closed(process: SidecarProcess, job_id: str) -> dict[str, Any]:
    """The job, once none of its rows is at a vendor any more."""
    await ended(process, job_id)
    async with asyncio.timeout(60):
        while {row["status"] for row in await rows(process, job_id)} & {"processing"}:
            await process.news()
    return await job(process, job_id)


async def rows(process: SidecarProcess, job_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await process.call("batch:get-results", {"jobId": job_id})
    return found


def changed(change: Callable[[Any], Any]) -> Callable[[Whole], Whole]:
    """A misbehaviour that says the vendor's own JSON otherwise."""

    def said(whole: Whole) -> Whole:
        value = orjson.loads(whole[1])
        return whole[0], orjson.dumps(change(value))

    return said


def not_found(said: str = "No such batch.") -> Whole:
    return 404, orjson.dumps({"error": {"message": said, "type": "invalid_request_error", "code": None}})


def _simulated(asked: Asked) -> SimRequest:
    path, _, query = asked.target.partition("?")
    return SimRequest(asked.method, path, asked.headers, asked.body, dict(parse_qsl(query)))


def _written(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    told = {
        "content-type": "application/json",
        **{name.lower(): value for name, value in headers.items()},
        "connection": "close",
        "content-length": str(len(body)),
    }
    head = f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}\r\n"
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return raw(f"{head}{lines}\r\n".encode("latin-1") + body)
