"""JSON that a server wrote down as something else: escaped for a web page, or as Python shows it (pure)."""

from __future__ import annotations

import ast
import html
import json
import re
import warnings
from typing import Any

from sidecar.providers.kernel.loose_json import LOOSE_JSON

_ESCAPED = re.compile(r"\s*[\[{][\[{\s]*&(?:quot|#0*34|#[xX]0*22);")
_PYTHON = re.compile(r"\s*[\[{][\[{\s]*'")
# Reading Python takes many times the memory of its letters.
_MOST_PYTHON_LETTERS = 1_000_000


def read_respelled(text: str) -> Any:
    """Return the value. Raises ValueError for any other text."""
    if _ESCAPED.match(text):
        return LOOSE_JSON.decode(html.unescape(text))
    if _PYTHON.match(text) and len(text) <= _MOST_PYTHON_LETTERS:
        return _of_python(text.strip())
    raise ValueError("no JSON")


def _of_python(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            # A backslash that is none of Python's is no news for the log.
            warnings.simplefilter("ignore")
            written = json.dumps(ast.literal_eval(text))
    except (SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("no JSON") from None
    return LOOSE_JSON.decode(written)
