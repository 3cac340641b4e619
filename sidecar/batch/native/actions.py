"""What can be observed of a part, and what can be done about it (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.errors import Failure
from sidecar.providers.batches import BatchState, LookupResult


@dataclass(frozen=True, slots=True)
class Tried:
    """What this run has done about a part so far, and since when.

    `waited_ms` is how long it has waited since it asked for the part, or began to look for it. `looks` is how often
    the vendor was asked, `ended_looks` how often it has said that the part ended. With `one_attempt` somebody waits to
    hear whether the part is taken and will decide himself about another attempt.
    """

    waited_ms: int
    looks: int = 0
    ended_looks: int = 0
    one_attempt: bool = False


@dataclass(frozen=True, slots=True)
class Adopt:
    """The vendor has it: write down under which id, and look again after `wait_ms`. It is to stop the `others`."""

    state: BatchState
    wait_ms: int
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """Hand it over, once, and observe what comes of that."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after `wait_ms`. `trouble` is what keeps it from going on; `silent` leaves what the job says of it."""

    wait_ms: int
    trouble: Failure | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Collect:
    """Fetch what came of its rows. `last`: those without a result then have none, whatever the vendor counts."""

    state: BatchState
    last: bool = False


@dataclass(frozen=True, slots=True)
class AskToStop:
    """Nobody wants it any more: ask the vendor to stop, and observe whether it heard."""

    native_id: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """The vendor had no room and ran nothing of it: it is not created any more, and waits for `wait_ms` at least."""

    wait_ms: int


@dataclass(frozen=True, slots=True)
class MarkUncertain:
    """Nobody can say whether the vendor has it: the job waits for a person, who reads the `sentence`."""

    sentence: str
    wait_ms: int


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Close it without results: nobody waits for it, and what it cost, if anything, nobody will know."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """It was certainly not created and never will be: close it, at no cost, for the reason."""

    reason: Failure


Action = Adopt | Send | Wait | Collect | AskToStop | PutBack | MarkUncertain | WriteOff | Refuse


@dataclass(frozen=True, slots=True)
class Sent:
    """It was handed over; `failure` is what came in place of the vendor's id."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was found for the part belongs to another part, as the `note` says."""

    note: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The vendor has heard that it is to stop."""


@dataclass(frozen=True, slots=True)
class Crowded:
    """Other parts of its model are still at the vendor, which had no room for this one."""


Observed = LookupResult | BatchState | Sent | Taken | Stopped | Crowded | Failure | None
"""The vendor's answer to a look, what came of a sending, why the vendor could not be asked, or nothing yet."""
