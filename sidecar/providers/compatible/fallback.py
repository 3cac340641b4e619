"""What else may be tried with a server that refused a request for its form, and so did not run it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sidecar.errors import Failure

_VERSION = re.compile(r"v\d+\w*")
_ENDINGS = ("/chat/completions", "/completions", "/models")

# The field that does the least comes first: a refusal may name several, and mean only one of them.
_NAMES = (
    ("stream_options", re.compile(r"\bstream_options\b|\binclude_usage\b")),
    ("reasoning_effort", re.compile(r"\breasoning_effort\b")),
    ("response_format", re.compile(r"\bresponse_format\b|\bjson_schema\b|\bjson_object\b")),
    ("max_completion_tokens", re.compile(r"\bmax_completion_tokens\b")),
    ("max_tokens", re.compile(r"\bmax_tokens\b")),
    ("temperature", re.compile(r"\btemperature\b")),
)


def roots(base_url: str) -> tuple[str, ...]:
    """Where the paths of the server may begin, likeliest first: with a version when the address has none."""
    url = base_url.strip().rstrip("/")
    for ending in _ENDINGS:
        url = url.removesuffix(ending)
    last = urlsplit(url).path.rpartition("/")[2]
    if "/deployments/" in url:
        # Azure names the model in the path, and the version behind it.
        return url, f"{url}/v1"
    return (url,) if _VERSION.fullmatch(last) else (f"{url}/v1", url)


def nothing_there(failure: Failure) -> bool:
    """Whether the path is unknown, rather than the model in the request."""
    return failure.status in (404, 405) and "model" not in (failure.detail or "").lower()


def without_refused_field(body: Mapping[str, Any], failure: Failure) -> dict[str, Any] | None:
    """The body without the first field that the refusal names, or with that field in a simpler form.

    None when it names none. Every answer has less than the body before, so this comes to an end.
    """
    if failure.status not in (400, 422) or failure.kind not in (
        "provider_rejected",
        "context_length_exceeded",
    ):
        return None
    told = failure.detail or ""
    for field, name in _NAMES:
        if field in body and name.search(told):
            return _simpler(body, field, told)
    return None


def _simpler(body: Mapping[str, Any], field: str, told: str) -> dict[str, Any]:
    rest = {name: value for name, value in body.items() if name != field}
    if field == "response_format" and body[field]["type"] == "json_schema":
        # The schema stands in the instructions as well.
        return {**rest, field: {"type": "json_object"}}
    if field == "max_tokens" and "max_completion_tokens" in told:
        return {**rest, "max_completion_tokens": body[field]}
    return rest
