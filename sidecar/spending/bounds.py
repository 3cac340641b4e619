"""What a request that did not end came to at least (pure). At most it is what was reserved for it."""

from __future__ import annotations

from dataclasses import replace

from sidecar.providers.base import ANSWER_LONGER, ANSWER_UNTOLD, Usage

# No tokenizer makes so few of a text: English has a token every four or five bytes, Chinese one every three to five.
MOST_BYTES_PER_TOKEN = 8


def least_usage(reported: Usage | None, arrived_bytes: int) -> Usage | None:
    """Return what was used at least: what the vendor has reported, and an answer as long as what has arrived.

    A count that was told when the answer began is not the count of the answer. `arrived_bytes` are those of the text
    and the thinking, in UTF-8. None when nothing is known.
    """
    written = arrived_bytes // MOST_BYTES_PER_TOKEN
    if reported is None:
        return Usage(out_visible=written) if written else None
    if reported.doubt in (ANSWER_UNTOLD, ANSWER_LONGER):
        reported = replace(reported, doubt="")
    if reported.doubt:
        # Counts that cannot be right are no bound; what has arrived was written all the same.
        return Usage(out_visible=written, service_tier=reported.service_tier, surcharges=reported.surcharges)
    return replace(reported, out_visible=reported.out_visible + max(0, written - reported.out_total))
