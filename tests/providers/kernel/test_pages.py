from __future__ import annotations

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.pages import Pages


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
