"""Which of the choices in the chunks of a stream is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping
from sidecar.providers.openai_family.chunks import finish_word, piece_of, spoken


class Choices:
    """Tells the answer, choice 0, from the others, in whatever order they come.

    Some count their pieces where the number of the choice belongs, some begin with 1, and some give one answer as two
    choices of one number. So another number is another answer only where it stands beside the first, or begins with a
    role, or behind the end of the first: two answers are never told as one, also where all of one comes before the
    other. What comes before any choice 0 waits, until a chunk behind its first words has none either.
    """

    def __init__(self) -> None:
        self._first: str | None = None
        self._others: set[str] = set()
        self._waiting: list[Mapping[str, Any]] = []
        self._has_words = False
        self._has_ended = False

    @property
    def is_plain(self) -> bool:
        """Whether a chunk of choice 0 alone is the answer, whatever came before it."""
        return self._first == "0" or (self._first is None and not self._waiting)

    def ours(self, chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the choices that are the answer, as far as it is known: those of the chunk, or that waited."""
        listed = [as_mapping(choice) for choice in as_list(chunk.get("choices"))]
        numbers = [str(choice["index"]) for choice in listed if choice.get("index") is not None]
        if self._first is None and numbers:
            if "0" in numbers:
                # What waited was another answer.
                self._others |= {str(choice["index"]) for choice in self._waiting}
                self._waiting, self._first = [], "0"
            elif not self._has_words:
                yield from self._wait(listed)
                return
            else:
                yield from self.rest()
        for choice in listed:
            if choice.get("index") is None or self._is_ours(choice, len(listed) > 1):
                yield choice

    def rest(self) -> Iterator[Mapping[str, Any]]:
        """Yield what waited for a choice 0 that does not come: the first of its numbers is the answer."""
        waited, self._waiting = self._waiting, []
        for choice in waited:
            if self._is_ours(choice, False):
                yield choice

    def _wait(self, listed: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for choice in listed:
            if choice.get("index") is None:
                yield choice
                continue
            beside = self._waiting or [choice]
            if len(listed) > 1 and str(choice["index"]) != str(beside[0]["index"]):
                self._others.add(str(choice["index"]))
            self._waiting.append(choice)
            self._has_words = self._has_words or _has_words(choice)

    def _is_ours(self, choice: Mapping[str, Any], is_beside: bool) -> bool:
        number = str(choice["index"])
        if self._first is None:
            self._first = number
        begins = bool(as_mapping(choice.get("delta")).get("role"))
        if not begins and (number == "0" or self._has_ended):
            # An end without words may be that of the first, whatever its number.
            begins = _has_words(choice)
        if number != self._first and (is_beside or begins):
            self._others.add(number)
        if number in self._others:
            return False
        self._has_ended = self._has_ended or bool(finish_word(choice))
        return True


def _has_words(choice: Mapping[str, Any]) -> bool:
    said, _ = piece_of(choice)
    return any(each.text for each in spoken(as_mapping(said)))
