"""Values in the files of other programs, whatever they turn out to be, and what stands in a message (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

# Longer is no name of a model.
_MOST_MODEL = 200
_SAID = frozenset({"text", "input_text", "output_text"})
_THOUGHT = frozenset({"think", "thinking", "reasoning"})
_PICTURES = frozenset({"image", "image_url", "image_file", "input_image"})
_SUMMARY = re.compile(r"\s*<summary>[^<]*</summary>\s*")
_QUOTED = re.compile(r"^> ?", re.MULTILINE)
_FOLDED = '<details type="'
# Seconds, ms, µs: below which number it is which, and what makes ms of it.
_UNITS = ((1e11, 1000), (1e14, 1), (1e17, 0.001))
# Apple's programs count seconds from 2001 on; by Unix' count nobody spoke to a model then.
_APPLE, _SINCE_2001 = (5e8, 1.1e9), 978_307_200
_DIGITS = re.compile(r"\d{9,17}(?:\.\d{1,9})?", re.ASCII)
_MOST_DATE = 64
# NextChat's in some languages; those of SillyTavern. Where a day and a month cannot be told apart, none is taken.
_FORMS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d, %H:%M:%S",
    "%B %d, %Y %I:%M%p",
    "%Y-%m-%d@%Hh%Mm%Ss",
    "%Y-%m-%d @%Hh %Mm %Ss %fms",
)
_FILE_NAMES = ("name", "file_name", "fileName", "filename", "title")
_MOST_NAME = 200


def an_object(value: Any) -> Mapping[str, Any]:
    """Return it, or an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def a_list(value: Any) -> list[Any]:
    """Return it, or an empty one where it is none."""
    return value if isinstance(value, list) else []


def a_text(value: Any) -> str:
    """Return it, or "" where it is none."""
    return value if isinstance(value, str) else ""


def a_model(*values: Any) -> str | None:
    """Return the first of these that can be the name of a model."""
    return next((each for each in values if isinstance(each, str) and 0 < len(each) <= _MOST_MODEL), None)


def moment(value: Any) -> int | None:
    """Return ms since 1970 of seconds, of ms, of µs, or of a date as text; one without a zone is taken as UTC.

    Numbers may be written as text, and as MongoDB writes them: {"$date": {"$numberLong": "…"}}.
    """
    if isinstance(value, dict):
        return moment(value.get("$date", value.get("$numberLong")))
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _APPLE[0] < value < _APPLE[1]:
            value += _SINCE_2001
        return next((int(value * factor) for most, factor in _UNITS if 0 < value < most), None)
    if not isinstance(value, str) or len(value) > _MOST_DATE:
        return None
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return moment(float(text))
    try:
        read = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        found = (_as(text, form) for form in _FORMS)
        read = next(filter(None, found), None)  # type: ignore[assignment]
        if read is None:
            return None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


def _as(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def named_files(files: Any, kind: str = "file") -> list[str]:
    """Return what stands in a message in the place of each file of a list: its name, or else its kind."""
    found = []
    for each in a_list(files):
        told = an_object(each)
        name = next((a_text(told.get(name)) for name in _FILE_NAMES if a_text(told.get(name))), "")
        found.append(f"[{name[:_MOST_NAME] or kind}]")
    return found


def words(content: Any) -> tuple[str, str]:
    """Return what was said, and what was thought before it. A picture or a file leaves its place."""
    said: list[str] = []
    thought: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            text, thinking = unfolded(part)
            said.append(text)
            thought.append(thinking)
            continue
        part = an_object(part)
        kind = a_text(part.get("type"))
        if kind in _SAID:
            text, thinking = unfolded(_worded(part.get("text")))
            said.append(text)
            thought.append(thinking)
        elif kind in _THOUGHT:
            thought.append(_worded(part.get(kind)) or _worded(part.get("text")))
        elif kind in _PICTURES:
            said.append("[image]")
        elif kind == "file":
            said.append(f"[{a_text(part.get('name') or part.get('filename')) or 'file'}]")
    return joined(said), joined(thought)


def joined(texts: list[str]) -> str:
    """Return those that are not empty, with a blank line between them."""
    return "\n\n".join(each for each in (text.strip() for text in texts) if each)


def unfolded(text: str) -> tuple[str, str]:
    """Return a text without what it begins with as thinking, or folds away, and the thinking in it.

    `<think>…</think>` stands at the beginning; Open WebUI folds thinking into `<details type="reasoning">`, each line
    quoted, and what its tools did into `<details>` of other types, which were not said to anybody.
    """
    thought: list[str] = []
    bare = text.lstrip()
    if bare.startswith("<think>"):
        thinking, closed, rest = bare[len("<think>") :].partition("</think>")
        if closed:
            thought.append(thinking)
            text = rest
    said: list[str] = []
    at = 0
    while (begin := text.find(_FOLDED, at)) >= 0:
        opened, end = text.find(">", begin), text.find("</details>", begin)
        if opened < 0 or end < opened:
            break
        said.append(text[at:begin])
        if text.startswith("reasoning", begin + len(_FOLDED)):
            thought.append(_QUOTED.sub("", unescape(_SUMMARY.sub("", text[opened + 1 : end], 1))))
        at = end + len("</details>")
    return "".join([*said, text[at:]]).strip(), joined(thought)


def _worded(value: Any) -> str:
    """A text as it is, or as OpenAI's threads wrap it."""
    return a_text(value) or a_text(an_object(value).get("value"))
