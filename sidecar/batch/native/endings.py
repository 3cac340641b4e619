"""How a batch came to its end at its vendor, in words: refused, cancelled there, out of time (pure)."""

from __future__ import annotations

from sidecar.counted import counted
from sidecar.errors import Failure
from sidecar.providers.batches import BatchState
from sidecar.store.job_records import VendorBatch

EXPIRED = "The provider ended the batch before it ran this row, which cost nothing. Retry the failed rows."
# No word of paying again: what is missing may lie at the vendor, paid for.
NO_RESULT = (
    "The provider has given no result for this row that can be read. It may have run and been charged: "
    "collect the batch again before you retry the row."
)

TOO_LARGE = (
    "A result of this batch, which may be this row's, is too large to be read. It may have run and been charged; "
    "ask for a shorter answer before you retry the row."
)


def gone(part: VendorBatch, state: BatchState) -> Failure:
    """Return why rows have no answer whose results the vendor names, and does not have."""
    return Failure(
        "provider_unavailable",
        f"{part.provider} has ended batch {state.native_id} and has no results of it under the name that it gave them: "
        "they may have been deleted there, or were kept no longer. This row may have been run and charged: look there, "
        "and collect the batch again if they are found, before you retry the row, which would be paid again.",
        provider=part.provider,
    )


def nameless(part: VendorBatch, state: BatchState) -> Failure:
    """Return why rows have no answer whose results are there, and name no rows."""
    files = (id_ for name, id_ in state.handles.items() if "file" in name.lower() and "://" not in id_)
    file = next((f", file {id_}," for id_ in files), "")
    return Failure(
        "provider_unavailable",
        f"{part.provider} has the results of batch {state.native_id}{file} but they do not say to which rows they "
        "belong, so this row's cannot be told from the others. They were charged: look at them there before you retry "
        "the row, which would be paid again.",
        provider=part.provider,
    )


def told(provider: str, state: BatchState) -> str | None:
    """Return what stands with the part and its job of the end of a batch that did not simply run; None for others."""
    if not state.ended:
        return state.error
    match state.ending:
        case "refused":
            why = state.error or "it did not say why"
            free = " Nothing of it was run or charged." if state.ran_nothing else _unnamed(state)
            return f"{provider} refused the batch: {_sentence(why)}{free}"
        case "cancelled":
            why = f" ({state.error})" if state.error else ""
            return (
                f"The batch was cancelled at {provider}, not from here{why}.{_unnamed(state)} Rows that had not run "
                "cost nothing: start the batch to send them."
            )
        case "expired" if _unnamed(state):
            return f"{provider} ended the batch when its time was over.{_unnamed(state)}"
    return state.error


def _unnamed(state: BatchState) -> str:
    """What is to be said of answers that the vendor counts and does not say where they are; nothing where it does."""
    if state.names_results or not state.completed:
        return ""
    rows = counted(state.completed, "row")
    return (
        f" It counts {rows} as done and names no results: they may have been charged. Look for them there, or collect "
        "the batch again, before you send those rows again."
    )


def kind_of(part: VendorBatch) -> str | None:
    """Return the error kind of a part that stands with an error: of one that was not created it was kept."""
    if part.native_id is None:
        return part.vendor_status
    return "provider_rejected" if part.state == "failed" else "cancelled" if _cancelled(part) else None


def without_result(
    provider: str, state: BatchState, *, too_large: bool = False, never_ran: bool = False
) -> Failure:
    """Return why a row has no result of a batch that ended so and was read to its end.

    `too_large`: there was one that could not be read for its size; `never_ran`: that is certain of this row.
    """
    if too_large:
        return Failure("provider_unavailable", TOO_LARGE)
    if state.ending == "cancelled":
        return Failure("cancelled", told(provider, state) or "")
    if never_ran:
        return Failure("timeout", EXPIRED)
    if state.ending == "refused" or state.error:
        return Failure("provider_rejected", told(provider, state) or "")
    return Failure("provider_unavailable", NO_RESULT)


def expected_results(state: BatchState) -> int | None:
    """Return how many results the vendor itself counts; None where it does not say.

    A batch that was ended early may count rows as failed that were never run, and have no result for them.
    """
    if state.completed is None:
        return None
    return state.completed + (state.failed or 0) if state.ending == "completed" else state.completed


def _cancelled(part: VendorBatch) -> bool:
    return "cancel" in (part.vendor_status or "").lower()


def _sentence(text: str) -> str:
    return text if text[-1:] in ".!?" else f"{text}."
