"""The web pages that an answer cites (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sidecar.providers.base import Citation
from sidecar.providers.kernel.json_values import as_list, as_text


def citations(annotations: Any) -> Iterator[Citation]:
    """The web pages among a message's annotations; both APIs have their own way to nest them."""
    for annotation in as_list(annotations):
        if not isinstance(annotation, Mapping) or annotation.get("type") != "url_citation":
            continue
        inner = annotation.get("url_citation")
        page = inner if isinstance(inner, Mapping) else annotation
        if isinstance(page.get("url"), str):
            yield Citation(page["url"], as_text(page.get("title")))


def cited_pages(listed: Any) -> Iterator[Citation]:
    """The web pages of a bare list of addresses, beside the text instead of inside it."""
    for page in as_list(listed):
        if isinstance(page, str) and page:
            yield Citation(page)
        elif isinstance(page, Mapping) and isinstance(page.get("url"), str):
            yield Citation(page["url"], as_text(page.get("title")))
