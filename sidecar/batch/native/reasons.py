"""Why a part is where it is, in words for a person (pure)."""

from __future__ import annotations

from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.store.job_records import VendorBatch

REFUSED = (
    "The provider refused the batch and did not say why. Run the batch locally, or choose another model."
)


def in_doubt(part: VendorBatch, note: str) -> str:
    """Return the sentence for a part that the vendor may or may not have."""
    known = f" {note.strip()}" if note.strip() else ""
    rows = counted(part.rows, "row")
    return (
        f"It is not certain whether {part.provider} has received the part of {rows} named {part.tag}, so it is not "
        f"sent again: it might be paid twice.{known} Start the batch to ask again, or cancel it."
    )


def no_room(part: VendorBatch) -> Failure:
    """Return why a part waits that its vendor would take at another time."""
    rows = counted(part.rows, "row waits", "rows wait")
    return Failure(
        "rate_limited",
        f"{part.provider} takes no more of {part.model or 'this model'} at once: {rows} until another batch of it "
        f"has ended, and then go out by themselves.",
        provider=part.provider,
    )


def no_results(part: VendorBatch) -> Failure:
    """Return why an ended part is still looked at."""
    return Failure(
        "provider_unavailable",
        f"{part.provider} says that this batch has ended, and names no results of it yet. They are looked for "
        "again for a day; nothing has to be paid twice.",
        provider=part.provider,
    )


def other_key(part: VendorBatch, refused: Failure) -> Failure:
    """Return why a part is not shown that another API key has sent than the one there is now."""
    said = f" It says: {refused.detail.strip()}" if refused.detail else ""
    return Failure(
        "missing_api_key",
        f"Missing API key for provider: {part.provider}. This batch was sent with another key than the one that is "
        f"there now, to which {part.provider} does not show it. Save that key again to have its results, which nobody "
        f"has to pay twice, or cancel the batch.{said}",
        provider=part.provider,
    )


def cancelled() -> Failure:
    """Return why a row of a cancelled job has no answer."""
    return Failure("cancelled", "The batch was cancelled before this row was sent. Start it to send it.")
