"""Which function serves which method: read off the generated table, so that nothing is registered by hand."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from sidecar.contract.flat import FLAT
from sidecar.contract.methods import METHODS, Method
from sidecar.errors import Failure
from sidecar.give_way import give_way
from sidecar.methods import flat_params
from sidecar.rpc.dispatch import ALWAYS_TAKEN, Route
from sidecar.spared import spared

# Served by rpc itself, because it is about requests and not about anything of ours.
_NOT_OURS = "rpc"
# They bring rows, of which nothing depends on what came before.
_ASIDE = frozenset({"batch:submit", "batch:submit-native", "batch:estimate"})
# A list of any length. So many of its items are judged in one turn.
_LONG, _ITEMS_A_TURN = "rows", 200
# Of all that is wrong this much is told: what a million wrong rows would take is neither read nor fits into an answer.
MOST_ISSUES = 100


def build_routes(
    methods: Iterable[Method] = METHODS, load: Callable[[Method], None] | None = None
) -> dict[str, Route]:
    """Every served method with its handler, under all its names. `load` brings in what a method needs."""
    line = FirstUses()
    return {
        name: Route(
            name,
            _handler(method),
            parser(method),
            method.notification,
            # Whoever asks whether anybody is there is told at once, whatever is being loaded for others.
            (FirstUses() if name in ALWAYS_TAKEN else line).of(partial(load or _load, method)),
            aside=method.name in _ASIDE,
        )
        for method in _served(methods)
        for name in (method.name, *method.aliases)
    }


def differences(methods: Iterable[Method] = METHODS) -> list[str]:
    """Where the contract and the functions differ, in sentences: a build in which they do must not be shipped.

    A method without a function, and a public coroutine that no method of the contract names.
    """
    served = _served(methods)
    known = {(method.module, method.function) for method in served}
    functions = {
        (name, function)
        for name in {method.module for method in served}
        for function, value in vars(_module(name)).items()
        if inspect.iscoroutinefunction(value) and value.__module__ == _module(name).__name__
    }
    public = {each for each in functions if not each[1].startswith("_")}
    lacking = (f"methods/{name}.py does not serve {function}" for name, function in sorted(known - functions))
    strays = (
        f"methods/{name}.py serves {function} for no method" for name, function in sorted(public - known)
    )
    return [*lacking, *strays]


def _served(methods: Iterable[Method]) -> list[Method]:
    return [method for method in methods if not method.planned and method.module != _NOT_OURS]


def _handler(method: Method) -> Callable[[Any, Any], Awaitable[Any]]:
    """Its module is imported with its first request: what an app asks at its start needs few of them."""

    found: Callable[[Any, Any], Awaitable[Any]] | None = None

    def handle(call: Any, params: Any) -> Awaitable[Any]:
        nonlocal found
        if found is None:
            # With the first answer: the handshake needs none of it.
            from sidecar.methods.sound_results import sound

            found = getattr(_module(method.module), method.function)
            if method.reads:
                found = partial(sound, method.name, found)
        return found(call, params)

    return handle


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__package__}.{name}")


def parser(method: Method) -> Callable[[dict[str, Any] | None], Any]:
    """Raw params to what the method takes. A model is made of them only where they are not plain, or not right."""
    type_name = method.params
    if type_name is None:
        return lambda raw: None
    members = FLAT.get(f"{method.module}.{type_name}")

    def parse(raw: dict[str, Any] | None) -> Any:
        plain = None if members is None else flat_params.read(members, raw or {})
        if plain is not None:
            return plain
        rows = None if raw is None else raw.get(_LONG)
        return in_turns(raw or {}, rows) if type(rows) is list and len(rows) > _ITEMS_A_TURN else judged(raw)

    def errors_in(raw: dict[str, Any] | None) -> tuple[Any, Sequence[Any]]:
        # Imported with the first request that needs it, not at start-up.
        from pydantic import ValidationError

        types = importlib.import_module(f"sidecar.contract.types.{method.module}")
        try:
            return getattr(types, type_name).model_validate(raw or {}), ()
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return None, of_the_likeliest(found, vars(types))

    def judged(raw: dict[str, Any] | None) -> Any:
        made, errors = errors_in(raw)
        if errors:
            raise _invalid(errors[:MOST_ISSUES], len(errors))
        return made

    async def in_turns(raw: dict[str, Any], rows: list[Any]) -> Any:
        """As `judged`, with turns for everybody else. What was judged is let go of: all at once takes long."""
        whole: Any = None
        wrong: list[Any] = []
        count = 0
        with spared():
            for at in range(0, len(rows), _ITEMS_A_TURN):
                part = rows[at : at + _ITEMS_A_TURN]
                rows[at : at + len(part)] = [None] * len(part)
                made, errors = errors_in({**raw, _LONG: part})
                moved = _moved(errors, at)
                count += len(moved)
                wrong += moved[: MOST_ISSUES - len(wrong)]
                if whole is None:
                    whole = made
                elif made is not None:
                    _items(whole).extend(_items(made))
                await give_way()
        if wrong:
            raise _invalid(wrong, count)
        return whole

    return parse


def _items(made: Any) -> list[Any]:
    items: list[Any] = getattr(getattr(made, "root", made), _LONG)
    return items


def _moved(errors: Sequence[Any], by: int) -> list[Any]:
    """The errors by their places in the whole list. What is wrong beside it is told once."""
    moved = []
    for each in errors:
        where = each["loc"]
        if where[:1] == (_LONG,) and len(where) > 1:
            moved.append({**each, "loc": (_LONG, where[1] + by, *where[2:])})
        elif not by:
            moved.append(each)
    return moved


class FirstUses:
    """Loads what a method needs when it is first called, beside the loop, and keeps all calls in their order.

    Whoever comes while something is loaded waits in line, and whoever comes when it has just been does not overtake
    those: what was sent one after the other is stored in that order, and read after it.
    """

    def __init__(self) -> None:
        self._in_line = 0
        # A lock is fair: it is had in the order in which it was asked for.
        self._line = asyncio.Lock()

    def of(self, load: Callable[[], None]) -> Callable[[], Awaitable[None] | None]:
        """Return what a method calls before its work: it gives what is to be awaited, None where nothing is."""
        loaded = False

        async def wait() -> None:
            nonlocal loaded
            self._in_line += 1
            try:
                async with self._line:
                    if not loaded:
                        await asyncio.to_thread(load)
                        loaded = True
            finally:
                self._in_line -= 1

        return lambda: None if loaded and not self._in_line else wait()


def _load(method: Method) -> None:
    """Its module, and the model of its params where they are no plain ones."""
    _module(method.module)
    if method.params is not None and f"{method.module}.{method.params}" not in FLAT:
        types = importlib.import_module(f"sidecar.contract.types.{method.module}")
        getattr(types, method.params).model_rebuild()


def of_the_likeliest(errors: Sequence[Any], type_names: Container[str]) -> Sequence[Any]:
    """Of params that may have one of several types, what is wrong with the one that they come nearest to.

    That is the one that lacks the least, and then has the fewest faults. Others tell nothing of what was meant.
    """
    by_type: dict[str, list[Any]] = {}
    for error in errors:
        name = error["loc"][0] if error["loc"] else None
        if name not in type_names:
            return errors
        by_type.setdefault(str(name), []).append({**error, "loc": error["loc"][1:]})
    return min(
        by_type.values(),
        key=lambda faults: (sum(each["type"] == "missing" for each in faults), len(faults)),
        default=errors,
    )


def _invalid(errors: Iterable[Any], count: int) -> Failure:
    """The first of so many errors, each as an issue."""
    issues = [
        {"path": ".".join(str(step) for step in error["loc"]), "message": str(error["msg"])}
        for error in errors
    ]
    first = issues[0]
    more = f" ({count - 1:,} more)" if count > 1 else ""
    return Failure(
        "invalid_params",
        f"{first['path'] or 'params'}: {first['message']}{more}. Correct it and try again.",
        issues=issues,
    )
