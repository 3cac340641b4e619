"""What of a piece is new, for some gateways send in every piece all the text so far (pure).

A piece that repeats all before it and goes on may still be only new text, so it is held back until it is clear: three
pieces that do so one after the other, over more than a few letters, are no model's words. Others come as they are.
"""

from __future__ import annotations

# Three pieces, of which the second already says something: rows of one sign grow in the same way.
_LEAST_HELD = 2
_LEAST_SIGNS = 4


class NewText:
    """Takes the pieces of one answer, or of one thought, as they come."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._length = 0
        self._held: list[str] = []
        self._repeats: bool | None = None

    def take(self, text: str, *, is_message: bool = False) -> str:
        """Return what is new in the piece, or in it and those before it; empty while that is not clear.

        A message that says just what its pieces have said is the whole answer once more.
        """
        if is_message and self._said and text == "".join(self._said):
            return ""
        if self._repeats is None:
            return self._undecided(text)
        if self._repeats:
            return self._behind(text)
        if len(text) == self._length and self._is_all_again(text):
            return ""
        self._keep(text)
        return text

    def finish(self) -> str:
        """Return what was held back to the end."""
        held, self._held = self._held, []
        if not held:
            return ""
        first = self._said[0]
        several = len(held) >= _LEAST_HELD and _says_something(held[-1])
        # "GoodGood morning" is written by nobody.
        glued = first[:1].isalpha() and first[-1:].isalpha() and len(set(first)) >= _LEAST_SIGNS - 1
        return held[-1][len(first) :] if several or glued else "".join(held)

    def _undecided(self, text: str) -> str:
        if not text or not self._said:
            if text:
                self._keep(text)
            return text
        before = self._held[-1] if self._held else self._said[0]
        if len(text) > len(before) and text.startswith(before):
            self._held.append(text)
            if len(self._held) < _LEAST_HELD or not _says_something(before):
                return ""
            self._repeats, self._held = True, []
            return self._behind(text)
        self._repeats = False
        new = "".join((*self._held, text))
        for piece in (*self._held, text):
            self._keep(piece)
        self._held = []
        return new

    def _behind(self, text: str) -> str:
        """What stands behind all that was said; a piece that does not begin with it is new as a whole."""
        said = "".join(self._said)
        if said.startswith(text):
            return ""
        if not text.startswith(said):
            self._repeats = False
            self._keep(text)
            return text
        self._said, self._length = [text], len(text)
        return text[len(said) :]

    def _is_all_again(self, text: str) -> bool:
        """Whether the piece is the whole answer once more, as some send it behind its pieces."""
        return len(self._said) > _LEAST_HELD and _says_something(text) and text == "".join(self._said)

    def _keep(self, text: str) -> None:
        self._said.append(text)
        self._length += len(text)


def _says_something(text: str) -> bool:
    return len(set(text)) >= _LEAST_SIGNS
