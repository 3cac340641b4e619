"""How often a vendor is asked, and how long a silence of one is borne (pure)."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WAIT_MS = 1_000
LONGEST_WAIT_MS = 300_000
# Until the disk may take again what it has refused.
DISK_WAIT_MS = 5_000
# A creation that was cut off may still be going on at the vendor: before so long no absence counts.
CREATION_MS = 30_000
# No vendor's list was seen to lag longer behind what it lists.
SETTLING_MS = 15 * 60_000
# So long a batch that ended early may take to name the results of what it ran.
NAMELESS_MS = 60_000
# A vendor that was asked to stop and is at work after so long has not heard it.
STOP_AGAIN_MS = 10 * 60_000
# The first look after a creation was not answered.
FIRST_LOOK_MS = 2_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a vendor is asked. `fixed_ms` takes the place of waits that grow, for tests and demonstrations."""

    fixed_ms: int | None = None

    @property
    def soon_ms(self) -> int:
        """Milliseconds until the first look at what a vendor has."""
        return FIRST_WAIT_MS if self.fixed_ms is None else self.fixed_ms

    @property
    def first_look_ms(self) -> int:
        """Milliseconds until the first look for what a vendor may have."""
        return FIRST_LOOK_MS if self.fixed_ms is None else self.fixed_ms

    def settling_ms(self, *, listed: bool) -> int:
        """Return the milliseconds after which an absence counts; one from a list may be the list's delay."""
        longest = SETTLING_MS if listed else CREATION_MS
        return longest if self.fixed_ms is None else min(self.fixed_ms, longest)

    @property
    def nameless_ms(self) -> int:
        """Milliseconds after which a batch that ended early, and names no results, has none."""
        return NAMELESS_MS if self.fixed_ms is None else min(self.fixed_ms, NAMELESS_MS)

    def is_time_to_stop_again(self, heard_at: int | None, now: int) -> bool:
        """Whether a vendor that said yes to a stop then, and goes on, is to be asked once more."""
        longest = STOP_AGAIN_MS if self.fixed_ms is None else min(10 * self.fixed_ms, STOP_AGAIN_MS)
        return heard_at is not None and now - heard_at >= longest

    def later_ms(self, looks: int, hint_ms: int | None = None) -> int:
        """Return the milliseconds until the look after so many. What the vendor asks for wins if longer."""
        # The exponent is bounded so that a large number of looks stays a small number.
        grown = min(FIRST_WAIT_MS << min(looks, 20), LONGEST_WAIT_MS)
        return max(grown if self.fixed_ms is None else self.fixed_ms, hint_ms or 0)
