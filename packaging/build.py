"""Freezes the sidecar for the platform this runs on: `dist/sidecar/abai-sidecar`, with all that it needs beside it."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "abai-sidecar"
# What electron-builder copies into `resources`, and where the bridge looks for it there.
FOLDER = "sidecar"
EXECUTABLE = f"{NAME}.exe" if sys.platform == "win32" else NAME

# Read at run time; the rest of schemas/ and data/ only makes code.
FILES = (
    ("data/database.sql", "data"),
    ("data/models.json", "data"),
    ("data/report.css", "data"),
    ("data/report.js", "data"),
    ("sidecar/contract/openrpc.json", "sidecar/contract"),
    ("sidecar/contract/result_shapes.json", "sidecar/contract"),
)
# Imported by name when they are first needed, so that no analysis sees them.
IMPORTED_BY_NAME = ("sidecar", "keyring.backends")
CARRY_FILES = ("jsonrpcserver", "jsonschema_specifications", "certifi")
# The tokenizer's tables are inside its library; the Python around it and its own copies of the tables stay behind.
TOKENIZER = "bpe_openai"
# keyring finds its backends through what packages say of themselves.
CARRY_METADATA = ("keyring",)
LEFT_OUT = (
    # The command line is installed beside the app, not inside it.
    "sidecar.cli",
    # PyInstaller would import it at every start, to prepare it for processes that nobody makes.
    "multiprocessing",
    # The one library in C++; the package has the same in Python.
    "frozenlist._frozenlist",
)
_TERMS = re.compile(r"(?i)licen[cs]e|copying|notice|authors")


def arguments(work: Path) -> list[str]:
    """The arguments of PyInstaller. One folder rather than one file: killing the process then ends it, and it
    starts without unpacking."""
    given = ["--noconfirm", "--onedir", "--console", "--name", NAME]
    given += ["--distpath", str(work / "dist"), "--workpath", str(work), "--specpath", str(work)]
    given += ["--paths", str(ROOT)]
    given += ["--additional-hooks-dir", str(ROOT / "packaging" / "hooks")]
    if sys.platform != "win32":
        # Modules as files: a start is then as fast as that of the source, in an archive a twentieth slower. On Windows
        # each file that is opened is looked through for viruses, and there is one of an archive.
        given += ["--debug", "noarchive"]
    # As the bridge has it for a Python: Windows would read and write files in the system's code page.
    given += ["--python-option", "X utf8"]
    given += [f"--add-data={ROOT / source}{os.pathsep}{folder}" for source, folder in FILES]
    given += [f"--collect-submodules={name}" for name in IMPORTED_BY_NAME]
    given += [f"--collect-data={name}" for name in CARRY_FILES]
    given += [f"--add-binary={library}{os.pathsep}{TOKENIZER}" for library in tokenizer()]
    given += [f"--copy-metadata={name}" for name in CARRY_METADATA]
    given += [f"--add-data={file}{os.pathsep}licences/{name}" for name, file in licences()]
    given += [f"--exclude-module={name}" for name in (*LEFT_OUT, *sorted(strangers()))]
    if sys.platform.startswith("linux") and shutil.which("strip"):
        given.append("--strip")  # a quarter of all, for names of functions that only a debugger reads
    return [*given, str(ROOT / "packaging" / "entry.py")]


def tokenizer() -> list[Path]:
    """Its library. It is not built for every platform; counts are estimates where it is missing."""
    package = find_spec(TOKENIZER)
    folders = (package.submodule_search_locations if package else None) or ()
    return [
        library
        for folder in folders
        for library in Path(folder).glob("_bindings*")
        if library.suffix in (".so", ".pyd")
    ]


def licences() -> Iterator[tuple[str, Path]]:
    """The terms of everybody whose work is shipped, which have to go with it; what states them, where nothing
    else does."""
    for name in sorted(needed(NAME, set())):
        told = [file for file in metadata.files(name) or () if ".dist-info" in str(file)]
        terms = [file for file in told if _TERMS.match(file.name)]
        for file in terms or [file for file in told if file.name == "METADATA"]:
            yield name, Path(str(file.locate()))
    python = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    if python.exists():
        yield "python", python


def strangers() -> set[str]:
    """Modules that are installed here without the sidecar depending on them. Libraries import such things when
    they find them, and what is frozen on a developer's machine would hold what a developer needs."""
    ours = needed(NAME, {NAME})
    return {
        module
        for module, distributions in metadata.packages_distributions().items()
        if not ours & {_canonical(name) for name in distributions}
    }


def needed(name: str, seen: set[str]) -> set[str]:
    """`seen`, with all distributions that the one of this name depends on here, however far away."""
    from packaging.requirements import Requirement

    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and _canonical(requirement.name) not in seen:
            seen.add(_canonical(requirement.name))
            needed(requirement.name, seen)
    return seen


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def build(out: Path, work: Path) -> Path:
    """Freezes into `out`/sidecar; gives the path of the executable. Raises CalledProcessError."""
    command = [sys.executable, "-m", "PyInstaller", *arguments(work)]
    environment = {
        **os.environ,
        # The package is looked through in processes of PyInstaller's own, which need not have it installed.
        "PYTHONPATH": str(ROOT),
        "PYINSTALLER_CONFIG_DIR": str(work / "cache"),
        # Unpacking each module took a tenth of a start. An installer packs all of it once more anyway.
        "PYINSTALLER_ZLIB_COMPRESSION_LEVEL": "0",
        # Its warnings are about other systems' libraries and about what is left out on purpose.
        "PYI_LOG_LEVEL": "ERROR",
    }
    subprocess.run(command, check=True, cwd=ROOT, env=environment)  # noqa: S603
    target = out / FOLDER
    if target.exists():
        shutil.rmtree(target)
    out.mkdir(parents=True, exist_ok=True)
    shutil.move(work / "dist" / NAME, target)
    executable = target / EXECUTABLE
    # PyInstaller leaves one alone that would not change; make compares times.
    executable.touch()
    return executable


def sizes(folder: Path) -> Iterator[tuple[str, int]]:
    """Bytes by what they belong to, the largest first, after the total."""
    parts: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.relative_to(folder).parts
            parts[inside[1] if len(inside) > 1 else inside[0]] += path.stat().st_size
    yield "in all", sum(parts.values())
    yield from parts.most_common(12)


def main() -> int:
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the folder `sidecar` is made")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "package", help="for what is in between"
    )
    flags = parser.parse_args()
    if find_spec("PyInstaller") is None:
        sys.stderr.write("PyInstaller is not installed here. Run `pip install -e .[dev]`, then try again.\n")
        return 2
    executable = build(flags.out.absolute(), flags.work.absolute())
    sys.stdout.write(f"{executable}\n")
    for name, size in sizes(executable.parent):
        sys.stdout.write(f"{size / 1e6:8.1f} MB  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
