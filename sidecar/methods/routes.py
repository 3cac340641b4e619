"""Which function serves which method: read off the generated table, so that nothing is registered by hand."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from types import ModuleType
from typing import Any

from sidecar.contract.flat import FLAT
from sidecar.contract.methods import METHODS, Method
from sidecar.errors import Failure
from sidecar.methods import flat_params
from sidecar.rpc.dispatch import Route

# Served by rpc itself, because it is about requests and not about anything of ours.
_NOT_OURS = "rpc"


def build_routes(methods: Iterable[Method] = METHODS) -> dict[str, Route]:
    """Every served method with its handler, under all its names."""
    return {
        name: Route(name, _handler(method), parser(method), method.notification)
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
            found = getattr(_module(method.module), method.function)
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
        return plain or judged(raw)

    def judged(raw: dict[str, Any] | None) -> Any:
        # Imported with the first request that needs it, not at start-up.
        from pydantic import ValidationError

        types = importlib.import_module(f"sidecar.contract.types.{method.module}")
        try:
            return getattr(types, type_name).model_validate(raw or {})
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False, include_input=False)
            raise _invalid(of_the_likeliest(found, vars(types))) from None

    return parse


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


def _invalid(errors: Iterable[Any]) -> Failure:
    issues = [
        {"path": ".".join(str(step) for step in error["loc"]), "message": str(error["msg"])}
        for error in errors
    ]
    first = issues[0]
    more = f" ({len(issues) - 1} more)" if len(issues) > 1 else ""
    return Failure(
        "invalid_params",
        f"{first['path'] or 'params'}: {first['message']}{more}. Correct it and try again.",
        issues=issues,
    )
