"""What becomes of a part whose creation was never answered: adopted, sent, looked for again, or doubted (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sidecar.providers.base import LookupResult
from sidecar.store.vendor_batches import VendorBatch

# A creation that was cut off may still be going on at the vendor, and its lists may lag behind: an absence counts
# only when so much time has passed.
SETTLING_MS = 30_000
# A person has given up on it: after so long no vendor is at work on it any more, and nobody looks for it.
LONGEST_DOUBT_MS = 48 * 3_600_000
# The first look after a creation was not answered.
FIRST_LOOK_MS = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait_ms` until the vendor is asked again; `sentence` is what is known, for a person."""

    step: Literal["adopt", "send", "wait", "doubt", "give_up"]
    wait_ms: int = 0
    sentence: str = ""


def must_ask(part: VendorBatch) -> bool:
    """Whether the vendor may have the part. It cannot before its creation was asked for, which is written down."""
    return part.submitted_at is not None


def verdict(
    part: VendorBatch,
    found: LookupResult | None,
    now: int,
    settling_ms: int = SETTLING_MS,
    *,
    wanted: bool = True,
) -> Verdict:
    """`found` is what the vendor said when it was looked for; None where it need not be.

    `wanted` is False when the job was cancelled.
    """
    if found is None or part.submitted_at is None:
        return Verdict("send")
    if found.state is not None:
        return Verdict("adopt")
    passed = max(0, now - part.submitted_at)
    if not found.certain:
        if not wanted and passed > LONGEST_DOUBT_MS:
            return Verdict("give_up")
        return Verdict("doubt", sentence=in_doubt(part, found.note))
    if passed < settling_ms:
        return Verdict("wait", wait_ms=settling_ms - passed)
    return Verdict("send")


def in_doubt(part: VendorBatch, note: str) -> str:
    """The sentence for a part that the vendor may or may not have."""
    known = f" {note.strip()}" if note.strip() else ""
    rows = "1 row" if part.rows == 1 else f"{part.rows} rows"
    return (
        f"It is not certain whether {part.provider} has received the part of {rows} named {part.tag}, so it is not "
        f"sent again: it might be paid twice.{known} Start the batch to ask again, or cancel it."
    )
