"""A file to Google's resumable upload, in two requests: where to, and what."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import orjson

from sidecar.errors import Failure
from sidecar.providers.gemini.address import Address
from sidecar.providers.kernel.bodies import RawBody
from sidecar.providers.kernel.client import ACCEPT_JSON, VendorClient
from sidecar.providers.kernel.json_values import as_mapping, as_text
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.vendor import Asked

_UPLOAD_URL = "x-goog-upload-url"
_LARGEST_ANSWER = 1024 * 1024


async def upload(api: VendorClient, address: Address, asked: Asked, display_name: str, file: RawBody) -> str:
    """Return the name of the uploaded file, `files/…`.

    Raises Failure; nothing was run then, and all can be done again.
    """
    start = {
        **ACCEPT_JSON,
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": str(file.length),
        "x-goog-upload-header-content-type": file.content_type,
    }
    finish = {**ACCEPT_JSON, "x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
    named = {"file": {"displayName": display_name}}
    try:
        async with api.stream("POST", f"{address.upload}/files", asked, named, headers=start) as begun:
            url = _at_home(begun.headers.get(_UPLOAD_URL, ""), address)
        if not url:
            raise _failure("did not say where to put the batch's input file", asked)
        made = b""
        async with api.stream("POST", url, asked, file, headers=finish) as ended:
            async for chunk in ended.chunks:
                made += chunk
                if len(made) > _LARGEST_ANSWER:
                    break
    except OutcomeUnknown as failure:
        raise _failure("did not confirm the batch's input file", asked, failure.kind) from failure
    name = _name(made)
    if name:
        return name
    raise _failure("took the batch's input file and gave it no name", asked)


def _at_home(url: str, address: Address) -> str:
    """The same place at the host of the base URL: whoever set another one wants everything to go there."""
    if not url:
        return ""
    home = urlsplit(address.root)
    return urlunsplit(urlsplit(url)._replace(scheme=home.scheme, netloc=home.netloc))


def _name(document: bytes) -> str:
    try:
        value = orjson.loads(document)
    except ValueError:
        return ""
    return as_text(as_mapping(as_mapping(value).get("file", value)).get("name"))


def _failure(what: str, asked: Asked, kind: str = "provider_unavailable") -> Failure:
    message = f"The {asked.title} API {what}. Nothing was run; try again."
    return Failure(kind, message, retryable=True, provider=asked.provider, model=asked.model)
