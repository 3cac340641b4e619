"""OpenAI's hosts that keep what they process in a region, which raises the prices of its newer models (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec
from urllib.parse import urlsplit

from sidecar.providers.base import Usage

P = ParamSpec("P")

REGIONAL = "host=regional"
_REGIONAL_HOST = re.compile(r"[a-z]{2}\.api\.openai\.com")


def surcharges(base_url: str) -> tuple[str, ...]:
    """Return what the catalogue calls the rise in price at this address; none at the vendor's usual one."""
    host = urlsplit(base_url).hostname or ""
    return (REGIONAL,) if _REGIONAL_HOST.fullmatch(host.lower()) else ()


def marked(read: Callable[P, Usage | None], words: tuple[str, ...]) -> Callable[P, Usage | None]:
    """Return the same reader of usage, which says of each that these surcharges are on it."""
    if not words:
        return read

    def read_marked(*args: P.args, **kwargs: P.kwargs) -> Usage | None:
        usage = read(*args, **kwargs)
        return None if usage is None else replace(usage, surcharges=(*usage.surcharges, *words))

    return read_marked
