"""What is in the frozen folder, and what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from PyInstaller.archive.readers import CArchiveReader

from tests.helpers.fork_servers import REPOSITORY

# Every distribution that is shipped; a new one is a decision.
SHIPPED = {
    *(
        "aiohappyeyeballs",
        "aiohttp",
        "aiohttp-socks",
        "aiosignal",
        "aiosqlite",
        "annotated-types",
        "anyio",
        "attrs",
    ),
    *("bpe-openai", "certifi", "frozenlist", "h11", "httpcore", "httpx", "httpx-aiohttp", "idna"),
    *("jsonrpcserver", "jsonschema", "jsonschema-specifications", "multidict", "orjson", "oslash"),
    *("platformdirs", "propcache", "pydantic", "pydantic-core", "python-socks", "referencing", "rpds-py"),
    *("truststore", "typing-extensions", "typing-inspection", "yarl"),
    # keyring, with what it needs on Linux, on Windows, and on a Python before 3.12.
    *("keyring", "jaraco-classes", "jaraco-context", "jaraco-functools", "more-itertools"),
    *("secretstorage", "jeepney", "cryptography", "cffi", "pywin32-ctypes"),
    *("backports-tarfile", "importlib-metadata", "lazy-importer", "zipp"),
}


def code(executable: Path) -> Iterator[tuple[str, bytes]]:
    """Every module in it by name, with its bytes: those in its archive, and those that are files."""
    modules = CArchiveReader(str(executable)).open_embedded_archive("PYZ.pyz")
    for name in modules.toc:
        yield name, modules.extract(name, raw=True) or b""
    inside = executable.parent / "_internal"
    for path in inside.rglob("*.pyc"):
        yield ".".join(path.relative_to(inside).with_suffix("").parts), path.read_bytes()


def libraries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".so", ".pyd", ".dylib")]


def test_every_library_in_it_is_one_that_is_meant_to_be_shipped(frozen: Path) -> None:
    inside = frozen.parent / "_internal"
    modules = {name.split(".")[0] for name, _ in code(frozen)}
    modules |= {path.relative_to(inside).parts[0].split(".")[0] for path in libraries(inside)}
    owners = metadata.packages_distributions()
    shipped = {
        name.lower().replace("_", "-").replace(".", "-")
        for module in modules - sys.stdlib_module_names - {"sidecar"}
        for name in owners.get(module, ())
    }
    assert shipped - SHIPPED == set()
    assert {"httpx", "aiohttp", "pydantic", "keyring", "bpe-openai"} <= shipped
    assert shipped <= {folder.name for folder in (inside / "licences").iterdir()}


def test_nothing_in_it_says_where_it_was_made(frozen: Path) -> None:
    here = [REPOSITORY / "sidecar", REPOSITORY / "packaging", REPOSITORY / "build"]
    here += [Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("scripts"))]
    told = [str(path).encode() for path in here]
    files = [path for path in frozen.parent.rglob("*") if path.is_file()]
    wrong = [str(path) for path in files if any(each in path.read_bytes() for each in told)]
    wrong += [name for name, content in code(frozen) if any(each in content for each in told)]
    assert wrong == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux are libraries stripped")
def test_every_library_in_it_can_still_be_loaded(frozen: Path) -> None:
    inside = frozen.parent / "_internal"
    files = [str(path) for path in libraries(inside)]
    assert len(files) > 40
    load = "import ctypes, sys\nfor path in sys.argv[1:]: ctypes.CDLL(path)"
    ran = subprocess.run(
        [sys.executable, "-c", load, *files],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "LD_LIBRARY_PATH": str(inside)},
    )
    assert ran.returncode == 0, ran.stderr


def test_the_bridge_looks_for_it_where_it_is(frozen: Path, tmp_path: Path) -> None:
    bridge = REPOSITORY / "bridge"
    compiler = [str(bridge / "node_modules/typescript/bin/tsc"), str(bridge / "src/command.ts")]
    node(*compiler, "--ignoreConfig", "--module", "node16", "--types", "node", "--outDir", str(tmp_path))
    options = json.dumps({"resourcesPath": str(frozen.parent.parent), "mock": True})
    ask = f"console.log(JSON.stringify(require('./command.js').findSidecar({options})))"
    found = json.loads(node("--eval", ask, folder=tmp_path))
    assert found == {"program": str(frozen), "args": ["serve", "--mock"]}


def node(*arguments: str, folder: Path = REPOSITORY / "bridge") -> str:
    ran = subprocess.run(
        ["node", *arguments], capture_output=True, encoding="utf-8", timeout=60, check=False, cwd=folder
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
