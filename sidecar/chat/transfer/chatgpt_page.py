"""The page `chat.html` of ChatGPT's export: its conversations stand in it as a value of its script (pure)."""

from __future__ import annotations

import json
import re
from typing import Any

_SCRIPT = re.compile(r"\bvar\s+jsonData\s*=\s*(?=\[)")


def conversations_in(text: str) -> list[Any] | None:
    """Return the conversations, None for another text or for a page that is cut."""
    if not text[:1_000].lstrip("\ufeff \n\t").startswith("<"):
        return None
    begin = _SCRIPT.search(text)
    if begin is None:
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text, begin.end())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None
