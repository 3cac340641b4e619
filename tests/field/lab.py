"""The real sidecar as a process, with a server of the person's own, or a vendor at another address."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, NamedTuple

import pytest

from tests.field.hostile import Answer, Switch, serving
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import DEADLINE_SECONDS, RpcError, SidecarProcess
from tests.helpers.sidecar import command, quiet_environment

# A priced model at a server of the person's own: 1,000 tokens in and 100 out cost 0.0012 dollars.
MODEL = "lab/m"
LAB_USD = 0.0012
PRICES = [{"from": "2026-01-01", "perMillion": {"prompt": 1.0, "completion": 2.0}}]
FEATURES = ["streaming", "json_mode", "json_schema"]
# Only a proxy knows where this is.
FAR = "http://lab.example:8000"
# No file of certificates beside the system's own, whatever this machine has.
NO_CERTIFICATES = {
    "SSL_CERT_FILE": "",
    "REQUESTS_CA_BUNDLE": "",
    "CURL_CA_BUNDLE": "",
    "NODE_EXTRA_CA_CERTS": "",
}

# What makes each vendor reachable at a server of the test's: the path that its base URL ends with, its variables.
VENDORS = {
    "openai": ("/v1", "OPENAI_BASE_URL", "OPENAI_API_KEY"),
    "anthropic": ("", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
    "gemini": ("", "GEMINI_BASE_URL", "GEMINI_API_KEY"),
    "grok": ("/v1", "XAI_BASE_URL", "XAI_API_KEY"),
}
KEYCHAIN = """
import threading
from keyring.backend import KeyringBackend

class Keychain(KeyringBackend):
    priority = 10
"""
# The methods of a keychain none of whose calls return.
SILENT = """
def get_password(self, service, name, *password):
    threading.Event().wait()
set_password = delete_password = get_password
"""
KEY = "k-7f3Qz9LmW2pXr8TnB5vYc1Hd"


def own_models(
    url: str, *, path: str = "/v1", model: Mapping[str, Any] | None = None, **provider: Any
) -> dict[str, Any]:
    """A models.json with the provider `lab` and its one model `m`. Members of both can be given."""
    row = {
        "provider": "lab",
        "id": "m",
        "name": "M",
        "contextSize": 32768,
        "features": FEATURES,
        # A copy: what a test changes is nobody else's.
        "prices": deepcopy(PRICES),
        **(model or {}),
    }
    return {"providers": {"lab": {"baseUrl": url + path, "keyRequired": False, **provider}}, "models": [row]}


def vendor_environment(url: str, *vendors: str, key: str = KEY) -> dict[str, str]:
    """The variables that send the named vendors' requests to `url`, each with the same key."""
    found: dict[str, str] = {}
    for vendor in vendors:
        path, base_variable, key_variable = VENDORS[vendor]
        found |= {base_variable: url + path, key_variable: key}
    return found


@asynccontextmanager
async def sidecar(
    data_dir: Path,
    *flags: str,
    models: Any = None,
    environment: Mapping[str, str] | None = None,
    keychain: str | None = None,
    deadline: float = DEADLINE_SECONDS,
) -> AsyncIterator[SidecarProcess]:
    """A sidecar that has not been asked anything yet. `models` becomes its models.json.

    `keychain` is the source of the methods of a backend for `keyring`, which then stands for the system's keychain.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    if models is not None:
        (data_dir / "models.json").write_text(json.dumps(models), encoding="utf-8")
    env = quiet_environment(**(environment or {}))
    if keychain is not None:
        (data_dir / "field_keychain.py").write_text(
            KEYCHAIN + indent(dedent(keychain), "    "), encoding="utf-8"
        )
        env |= {"PYTHON_KEYRING_BACKEND": "field_keychain.Keychain", "ABAI_KEY_STORE": ""}
        env["PYTHONPATH"] = os.pathsep.join([str(data_dir), str(REPOSITORY)])
    async with SidecarProcess(command(data_dir, *flags), env=env, deadline=deadline) as process:
        yield process


async def ask(
    process: SidecarProcess, content: str = "Why?", model: str = MODEL, **params: Any
) -> dict[str, Any]:
    """The answer of chat:send. Raises RpcError."""
    answer: dict[str, Any] = await process.call("chat:send", {"content": content, "modelId": model, **params})
    return answer


async def refused(
    process: SidecarProcess, content: str = "Why?", model: str = MODEL, **params: Any
) -> RpcError:
    """The error of chat:send; fails where there is an answer."""
    with pytest.raises(RpcError) as caught:
        await ask(process, content, model, **params)
    return caught.value


async def project(process: SidecarProcess) -> str:
    """The id of a project, made for the purpose."""
    made: str = (await process.call("project:create", {"name": "Field"}))["id"]
    return made


async def batch_rows(
    process: SidecarProcess, *rows: Mapping[str, Any], **params: Any
) -> list[dict[str, Any]]:
    """Run the rows as a local batch, and return its results once it has ended."""
    submission = {"projectId": await project(process), "rows": rows, "start": True, **params}
    job = (await process.call("batch:submit", submission))["id"]
    while (await process.notification("batch:progress"))["status"] not in ("completed", "failed"):
        pass
    results = await process.call("batch:get-results", {"jobId": job})
    return list(results["results"] if isinstance(results, dict) else results)


async def messages(process: SidecarProcess, conversation: str) -> list[dict[str, Any]]:
    """What is kept of a conversation, oldest first."""
    listed = await process.call("messages:list", {"conversationId": conversation})
    return list(listed["messages"] if isinstance(listed, dict) else listed)


async def conversation(process: SidecarProcess) -> str:
    """The id of a conversation, made for the purpose."""
    made: str = (await process.call("conversation:create", {"projectId": await project(process)}))["id"]
    return made


class Lab(NamedTuple):
    """A sidecar and a server of its own for many questions: what the server says is all that differs between them."""

    switch: Switch
    process: SidecarProcess

    async def answered(self, answer: Answer, **params: Any) -> dict[str, Any]:
        """What the person sees of this answer. Raises RpcError."""
        self.switch.say(answer)
        return await ask(self.process, **params)


@asynccontextmanager
async def one_lab(data_dir: Path) -> AsyncIterator[Lab]:
    switch = Switch()
    async with (
        serving(switch) as server,
        sidecar(data_dir, models=own_models(server.url), deadline=60) as process,
    ):
        yield Lab(switch, process)
