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
    """Return ms since 1970 of seconds, of ms, or of a date as text; one without a zone is taken as UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * 1000) if 0 < value < 1e11 else int(value) if 1e11 <= value < 1e14 else None
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        try:
            read = datetime.strptime(value, "%Y/%m/%d %H:%M:%S")
        except ValueError:
            return None
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


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
