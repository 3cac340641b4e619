"""Writes everything that follows from the handwritten schemas; with --check, says what does not.

python schemas/generate.py            sidecar/contract, bridge/src/contract.ts and providers.ts, the table in
                                      INTEGRATION_STATUS.md, docs/methods.md, errors.md and protocol.md
python schemas/generate.py --check    changes nothing; exits 1 and names each file that differs
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def generated(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file with its content. Raises SchemaError for schemas that do not hang together."""
    from schemas import pages, providers, python_code, result_shapes, table, typescript
    from schemas.resolve import fingerprint, inline, resolve
    from schemas.routes import route
    from schemas.source import load

    source = load(root / "schemas")
    document = resolve(source)
    digest = fingerprint(document)
    routes = [route(method) for method in source.methods]
    contract = root / "sidecar" / "contract"
    status = root / "INTEGRATION_STATUS.md"
    replay = root / "tests" / "replay"
    rows = table.table(source, routes, replay)
    docs = root / "docs"
    recordings = {name: (replay / f"{name}.jsonl").read_text(encoding="utf-8") for name in pages.SCENES}
    files = {contract / name: text for name, text in python_code.modules(source, routes, digest).items()}
    return files | {
        # One line without an end: it goes out as it is, inside a frame that a line end would cut.
        contract / "openrpc.json": json.dumps(document, separators=(",", ":"), ensure_ascii=False),
        contract / "result_shapes.json": json.dumps(result_shapes.shapes(document), separators=(",", ":")),
        root / "bridge" / "src" / "contract.ts": typescript.module(source, routes, digest),
        root / "bridge" / "src" / "providers.ts": providers.typescript(source.providers),
        docs / "methods.md": pages.methods(document),
        docs / "errors.md": pages.errors(
            document, inline(source.definitions["ErrorData"], source.definitions)
        ),
        docs / "protocol.md": pages.protocol(recordings),
        status: table.updated(_read(status), rows),
    }


def different(files: dict[Path, str]) -> list[Path]:
    """The files whose text on the disk is another one, whatever their line ends."""
    return [path for path, text in files.items() if _read(path) != text]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file differs")
    options = parser.parse_args(arguments)
    files = generated()
    stale = different(files)
    if options.check:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(ROOT).as_posix()} is not what schemas/ says\n")
        if stale:
            sys.stderr.write("Run `make generate` and commit the result.\n")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8", newline="\n")
        sys.stdout.write(f"{path.relative_to(ROOT).as_posix()}\n")
    return 0


if __name__ == "__main__":
    # Run as a script, Python looks for modules beside this file, where a name could hide one of its own.
    sys.path[0] = str(ROOT)
    sys.exit(main())
