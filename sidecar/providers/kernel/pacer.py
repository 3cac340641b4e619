"""What stands between a question and the network: when each attempt may leave, and what is held back for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class FurtherRequest:
    """A request that what was held back for its answer does not cover, before it is sent. Counts are the most.

    It is asked `unlimited` because the server takes no limit of the answer, or in `continuation` of what has come.
    None stands for what is in the question as it was planned, and for `answer_tokens` of one that has no limit: as
    long as the model writes. `found` searches were made whose pages may be read now for the first time. `told`: the
    vendor has told the whole usage of every request before it.
    """

    why: Literal["unlimited", "continuation"]
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    searches: int | None = None
    found: int = 0
    told: bool = True


class RequestPacer(Protocol):
    """What `http.py` consults around each attempt of a request that has one."""

    retries: int
    longest_hint_ms: int

    async def enter(self) -> None:
        """Waits for a place among the requests in flight. Returns when the attempt may leave."""

    def observe(self, status: int, headers: Mapping[str, str], hint_ms: int | None) -> None:
        """What the vendor answered; header names in lower case, `hint_ms` the wait that its body asks for."""

    def back_off(self, wait_ms: int, kind: str) -> None:
        """Gives the place back before a wait: the attempt certainly was not run, and another one follows.

        `kind` is that of the failure which it was refused with.
        """

    def leave(self) -> None:
        """Gives the place back at the end. May be called without one."""

    async def reserve(self, further: FurtherRequest) -> None:
        """Hold back what that request may cost too. Raises Failure("budget_exceeded"): it must not be sent then."""
