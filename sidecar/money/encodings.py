"""OpenAI's published encodings, counted without the network: the tables are inside the `bpe-openai` package."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from typing import Any, Protocol, cast

from sidecar.store.columns import storable

_PACKAGE = "bpe_openai"
_BINDING = f"{_PACKAGE}._bindings"

# A count holds the interpreter from its first character to its last: some 2 ms for so many.
PIECE_CHARS = 65_536
# A letter sixty million times has no place to cut: it held the interpreter for six seconds. Cut all the same after so
# many, a word of a million letters may count for a token or two more than it has, of a hundred thousand.
MOST_PIECE_CHARS = 1_048_576
# Where both encodings always begin a new word, whatever stands around: cutting there changes no count. After a
# letter or a digit nothing but letters, digits, marks and an apostrophe goes on with its word.
_CUT = re.compile(r'(?<=[^\W_])[ \t\r\n.,:;"<>{}()=\[\]。、，]|(?<=[A-Za-z])[0-9]')


class Encoding(Protocol):
    def count(self, text: str, /) -> int:
        """Tokens of text that is valid Unicode; what looks like a special token is plain text."""


@cache
def available() -> bool:
    """Whether there is a build of the package for this platform. Loads nothing."""
    return _binding_spec() is not None


@cache
def load(name: str) -> Encoding | None:
    """`o200k_base` or `cl100k_base`, or None where the package is missing. Takes some 50 ms and 65 MB once."""
    binding = _binding()
    return None if binding is None else cast(Encoding, binding.tokenizer_for_encoding(name))


def count(encoding: Encoding, text: str, piece_chars: int = PIECE_CHARS) -> int:
    """The exact number of tokens, but for a word of a million letters. Other threads get their turn between pieces."""
    return sum(_count_piece(encoding, piece) for piece in pieces(text, piece_chars))


def pieces(text: str, piece_chars: int, most_chars: int = MOST_PIECE_CHARS) -> Iterator[str]:
    """The text in pieces of about that many characters, and never more than the most.

    Their counts add up to the count of the whole, unless one of the most characters has no place to cut.
    """
    start = 0
    while len(text) - start > piece_chars:
        cut = _CUT.search(text, start + piece_chars, start + most_chars)
        end = cut.start() if cut else start + most_chars
        if end >= len(text):
            break
        yield text[start:end]
        start = end
    yield text[start:]


def _count_piece(encoding: Encoding, piece: str) -> int:
    try:
        return encoding.count(piece)
    except UnicodeEncodeError:
        return encoding.count(storable(piece))


def _binding_spec() -> Any:
    package = importlib.util.find_spec(_PACKAGE)
    folders = package.submodule_search_locations if package else None
    # Found beside the package's own code, which decodes every table anew in Python: 0.7 s and 64 MB for nothing.
    return PathFinder.find_spec(_BINDING, list(folders)) if folders else None


def _binding() -> Any:
    # It can be initialised once in a process, so it is left where anybody else would look for it.
    if _BINDING in sys.modules:
        return sys.modules[_BINDING]
    spec = _binding_spec()
    if spec is None:
        return None
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    return sys.modules.setdefault(_BINDING, module)
