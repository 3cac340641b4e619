"""Where the paths of a server may begin, and which models it lists there, in whichever way it does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from sidecar.errors import Failure
from sidecar.providers.base import ListedModel
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.model_lists import after_last, list_models
from sidecar.providers.kernel.web_pages import WEB_PAGE

_VERSION = re.compile(r"v\d+\w*")


def roots(base_url: str) -> tuple[str, ...]:
    """Where the paths of the server may begin, likeliest first: with a version when the address has none."""
    url = base_url.strip().rstrip("/")
    last = urlsplit(url).path.rpartition("/")[2]
    if "/deployments/" in url:
        # Azure names the model in the path, and the version behind it.
        return url, f"{url}/v1"
    return (url,) if _VERSION.fullmatch(last.lower()) else (f"{url}/v1", url)


def nothing_there(failure: Failure) -> bool:
    """Whether the path is unknown, rather than the model in the request."""
    said = (failure.detail or "").lower()
    return failure.status in (404, 405) and not any(word in said for word in ("model", "deployment"))


OLLAMA, LM_STUDIO = "/api/tags", "/api/v0/models"
# A path that the server does not have, in the words of all of them.
_NO_SUCH_LIST = frozenset({400, 404, 405, 501})


async def server_models(api: VendorClient, roots: Sequence[str], key: str) -> tuple[ListedModel, ...]:
    """Return the models that the server lists. `roots` are where its paths may begin, likeliest first.

    Raises Failure: what kept the server from answering, or that it has no list.
    """
    pages: list[Failure] = []
    found = await _listed(api, [f"{root}/models" for root in roots], key, pages)
    own = min(roots, key=len).removesuffix("/v1")
    if not found:
        others = await _listed(api, [own + OLLAMA, own + LM_STUDIO], key, pages)
        found = found if others is None else others
    elif not any(model.context_size for model in found):
        found = _completed(found, await _more(api, own + LM_STUDIO, key))
    if found is None and pages:
        raise pages[0]
    if found is None:
        raise api.failure(
            f"{api.vendor.title} has no list of models at its address. Check the base URL, or write the model's name "
            "down yourself.",
            "unsupported",
        )
    return found


async def _listed(
    api: VendorClient, urls: Sequence[str], key: str, pages: list[Failure]
) -> tuple[ListedModel, ...] | None:
    """The models of the first list that has some; None where there is no list at all. Web pages go into `pages`."""
    found: tuple[ListedModel, ...] | None = None
    for url in urls:
        try:
            found = await list_models(api, url, key, "after", after_last, may_be_bare=True)
        except Failure as failure:
            # Servers with a page of their own show it wherever they have nothing else.
            if failure.detail == WEB_PAGE:
                pages.append(failure)
            elif failure.status not in _NO_SUCH_LIST:
                raise
        if found:
            break
    return found


async def _more(api: VendorClient, url: str, key: str) -> tuple[ListedModel, ...]:
    """What LM Studio says beside its first list; nothing where the server is none, which the person need not know."""
    try:
        return await list_models(api, url, key, "after", after_last, may_be_bare=True)
    except Failure:
        return ()


def _completed(found: Sequence[ListedModel], more: Sequence[ListedModel]) -> tuple[ListedModel, ...]:
    """The models with the limits that the other list gives; one that answers no questions is left out there."""
    limits = {model.id: model for model in more}
    if not limits:
        return tuple(found)
    return tuple(
        replace(
            model,
            context_size=limits[model.id].context_size,
            max_output_tokens=limits[model.id].max_output_tokens,
        )
        for model in found
        if model.id in limits
    )
