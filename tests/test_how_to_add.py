"""The steps of docs/how-to-add.md, walked as they stand there, in a copy of the tree."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from sidecar.store import upgrade
from tests.helpers.fork_servers import REPOSITORY
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import quiet_environment

GUIDE = (REPOSITORY / "docs" / "how-to-add.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(python|json|sql|diff) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def follow_steps(root: Path) -> None:
    """Applies every block: `file` is written, `file#/a/b` set in JSON that is there, `file#/a/-` appended, SQL too.

    A diff adds its lines behind those that stand in the file once.
    """
    for kind, place, text in BLOCK.findall(GUIDE):
        file, _, pointer = place.replace("NNNN", f"{upgrade.LATEST + 1:04d}").partition("#/")
        path = root / file
        if path.suffix == ".sql":
            path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
            continue
        if kind == "diff":
            lines = text.splitlines(keepends=True)
            before = "".join(each[1:] for each in lines if each[0] == " ")
            there = path.read_text(encoding="utf-8")
            assert there.count(before) == 1, f"{place}: {before!r} does not stand there once"
            path.write_text(there.replace(before, "".join(each[1:] for each in lines)), encoding="utf-8")
            continue
        if not pointer:
            assert not path.exists(), f"{file} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        *members, last = pointer.split("/")
        holder: Any = document
        for member in members:
            holder = holder[member]
        if last == "-":
            holder.append(json.loads(text))
        else:
            assert last not in holder, f"{place} is there already"
            holder[last] = json.loads(text)
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree in which all steps were taken."""
    root = tmp_path_factory.mktemp("how-to-add")
    for folder in ("sidecar", "schemas", "data", "tests/replay"):
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    follow_steps(root)
    command = [sys.executable, "schemas/generate.py"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return root


@pytest.fixture
async def toys(tree: Path, tmp_path: Path) -> AsyncIterator[SidecarProcess]:
    async with toys_in(tree, tmp_path / "data") as process:
        yield process


@asynccontextmanager
async def toys_in(tree: Path, data_dir: Path) -> AsyncIterator[SidecarProcess]:
    command = [sys.executable, "-m", "sidecar", "serve", "--mock", "--data-dir", str(data_dir)]
    environment = {**quiet_environment(), "PYTHONPATH": str(tree)}
    async with SidecarProcess(command, cwd=tree, env=environment) as process:
        await process.call("initialize", {"protocolVersion": "1.0"})
        yield process


def test_every_recipe_is_walked_but_the_one_that_needs_no_code() -> None:
    recipes = {each.partition("\n")[0]: each for each in GUIDE.split("\n## ")[1:]}
    unwalked = {heading for heading, recipe in recipes.items() if not BLOCK.search(recipe)}
    assert unwalked == {"A provider that speaks OpenAI's protocol"}


async def test_a_provider_with_a_protocol_of_its_own_is_two_folders_and_a_row(toys: SidecarProcess) -> None:
    reply = await toys.call(
        "chat:send", {"content": "Reply with exactly: toys are fun", "modelId": "toy/toy-one"}
    )
    assert reply["content"] == "toys are fun"
    assert reply["costUSD"] == pytest.approx((1 + len("toys are fun")) / 1_000_000)
    assert (await toys.call("settings:load", {"key": "allKeys"}))["toy"] == {"configured": True}
    assert (await toys.call("settings:validate-key", {"provider": "toy"})) == {"valid": True}


async def test_a_setting_and_a_method_are_what_the_schemas_say(toys: SidecarProcess) -> None:
    assert (await toys.call("settings:load"))["toyLoud"] is True
    assert await toys.call("toy:say", {"text": "hello"}) == "HELLO"
    await toys.call("settings:save", {"key": "toyLoud", "value": False})
    assert await toys.call("toy:say", {"text": "hello"}) == "hello"


async def test_an_error_kind_has_a_code_and_a_sentence_of_its_own(toys: SidecarProcess) -> None:
    with pytest.raises(RpcError, match="Type one and try again") as caught:
        await toys.call("toy:say", {"text": " "})
    assert (caught.value.code, caught.value.data["kind"]) == (-32090, "toy_speechless")


async def test_a_notification_is_told_by_the_method_that_sends_it(toys: SidecarProcess) -> None:
    await toys.call("toy:say", {"text": "hello"})
    assert await toys.notification("toy:heard") == {"text": "HELLO"}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
async def test_a_column_is_in_every_export_with_its_kind(
    toys: SidecarProcess, tmp_path: Path, kind: str
) -> None:
    project = (await toys.call("project:create", {"name": "P"}))["id"]
    row = {"prompt": "Reply with exactly: toys are fun", "model": "toy/toy-one"}
    job = (await toys.call("batch:submit", {"projectId": project, "rows": [row], "start": True}))["id"]
    while (await toys.notification("batch:progress"))["status"] != "completed":
        pass
    file = tmp_path / f"out.{kind}"
    await toys.call("batch:export", {"jobId": job, "path": str(file), "format": kind})
    assert letters_in(file) == len("toys are fun")


def letters_in(file: Path) -> Any:
    """What the column says of the only row."""
    if file.suffix == ".parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        return parquet.read_table(file).to_pylist()[0]["letters"]
    if file.suffix == ".jsonl":
        return json.loads(file.read_text(encoding="utf-8"))["letters"]
    with file.open(encoding="utf-8-sig", newline="") as text:
        (row,) = csv.DictReader(text)
    return int(row["letters"])


def test_a_command_calls_the_method_and_is_in_the_help(tree: Path, tmp_path: Path) -> None:
    def abai(*arguments: str) -> str:
        command = [sys.executable, "-m", "sidecar.cli", *arguments]
        environment = {**quiet_environment(), "PYTHONPATH": str(tree)}
        run = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    assert "Let a toy say something." in abai("--help")
    assert abai("say", "hello", "--mock", "--data-dir", str(tmp_path)) == "HELLO\n"


@pytest.mark.parametrize("there", ["an older database", "nothing"])
async def test_a_migration_is_found_by_its_name(tree: Path, tmp_path: Path, there: str) -> None:
    if there == "an older database":
        with closing(sqlite3.connect(tmp_path / "abai.db", isolation_level=None)) as conn:
            upgrade.migrate(conn, tmp_path / "abai.db", 0)
    async with toys_in(tree, tmp_path) as toys:
        await toys.call("project:list")
        assert (await toys.call("system:health"))["schemaVersion"] == upgrade.LATEST + 1
        with closing(sqlite3.connect(tmp_path / "abai.db")) as conn:
            assert conn.execute("SELECT count(*) FROM toys").fetchone() == (0,)


def test_the_typescript_side_is_generated(tree: Path) -> None:
    contract = (tree / "bridge" / "src" / "contract.ts").read_text(encoding="utf-8")
    assert '"toy:say": { params: ToySayParams; result: ToySayResult };' in contract
    assert "toyLoud: true," in contract
    assert 'toy: "Toy",' in (tree / "bridge" / "src" / "providers.ts").read_text(encoding="utf-8")


def test_keys_of_the_new_provider_are_hidden(tree: Path) -> None:
    code = "from sidecar.known_secrets import redact; print(redact('toy-abc123456 x-toy-key: other'))"
    run = subprocess.run([sys.executable, "-c", code], cwd=tree, capture_output=True, text=True, check=True)
    assert run.stdout == "[key hidden] x-toy-key: [key hidden]\n"
