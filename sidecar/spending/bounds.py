"""What a request that did not end came to at least (pure). At most it is what was reserved for it."""

from __future__ import annotations

import re
from dataclasses import replace

from sidecar.providers.base import ANSWER_LONGER, ANSWER_UNTOLD, SEARCH_BROKEN, TOOL_USED, Usage

# OpenAI's o200k, the largest that is public, makes one token of some 16 bytes at most, taken over a text (Georgian);
# long words of English have 14. Rows of one character, as those that indent code or rule a table, have up to 128 in a
# token, and count once.
MOST_BYTES_PER_TOKEN = 24
_ROWS = re.compile(r"(.)\1+", re.DOTALL)


def least_tokens(text: str) -> int:
    """Return of how many tokens a text is at least: no tokenizer that is public takes two words for one."""
    return max(
        len(text.split()), len(_ROWS.sub(r"\1", text).encode("utf-8", "replace")) // MOST_BYTES_PER_TOKEN
    )


def least_usage(reported: Usage | None, written: int, tier: str | None = None) -> Usage | None:
    """Return what was used at least: what the vendor has reported, and an answer as long as what has arrived.

    A count that was told when the answer began is not the count of the answer. `written` are the least tokens of the
    text and the thinking that have arrived, `tier` is the service tier that was told before any usage. None when
    nothing is known.
    """
    if reported is None:
        return Usage(out_visible=written, service_tier=tier) if written else None
    reported = replace(reported, service_tier=reported.service_tier or tier)
    if reported.doubt in (ANSWER_UNTOLD, ANSWER_LONGER, SEARCH_BROKEN, TOOL_USED):
        reported = replace(reported, doubt="")
    if reported.doubt:
        # Counts that cannot be right are no bound; what has arrived was written all the same.
        return Usage(out_visible=written, service_tier=reported.service_tier, surcharges=reported.surcharges)
    return replace(reported, out_visible=reported.out_visible + max(0, written - reported.out_total))
