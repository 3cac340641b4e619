"""A file to Google's resumable upload, in two requests: where to, and what."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import orjson

from sidecar.errors import Failure
from sidecar.providers.gemini.errors import TITLE, Asked
from sidecar.providers.gemini.exchange import Address, authorization, refusal_reader
from sidecar.providers.kernel.bodies import RawBody
from sidecar.providers.kernel.http import HttpClient
from sidecar.providers.kernel.outcome import OutcomeUnknown

_UPLOAD_URL = "x-goog-upload-url"
_LARGEST_ANSWER = 1024 * 1024


async def upload(http: HttpClient, address: Address, asked: Asked, display_name: str, file: RawBody) -> str:
    """The name of the uploaded file, `files/…`. Raises Failure; nothing was run then, and all can be done again."""
    read_refusal = refusal_reader(http, asked)
    start = {
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": str(file.length),
        "x-goog-upload-header-content-type": file.content_type,
    }
    finish = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
    headers = {"accept": "application/json", **authorization(asked)}
    try:
        async with http.stream(
            "POST",
            f"{address.upload}/files",
            {**headers, **start},
            {"file": {"displayName": display_name}},
            read_refusal=read_refusal,
            peer=TITLE,
        ) as begun:
            url = _at_home(begun.headers.get(_UPLOAD_URL, ""), address)
        if not url:
            raise _failure("did not say where to put the batch's input file", asked)
        made = b""
        async with http.stream(
            "POST", url, {**headers, **finish}, file, read_refusal=read_refusal, peer=TITLE
        ) as ended:
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
    file = value.get("file", value) if isinstance(value, Mapping) else None
    name = file.get("name") if isinstance(file, Mapping) else None
    return name if isinstance(name, str) else ""


def _failure(what: str, asked: Asked, kind: str = "provider_unavailable") -> Failure:
    message = f"The {TITLE} API {what}. Nothing was run; try again."
    return Failure(kind, message, retryable=True, provider=asked.provider, model=asked.model)
