"""Which function serves which method: read off the generated table, so that nothing is registered by hand."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from sidecar.contract.methods import METHODS, Method
from sidecar.errors import Failure
from sidecar.rpc.dispatch import Route

# Served by rpc itself, because it is about requests and not about anything of ours.
_NOT_OURS = "rpc"


def build_routes(methods: Iterable[Method] = METHODS) -> dict[str, Route]:
    """Every served method with its handler, under all its names.

    Raises RuntimeError when the table and the functions differ: such a build must not start.
    """
    served = [method for method in methods if not method.planned and method.module != _NOT_OURS]
    modules = {name: importlib.import_module(f"{__package__}.{name}") for name in {m.module for m in served}}
    _refuse_strays(modules, served)
    routes: dict[str, Route] = {}
    for method in served:
        handler = getattr(modules[method.module], method.function, None)
        if handler is None:
            raise RuntimeError(
                f"{method.name} is in the contract, but methods/{method.module}.py does not serve it"
            )
        for name in (method.name, *method.aliases):
            routes[name] = Route(name, handler, parser(method.params), method.notification)
    return routes


def _refuse_strays(modules: dict[str, ModuleType], served: Iterable[Method]) -> None:
    """A public coroutine that no method of the contract names is a method somebody forgot to write down."""
    known = {(method.module, method.function) for method in served}
    for name, module in modules.items():
        for function, value in vars(module).items():
            ours = inspect.iscoroutinefunction(value) and value.__module__ == module.__name__
            if ours and not function.startswith("_") and (name, function) not in known:
                raise RuntimeError(f"methods/{name}.py serves {function}, which is not in the contract")


def parser(type_name: str | None) -> Callable[[dict[str, Any] | None], Any]:
    """Raw params to the generated model. The models are imported with the first request, not at start-up."""
    if type_name is None:
        return lambda raw: None

    def parse(raw: dict[str, Any] | None) -> Any:
        from pydantic import ValidationError

        from sidecar.contract import types

        try:
            return getattr(types, type_name).model_validate(raw or {})
        except ValidationError as error:
            raise _invalid(
                error.errors(include_url=False, include_context=False, include_input=False)
            ) from None

    return parse


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
