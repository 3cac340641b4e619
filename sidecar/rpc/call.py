"""What a method gets besides its params."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

S = TypeVar("S", covariant=True)


class Call(NamedTuple, Generic[S]):
    """One running request.

    `services` is whatever the composition root hands to the methods; rpc never looks inside.
    `progress` sends a `$/progress` value for this request, and does nothing when the client asked for none.
    `notify` sends any notification; a later one with the same `merge_key` replaces one that has not left yet.
    """

    services: S
    method: str
    progress: Callable[[Mapping[str, Any]], None]
    notify: Callable[..., None]
