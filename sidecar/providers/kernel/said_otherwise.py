"""Members of a vendor's JSON where gateways have put or called them otherwise than the vendor (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_mapping, as_text

_ENVELOPES = ("data", "batch", "result", "response", "output", "body", "file", "object")
_INSIDE_WORD = ("state", "status", "value", "type", "name")
_NO_LETTER = re.compile(r"[^a-z0-9]")


def without_envelope(value: Mapping[str, Any], *members: str) -> Mapping[str, Any]:
    """Return the object that has all of these members: the value itself, or what one envelope in it holds."""
    if not all(name in value for name in members):
        for name in _ENVELOPES:
            told = value.get(name)
            inside = as_mapping(told[0] if isinstance(told, list) and len(told) == 1 else told)
            if inside and all(member in inside for member in members):
                return inside
    return value


def as_id(value: Any) -> str:
    """Return an id, which some write as a number; an empty text for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return as_text(value).strip()


def told_id(value: Mapping[str, Any], *names: str) -> str:
    """Return the id of the first of these names that has one, however it is spelled: `custom_id`, `customId`."""
    for name in names:
        if found := as_id(value.get(name)):
            return found
    spelled = {_NO_LETTER.sub("", name.lower()): told for name, told in value.items()}
    return next(filter(None, (as_id(spelled.get(_NO_LETTER.sub("", name))) for name in names)), "")


def as_word(value: Any) -> str:
    """Return a word for a state, which some put into an object; an empty one for what is none."""
    inside = as_mapping(value)
    return as_text(value) or next(filter(None, (as_text(inside.get(name)) for name in _INSIDE_WORD)), "")
