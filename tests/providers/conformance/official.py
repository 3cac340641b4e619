"""What the list of cases wants to know of a vendor's own client, the judge of what we send and the simulator answers.

Whoever gathers the tests has not loaded the clients, which take longer to load than the sidecar itself: the first test
that uses one does (`tests/helpers/late.py`), in one worker (`tests/helpers/together.py`).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

from pydantic import BaseModel, TypeAdapter

from sidecar.providers.base import ChatRequest, Provider
from sidecar.providers.kernel.http import HttpClient
from sidecar.simulator.core import Simulator
from sidecar.simulator.transport import simulated_transport
from tests.helpers.simulated import no_wait

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["n"],
}
BASIC: Sequence[dict[str, Any]] = (
    {},
    {"system": "Be brief.", "developer": "Use metres.", "temperature": 0.5, "max_output_tokens": 100},
    {"effort": "low"},
)


class Verdict(BaseModel):
    score: int
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is ordered of the simulator, the name of the client's exception for it, and what it has in it."""

    orders: str
    error: str
    says: str = ""
    header: tuple[str, str] | None = None


class Official(ABC):
    """One client on one of its ways to ask. `models` are those whose bodies it is to judge, by their names here."""

    name: ClassVar[str]
    # The module of the client's exceptions.
    library: ClassVar[str]
    # Whether bodies, refusals and models are judged with it, or with the same client on another API.
    judges: ClassVar[bool] = True
    models: ClassVar[Sequence[str]] = ()
    # Models of the tests' own, which no simulator serves.
    unserved: ClassVar[frozenset[str]] = frozenset()
    options: ClassVar[Sequence[dict[str, Any]]] = BASIC
    refusals: ClassVar[Sequence[Refusal]] = ()
    # What every refusal has in it.
    told: ClassVar[Sequence[str]] = ()
    wrong_key: ClassVar[Refusal]
    error_in_stream: ClassVar[Refusal]
    listed: ClassVar[tuple[str, ...]] = ()
    # Whether its models can say no in a member of its own, and whether a refusal of a key has the key in it.
    declines: ClassVar[bool] = True
    repeats_key: ClassVar[bool] = False

    @abstractmethod
    def client(self, sim: Simulator, key: str = "") -> AbstractAsyncContextManager[Any]:
        """The unmodified client on the simulator's server."""

    @abstractmethod
    def make(self, http: HttpClient) -> Provider: ...

    @abstractmethod
    def request(self, model: str, **options: Any) -> ChatRequest: ...

    @abstractmethod
    def check(self, path: str, body: Mapping[str, Any]) -> None:
        """Hold a body against the client's own types."""

    @abstractmethod
    async def answer(self, client: Any, prompt: str) -> str | None:
        """The text of a whole answer, after the client's types were held against it; None where the model says no."""

    @abstractmethod
    async def pieces(self, client: Any, prompt: str) -> list[str]:
        """The pieces of a stream, each held against the client's types."""

    async def parsed(self, client: Any) -> Verdict:
        """A `Verdict`, as the client parses it."""
        raise NotImplementedError

    async def names(self, client: Any) -> list[str]:
        """Every model that is listed, the first of `listed` as it is read alone before them."""
        raise NotImplementedError

    def error(self, refusal: Refusal) -> type[Exception]:
        """The exception that a refusal names."""
        found: type[Exception] = getattr(import_module(self.library), refusal.error)
        return found

    def on(self, sim: Simulator) -> Provider:
        """Our provider over the simulator in place of the network."""
        return self.make(HttpClient(lambda: simulated_transport(sim), sleep=no_wait))


def strictly(kind: type[BaseModel], value: BaseModel) -> None:
    """Check what a client has built without checking it."""
    kind.model_validate(json.loads(value.model_dump_json(exclude_unset=True)))


def fits(params: Any, body: Mapping[str, Any]) -> None:
    """Hold a body against a TypedDict, which takes members that it does not know; the vendor would not."""
    assert body.keys() <= params.__required_keys__ | params.__optional_keys__
    read(adapter_of(params).validate_python(body))


@cache
def adapter_of(params: Any) -> TypeAdapter[Any]:
    """Return what checks a TypedDict: a hundred others stand in it, which takes longer to gather than to check."""
    return TypeAdapter(params)


def read(value: Any) -> None:
    """Read a value to its end: an iterable is only checked as it is read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            read(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for inner in value:
            read(inner)
