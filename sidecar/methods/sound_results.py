"""A result that is read from the database leaves as the contract says, whatever another program has written into it.

What raises nothing would go out as it is: a number where the contract says a text, and the app that reads it breaks
there. So the results of methods that only read (`x-reads` in the contract) are held against the contract. Where one is
not what it says, or there is none, the database is looked through and set right, and the method is asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from sidecar import contract
from sidecar.errors import Failure
from sidecar.give_way import give_way
from sidecar.methods.result_shapes import Judge, judge_of

log = logging.getLogger("sidecar.methods")

# A list of any length: so many of its items are judged in one turn.
_ITEMS_A_TURN = 500

_SHAPES = Path(contract.__path__[0]) / "result_shapes.json"

Handler = Callable[[Any, Any], Awaitable[Any]]


class OddResult(Exception):
    """A result that is not what the contract says."""


async def sound(name: str, handler: Handler, call: Any, params: Any) -> Any:
    """Return the handler's result; after the database was set right where that was the reason that it was odd, or none.

    One that is odd for another reason is told in the log, and returned. Raise what the handler raises, and Failure
    where the database could not be set right.
    """
    try:
        result = await handler(call, params)
    except Failure:
        raise
    except Exception as problem:
        told = await call.services.store.explain(problem)
        if told is problem:
            raise
        if not (isinstance(told, Failure) and told.retryable):
            raise told from problem
        return await handler(call, params)
    if await _obeys(name, result):
        return result
    told = await call.services.store.explain(OddResult(f"the result of {name} is not what the contract says"))
    if isinstance(told, Failure):
        return await handler(call, params)
    log.warning("the result of %s is not what the contract says", name)
    return result


async def _obeys(name: str, result: Any) -> bool:
    judge, of_items = _judges(name)
    if of_items is None or type(result) is not list:
        return judge(result)
    for at in range(0, len(result), _ITEMS_A_TURN):
        if at:
            await give_way()
        if not all(map(of_items, result[at : at + _ITEMS_A_TURN])):
            return False
    return True


@cache
def _judges(name: str) -> tuple[Judge, Judge | None]:
    """What judges a method's result, and each of its items where it is a list."""
    schema = _schemas()[name]
    return judge_of(schema), judge_of(schema["items"]) if schema.get("type") == "array" else None


@cache
def _schemas() -> Mapping[str, Mapping[str, Any]]:
    """The schema of each method's result, read with the first one that is looked at."""
    document: Mapping[str, Mapping[str, Any]] = orjson.loads(_SHAPES.read_bytes())
    return document
