"""Texts that are no table and no JSON, told as what they are: by how they begin, or by what they are called (pure)."""

from __future__ import annotations

import re
from typing import NoReturn

from sidecar.batch.files.refusals import refused

COMMENT = (
    "The file begins with a comment, which JSON does not have. Take the comments out, and import it again."
)
WEB_PAGE = (
    "The file is a web page, perhaps one that asks to sign in. Download the table itself, then import that."
)
_MARKUP = ("xml", "html", "htm", "xhtml")
_YAML = re.compile(r"(?:#.*\n|---\s*\n|\s*\n)*\s*(?:-\s+\S|['\"]?[\w$ -]+['\"]?:(?:\s|$))")
_PAGE = re.compile(r"[\ufeff\s]*<(?:!doctype html|html|table|meta|head|body|pre)\b", re.IGNORECASE)
LINK = (
    "The file is a link to a document, and holds nothing of it. Open the document, download it as CSV or as Excel, "
    "and import that."
)
_GIT_LFS = "The file is a pointer of Git LFS, and the table itself was not fetched. Run git lfs pull first."
_SUBTITLES = "The file holds subtitles. Give a table with a column of prompts, or a line for each."
_PRINTED = "The file is a document for printing. Copy its table into a spreadsheet, and save that as CSV."
_BEGINNINGS = (
    (re.compile(r"[\ufeff\s]*<\?xml\b[^>]*>\s*<!DOCTYPE plist\b", re.IGNORECASE), LINK),
    (
        re.compile(r"[\ufeff\s]*<\?xml\b", re.IGNORECASE),
        "The file is XML. Save its table as CSV, JSON or XLSX.",
    ),
    (re.compile(r"version https://git-lfs\."), _GIT_LFS),
    (re.compile(r"bplist00"), "The file is a property list of macOS. Export its table as CSV, JSON or XLSX."),
    (re.compile(r"[\ufeff\s]*\[InternetShortcut\]", re.IGNORECASE), LINK),
    (re.compile(r"[\ufeff\s]*\[Desktop Entry\]", re.IGNORECASE), LINK),
    (
        re.compile(r"\ufeff?WEBVTT\b"),
        _SUBTITLES,
    ),
    (
        re.compile(r"%!PS-"),
        _PRINTED,
    ),
)
_CODE = (
    "The file is the source of a program. Have the program write its prompts as CSV, JSON or JSON Lines, and import "
    "those."
)
_BY_NAME = {
    **dict.fromkeys(
        ("py", "js", "mjs", "cjs", "ts", "r", "jl", "java", "go", "rs", "php", "rb", "sh", "ps1"), _CODE
    ),
    "sql": "The file is SQL. Export the result of a query as CSV or JSON, and import that.",
    "toml": "The file is TOML. Save its rows as JSON, JSON Lines or CSV.",
    "ini": "The file holds settings. Give a table of prompts as CSV, JSON, JSON Lines or XLSX.",
    "srt": _SUBTITLES,
    "tex": "The file is a document of LaTeX. Copy its table into a spreadsheet, and save that as CSV.",
}


def is_page(head: str, name: str) -> bool:
    """Whether a text that begins so, and whose name ends so, is a web page."""
    return bool(_PAGE.match(head)) or (
        name in ("html", "htm", "xhtml") and head.lstrip("\ufeff \r\n\t").startswith("<")
    )


def refuse(head: str, name: str) -> None:
    """Raise Failure("invalid_params") for a text that is known and holds no rows for us."""
    found = next((told for begin, told in _BEGINNINGS if begin.match(head)), None)
    if found is not None:
        raise refused(found)
    if name in _MARKUP and head.lstrip("\ufeff \r\n\t").startswith("<"):
        raise refused("The file is XML. Save its table as CSV, JSON or XLSX." if name == "xml" else WEB_PAGE)
    if name in ("yaml", "yml") and _YAML.match(head):
        raise refused(
            "The file is YAML. Save its rows as JSON, JSON Lines or CSV; a file of promptfoo is run with `abai run`."
        )


def begins_with_comment(head: str) -> bool:
    """Whether a text that is said to be JSON begins so."""
    return re.match(r"[\ufeff\s]*(?:/[/*]|#)", head) is not None


def refuse_by_name(name: str) -> None:
    """Raise Failure("invalid_params") for what is called like something else than a table, and names no prompt."""
    if name in _BY_NAME:
        raise refused(_BY_NAME[name])


def refuse_page() -> NoReturn:
    """Raise Failure("invalid_params") for a web page in which there is no table."""
    raise refused(WEB_PAGE)
