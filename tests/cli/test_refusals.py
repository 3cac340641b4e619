"""What `abai` says of an option that cannot be used as it is written."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from typer.testing import CliRunner

from sidecar.cli.commands import keys
from sidecar.cli.main import COMMANDS, app
from sidecar.cli.refusals import sentence
from tests.helpers.abai import abai

LIBRARY = ("Value error", "Input should", "unable to parse", "not one of", "valid integer", "valid number")
WRONG = {int: "many", float: "much"}


def options() -> Iterator[tuple[str, str, str]]:
    """Each option of a command that does not take every text, and what it does not take."""
    commands: list[tuple[str, Any]] = [
        (command.__name__, command) for group in COMMANDS.values() for command in group
    ]
    commands += [("keys check", keys.check)]
    for name, command in commands:
        hints = get_type_hints(command, include_extras=True)
        for parameter in inspect.signature(command).parameters.values():
            annotation = hints[parameter.name]
            kinds, found = _kinds(annotation), _option(annotation)
            if found is None:
                continue
            flag = next((each for each in found if each.startswith("--")), f"--{parameter.name}").replace(
                "_", "-"
            )
            for kind in kinds:
                if isinstance(kind, type) and issubclass(kind, Enum):
                    yield name, flag, "week"
                elif kind in WRONG:
                    yield name, flag, WRONG[kind]


def _kinds(annotation: Any) -> set[Any]:
    inner = get_args(annotation)
    return {annotation} if not inner else set().union(*(_kinds(each) for each in inner))


def _option(annotation: Any) -> tuple[str, ...] | None:
    """The names that an option was given; None for what is no option."""
    for each in getattr(annotation, "__metadata__", ()):
        if type(each).__name__ == "OptionInfo":
            return tuple(each.param_decls or ())
    return None


FOUND = sorted(options())


@pytest.mark.parametrize(("command", "flag", "written"), FOUND, ids=[f"{c} {f}" for c, f, _ in FOUND])
def test_no_option_is_refused_in_the_words_of_a_library(command: str, flag: str, written: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), flag, written], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "Write" in result.output, result.output
    assert not [words for words in LIBRARY if words in result.output]


async def test_who_groups_a_bill_by_week_is_told_by_what_it_can_be_grouped(tmp_path: Path) -> None:
    asked = ("reconcile", "openai", "--from", "2026-11-01", "--to", "2026-11-02", "--group", "week")
    code, _, told = await abai(tmp_path, *asked, env={"COLUMNS": "200"})
    assert code == 2
    assert "week cannot be chosen. Write model or day." in told
    code, _, told = await abai(tmp_path, "search", "sky", "--limit", "9999", env={"COLUMNS": "200"})
    assert (code, "It is 200 at most." in told) == (2, True)
    code, _, told = await abai(tmp_path, *asked[:-2], "--file", "nowhere.csv", env={"COLUMNS": "200"})
    assert (code, "There is no file nowhere.csv" in told) == (2, True)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Value error, 'week' is not one of 'model', 'day'.", "week cannot be chosen. Write model or day."),
        ("'a' is not one of 'b'.", "a cannot be chosen. Write b."),
        ("'x' is not a valid integer.", "Write a whole number."),
        ("9999 is not in the range 1<=x<=200.", "It is from 1 to 200."),
        ("The params are a JSON object.", "The params are a JSON object."),
    ],
)
def test_our_own_words_stay(said: str, told: str) -> None:
    assert sentence(said) == told


def test_the_options_of_every_command_are_looked_at() -> None:
    assert {("reconcile", "--group"), ("costs", "--by"), ("report", "--also"), ("search", "--limit")} <= {
        (command, flag) for command, flag, _ in FOUND
    }
