"""What a compatible server means by an error (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sidecar.providers.kernel.json_values import as_list, as_mapping
from sidecar.providers.kernel.vendor import Vendor, VendorError
from sidecar.providers.openai_family import errors as family


def compatible(title: str) -> Vendor:
    """Return a server that its user calls `title`."""
    return Vendor(title, classify)


def classify(status: int | None, value: Any) -> VendorError:
    """Return what an error means; its codes begin with the fields that a validating server points at."""
    error, fields = family.classify(status, value), named_fields(value)
    return replace(error, codes=f"{fields}: {error.codes}" if error.codes else fields) if fields else error


def named_fields(value: Any) -> str:
    """Return the places of `{"detail": [{"loc": ["body", "field"], …}]}`."""
    places = [as_mapping(problem).get("loc") for problem in as_list(as_mapping(value).get("detail"))]
    return " ".join(".".join(map(str, place)) for place in places if isinstance(place, list))
