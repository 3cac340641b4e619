from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.client import VendorClient
from sidecar.providers.kernel.pages import MOST_EMPTY, MOST_PAGES, Pages, listed, named_by_page


def pages() -> Pages:
    return Pages("/batches?limit=2", "after", lambda: Failure("provider_unavailable", "The list has no end."))


def test_each_page_begins_where_the_one_before_says() -> None:
    walk = pages()
    seen = [walk.path]
    for beginning in ("b 1", "b/2"):
        walk.turn_to(beginning)
        seen.append(walk.path)
    assert seen == ["/batches?limit=2", "/batches?limit=2&after=b%201", "/batches?limit=2&after=b%2F2"]


@pytest.mark.parametrize("beginning", [None, "", 7, "b1"])
def test_a_list_that_does_not_go_on_proves_nothing(beginning: object) -> None:
    walk = pages()
    walk.turn_to("b1")
    with pytest.raises(Failure, match="no end"):
        walk.turn_to(beginning)


def test_a_list_that_names_a_new_page_for_ever_is_left() -> None:
    walk = pages()
    for number in range(MOST_PAGES):
        walk.turn_to(f"page {number}")
    with pytest.raises(Failure, match="no end"):
        walk.turn_to("one more")


class EmptyPages:
    """A vendor's list, every page of which is empty and names a new one."""

    vendor = SimpleNamespace(title="Somebody")
    asked_for = 0

    def asked(self, key: str) -> str:
        return key

    def failure(self, message: str) -> Failure:
        return Failure("provider_unavailable", message)

    async def json(self, method: str, path: str, asked: Any) -> Any:
        self.asked_for += 1
        return {"data": [], "has_more": True, "next_page": f"page {self.asked_for}"}


async def test_a_bill_whose_pages_are_empty_and_go_on_for_ever_is_left_with_a_sentence() -> None:
    vendor = EmptyPages()
    with pytest.raises(Failure, match="list of costs has no end"):
        async for _ in listed(cast(VendorClient, vendor), "/costs", "page", "sk", "costs", named_by_page):
            pass
    assert vendor.asked_for == MOST_EMPTY
