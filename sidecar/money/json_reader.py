"""Reading JSON with a sense of place, so that a complaint about a user's file can say where and what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from sidecar.base_url import BadBaseUrl, read_base_url

HIGHEST_PRICE = 1_000_000
# Bounds keep every product of a price and a count exact.
DECIMAL_PLACES = 12
# Some thousands of models; the shipped catalogue has a thirtieth of it.
MOST_BYTES = 4 * 1024 * 1024
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DECIMAL = re.compile(r"\d+(\.\d+)?", re.ASCII)

# The types that JSON gives, as a person would say them.
_WORDS: dict[type, str] = {
    str: "text",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}


class CatalogueError(Exception):
    """What is wrong with a catalogue, and where: `models[3].contextSize`, `must be a whole number`."""

    def __init__(self, where: str, what: str) -> None:
        self.where = where or "the file"
        super().__init__(f"{self.where} {what}")
        self.what = what


def read_json(content: bytes) -> Any:
    """Decodes with every fraction as an exact Decimal. Raises CatalogueError."""
    if len(content) > MOST_BYTES:
        raise CatalogueError("the file", f"is larger than {MOST_BYTES // 2**20} MB")
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        if _HALF.search(text):
            _refuse_halves(value)
        return value
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CatalogueError(f"line {line}", "is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise CatalogueError(
            f"line {error.lineno}, column {error.colno}", f"is not JSON ({error.msg})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise CatalogueError("the file", "is not JSON that can be read") from error


def _refuse_halves(value: Any) -> None:
    """Half an emoji is no text that anybody could be sent."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            shown = value.encode(errors="backslashreplace").decode()[:40]
            raise CatalogueError("the file", f"holds half of a character in {shown}") from None
    for each in (
        (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _refuse_halves(each)


def _no_constant(word: str) -> NoReturn:
    raise CatalogueError("the file", f"holds {word}, which is not JSON")


@dataclass(frozen=True, slots=True)
class JsonReader:
    """A JSON object and where it stands, so that a complaint can name the place."""

    where: str
    members: Mapping[str, Any]

    @classmethod
    def of(cls, where: str, value: Any) -> JsonReader:
        if not isinstance(value, dict):
            raise CatalogueError(where, "must be an object")
        return cls(where, value)

    def at(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name

    def fail(self, name: str, what: str) -> NoReturn:
        raise CatalogueError(self.at(name), what)

    def only(self, known: Iterable[str]) -> None:
        """A misspelt member is told, not passed over."""
        for name in self.members:
            if name not in known:
                self.fail(name, f"is not known; known are {', '.join(sorted(known))}")

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        value = self.members.get(name)
        if value is None:
            return default
        # bool is an int to Python, and never one to a person.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fail(name, f"must be {_WORDS[kind]}")
        return value

    def text(self, name: str) -> str:
        value = self.get(name, str)
        if not value or not value.strip():
            self.fail(name, "must be text that is not empty")
        return str(value)

    def count(self, name: str, least: int = 1) -> int | None:
        value = self.get(name, int)
        if value is not None and not least <= value < 2**53:
            self.fail(name, f"must be a whole number from {least}")
        return value if value is None else int(value)

    def need_count(self, name: str, least: int = 1) -> int:
        value = self.count(name, least)
        return self.fail(name, f"must be a whole number from {least}") if value is None else value

    def day(self, name: str) -> date | None:
        value = self.get(name, str)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(name, "must be a day such as 2026-01-31")

    def need_day(self, name: str, default: date | None = None) -> date:
        return self.day(name) or default or self.fail(name, "must be a day such as 2026-01-31")

    def price(self, name: str) -> Decimal | None:
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            value = Decimal(value)
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= HIGHEST_PRICE:
            self.fail(name, f"must be a number from 0 to {HIGHEST_PRICE}")
        price = Decimal(value)
        if int(price.as_tuple().exponent) < -DECIMAL_PLACES:
            self.fail(name, f"must have at most {DECIMAL_PLACES} decimal places")
        return price

    def texts(self, name: str) -> tuple[str, ...]:
        found = self.get(name, list, ())
        if not all(isinstance(text, str) and text for text in found):
            self.fail(name, "must be a list of texts")
        return tuple(found)

    def nodes(self, name: str) -> list[JsonReader]:
        return [
            JsonReader.of(f"{self.at(name)}[{i}]", value) for i, value in enumerate(self.get(name, list, ()))
        ]

    def node(self, name: str) -> JsonReader | None:
        return (
            JsonReader.of(self.at(name), self.members[name]) if self.members.get(name) is not None else None
        )

    def children(self, name: str) -> Iterator[tuple[str, JsonReader]]:
        """The members of an object whose members are all objects."""
        table = self.node(name)
        for key, value in table.members.items() if table else ():
            yield key, JsonReader.of(f"{self.at(name)}.{key}", value)

    def url(self, name: str) -> str | None:
        """A base URL as it was written, without its last slash, once it is known to be one."""
        value = self.get(name, str)
        if value is None:
            return None
        try:
            read_base_url(value)
        except BadBaseUrl as problem:
            self.fail(name, str(problem))
        return str(value).strip().rstrip("/")
