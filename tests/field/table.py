"""The page of the field: what happens, what the person sees, which test holds it.

`python -m tests.field.table` writes it.
"""

from __future__ import annotations

from pathlib import Path

from tests.field.claims import FOLDER, Claim, Line, claims, lines

PAGE = FOLDER.parents[1] / "docs" / "field.md"
INTRODUCTION = (
    "Each row was reported of programs like this one, and is a test here (`tests/field/`). Written by "
    "`python -m tests.field.table`; a test holds that it is current."
)
TITLES = {
    "batches": "Batches",
    "files": "Files",
    "machine": "The machine around the sidecar",
    "money": "Budget, estimates, statistics",
    "servers": "Chat servers",
    "trust": "Hostile faults and inputs",
}


def page() -> str:
    """Return the page as Markdown, made of the lists and of what the tests claim."""
    held = list(claims())
    parts = [
        "# What happens in the field",
        INTRODUCTION,
    ]
    for name, title in TITLES.items():
        rows = [_row(line, held_by) for line, held_by in _held(name, held)]
        parts.append(
            "\n".join(
                [
                    f"## {title}\n",
                    "| what happens | what the person sees | test |",
                    "| --- | --- | --- |",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _held(name: str, held: list[Claim]) -> list[tuple[Line, str]]:
    found = []
    for line in lines():
        if line.list_name == name:
            tests = [
                each.test for each in held if each.list_name == name and line.text.startswith(each.start)
            ]
            found.append((line, tests[0] if tests else ""))
    return found


def _row(line: Line, test: str) -> str:
    happens, _, seen = line.text.partition(" → ")
    file, _, function = test.partition("::")
    words = function.removeprefix("test_").replace("_", " ")
    cells = (
        happens,
        seen or ("as it was" if happens.startswith("Stay") else "see the test"),
        f"{file}: {words}",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
