"""`{{name}}` in a prompt, filled from a row's data; `\\{{` is how two braces are meant as text there (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

# Braces that are escaped, or a variable. The white space around its name is taken off afterwards: a pattern that does
# it tries every way to share it out.
_VARIABLE = re.compile(r"\\\{\{|\{\{([^{}]+)\}\}")


def variables(text: str) -> list[str]:
    """The names that a text asks for, in the order in which they come first."""
    found = (_name(between) for between in _VARIABLE.findall(text) if between)
    return list(dict.fromkeys(found))


def missing(texts: tuple[str | None, ...], data: Mapping[str, Any]) -> list[str]:
    """The names that the texts ask for and the data lacks; null counts as lacking."""
    asked = dict.fromkeys(name for text in texts if text for name in variables(text))
    return [name for name in asked if data.get(name) is None]


def fill(text: str, data: Mapping[str, Any]) -> str:
    """The text with its variables filled in, once: what a value itself holds is left as it is."""
    if "{{" not in text:
        return text
    return _VARIABLE.sub(lambda found: spelled(data.get(_name(found[1]))) if found[1] else "{{", text)


def _name(between: str) -> str:
    """The name between two pairs of braces; a single space where there is only white space."""
    return between.strip() or " "


def escape(text: str) -> str:
    """Return the text as a template that is filled to just this text."""
    return text.replace("{{", "\\{{")


def spelled(value: Any) -> str:
    """A value as it stands in a prompt: text as it is, anything else as JSON spells it, nothing as nothing."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def fingerprint(prompt: str, system: str | None) -> str:
    """A short name for the texts before their variables: rows that share it ask the same kind of question."""
    text = f"{prompt}\0{system or ''}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=9).hexdigest()
