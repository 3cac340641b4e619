"""Counts of tokens that a vendor reports, kept from making a bill negative (pure)."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)


def within(part: int, whole: int, name: str) -> int:
    """Return `part`, at most `whole`: a larger part would make another one negative, and a bill with it."""
    if part > whole:
        _log.warning(
            "the reported usage has %d %s tokens of only %d; %d are counted", part, name, whole, whole
        )
        return whole
    return part
