"""Every command and every piece of code in README and docs is run, or held against what it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.money.catalogue import Catalogue
from sidecar.money.user_catalogue import lay
from tests.documents.blocks import ROOT, Block, blocks

# TypeScript is compiled and run by bridge/test/package.test.ts, which reads the same pages.
LANGUAGES = {"sh", "console", "json", "ts", "bat", "html", "yaml", "text"}
LIMIT_S = 120
CONTRIBUTORS = "CONTRIBUTING.md"

# `make`, `npm` and `pip` set the machine up: that their targets are there is looked at, and no more.
STAND_INS = {
    "make": 'for word in "$@"; do case "$word" in *=*) ;; *) grep -q "^$word:" "$ROOT/Makefile" || exit 9; esac; done',
    "npm": 'case "$1" in run) grep -q "\\"$2\\":" "$ROOT/bridge/package.json" || exit 9; esac',
    "pip": ":",
    "docker": ":",
}


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `abai` and `abai-sidecar` are the source's, and its data is the test's own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    scripts = STAND_INS | {
        # Vendors are simulated in every command, also where a page speaks of real ones; a key is kept without them.
        "abai": f'case "$1" in --mock) shift;; esac; case "$1 $2" in "keys set") mock=;; *) mock=--mock;; esac; '
        f'exec {sys.executable} -m sidecar.cli $mock "$@"',
        "abai-sidecar": f'exec {sys.executable} -m sidecar "$@"',
    }
    for name, script in scripts.items():
        path = programs / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ROOT": str(ROOT),
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "ABAI_KEY_STORE": "file",
    }


def run(script: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        input="sk-test-0123456789abcdef",
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def commands() -> dict[str, str]:
    """Return what a person types who follows a page from its top. The contributors' own runs tests, as this does."""
    typed: dict[str, str] = {}
    for block in blocks("sh"):
        name = block.page.name
        if name != CONTRIBUTORS:
            typed[name] = typed.get(name, "") + block.text
    return typed


@pytest.mark.parametrize(("page", "typed"), commands().items(), ids=commands())
def test_the_commands_of_a_page_run_one_after_the_other(
    page: str, typed: str, tmp_path: Path, shell: dict[str, str]
) -> None:
    (tmp_path / "prompts.csv").write_text("prompt\nName a river\n", encoding="utf-8")
    ran = run(typed, tmp_path, shell)
    assert ran.returncode == 0, f"{page}\n{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_a_session_answers_as_the_page_shows(block: Block, tmp_path: Path, shell: dict[str, str]) -> None:
    command, _, shown = block.text.removeprefix("$ ").replace("\\\n", "").partition("\n")
    ran = run(command.replace(".venv/bin/", ""), tmp_path, shell)
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("…"))
    assert re.fullmatch(pattern, ran.stdout.strip(), re.DOTALL), ran.stdout + ran.stderr


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_json_and_a_models_json_can_be_laid_over_the_catalogue(block: Block) -> None:
    content = block.text.encode()
    names = {f"{row['provider']}/{row['id']}" for row in json.loads(content).get("models", ())}
    if block.note == "models.json":
        laid = lay(Catalogue.load().models, content, {})
        assert names <= {model.full_id for model in laid.models}


@pytest.mark.parametrize(
    "block",
    [*blocks("bat", "yaml", "html"), *(each for each in blocks("sh") if each.page.name == CONTRIBUTORS)],
    ids=str,
)
def test_what_runs_elsewhere_names_files_that_are_there(block: Block) -> None:
    paths = re.findall(r"(?<![\w./\\])((?:packaging|tests|bridge)[\\/][\w.\\/-]+)", block.text)
    made = ("bridge\\out", "bridge/out")
    missing = [
        path for path in paths if not path.startswith(made) and not (ROOT / path.replace("\\", "/")).exists()
    ]
    assert missing == []


def test_every_block_is_in_a_language_that_something_runs() -> None:
    assert {block.language for block in blocks()} <= LANGUAGES


def test_every_message_of_the_troubleshooting_page_is_one_that_the_product_says() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r'"([^"]+)"', "".join(re.findall(r"^\| (\".*?) \|", page, re.MULTILINE)))
    # A sentence is written in pieces: those of one statement are one again, and its fields a blank.
    sources = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "sidecar").rglob("*.py"))
    sentences = re.sub(r'"\s*(?:\n\s*)?f?"', "", sources)
    assert len(quoted) > 20
    assert [words for words in quoted if words not in sentences] == []
