"""The table of methods in INTEGRATION_STATUS.md, between two markers; the prose around it is written by hand."""

from __future__ import annotations

from pathlib import Path

from schemas.routes import Route, recording
from schemas.source import Source

BEGIN = "<!-- methods:begin -->"
END = "<!-- methods:end -->"
_EMPTY = f"# Integration status\n\n{BEGIN}\n{END}\n"


def updated(document: str | None, table: str) -> str:
    """The document with the table between its markers. Raises ValueError when it has none."""
    text = _EMPTY if document is None else document
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"INTEGRATION_STATUS.md must hold the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table}{END}{after}"


def table(source: Source, routes: list[Route], replay: Path) -> str:
    """Methods with status and recording, then what the sidecar sends by itself. `replay` is tests/replay."""
    lines = ["", "| method | what it does | status | recording |", "| --- | --- | --- | --- |"]
    for route, method in zip(routes, source.methods, strict=True):
        names = _names(route.name, *route.aliases)
        file = recording(route.name)
        shown = f"`{file}`" if (replay / file).is_file() else "none"
        lines.append(f"| {names} | {_cell(method['summary'])} | {_status(route.planned)} | {shown} |")
    lines += ["", "| notification of the sidecar | what it says | status |", "| --- | --- | --- |"]
    for each in source.notifications:
        status = _status(bool(each.get("x-planned", False)))
        lines.append(f"| {_names(each['name'])} | {_cell(each['summary'])} | {status} |")
    return "\n".join([*lines, "", ""])


def _names(name: str, *older: str) -> str:
    if not older:
        return f"`{name}`"
    return f"`{name}` (older: {', '.join(f'`{each}`' for each in older)})"


def _status(planned: bool) -> str:
    return "planned" if planned else "served"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
