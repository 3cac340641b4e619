"""What is said of an option that cannot be used as it is written, in place of the library's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

_WORDS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"'(?P<it>.*)' is not one of (?P<choices>.+)", lambda said: _choice(said["it"], said["choices"])),
    (r"Input should be a valid integer.*|.* is not a valid int(eger)?", lambda _: "Write a whole number."),
    (r"Input should be a valid number.*|.* is not a valid float", lambda _: "Write a number, such as 1.5."),
    (r"Input should be less than or equal to (.+)", lambda said: f"It is {said[1]} at most."),
    (r"Input should be greater than or equal to (.+)", lambda said: f"It is {said[1]} at least."),
    (r".* is not in the range (\d+)<=x<=(\d+)", lambda said: f"It is from {said[1]} to {said[2]}."),
    (r"\w+ '(.*)' does not exist", lambda said: f"There is no file {said[1]}. Check its name."),
    (r"\w+ '(.*)' is a directory", lambda said: f"{said[1]} is a folder. Name a file."),
)


def sentence(said: str) -> str:
    """Return what a person is told where the library has said this of a value (pure). Our own words stay."""
    bare = said.removeprefix("Value error, ").strip()
    for pattern, told in _WORDS:
        found = re.fullmatch(pattern, bare.removesuffix("."), re.IGNORECASE | re.DOTALL)
        if found is not None:
            return told(found)
    return bare


class Commands(TyperGroup):
    """Commands whose options are refused in our words."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises what the library does, in other words."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as refused:
            refused.message = sentence(refused.message)
            raise


def _choice(written: str, choices: str) -> str:
    names = re.findall(r"'([^']*)'", choices) or [each.strip() for each in choices.split(",")]
    *others, last = names
    listed = f"{', '.join(others)} or {last}" if others else last
    return f"{written} cannot be chosen. Write {listed}."
