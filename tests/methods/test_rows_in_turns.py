"""Very many rows are judged a few at a time, and what is wrong with them is told as if they had been judged at once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.contract.methods import METHODS
from sidecar.contract.types import batch as types
from sidecar.errors import Failure
from sidecar.methods.routes import of_the_likeliest, parser

SUBMIT = next(method for method in METHODS if method.name == "batch:submit")


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"row-{number}", "prompt": "Why?", "model": "openai/gpt"} for number in range(count)]


async def test_all_of_them_arrive_in_order() -> None:
    parsed = await parser(SUBMIT)({"projectId": "p", "rows": rows(1_001), "start": True})
    assert [row.id for row in parsed.root.rows] == [f"row-{number}" for number in range(1_001)]
    assert parsed.root.start is True


async def test_what_is_wrong_is_told_by_its_place() -> None:
    given = rows(1_000)
    given[3]["prompt"] = 5
    given[777]["model"] = None
    with pytest.raises(ValidationError) as at_once:
        types.BatchSubmitParams.model_validate({"projectId": 5, "rows": given})
    found = of_the_likeliest(at_once.value.errors(), vars(types))
    with pytest.raises(Failure) as refused:
        await parser(SUBMIT)({"projectId": 5, "rows": [dict(row) for row in given]})
    told = [(issue["path"], issue["message"]) for issue in refused.value.issues or ()]
    expected = [(".".join(map(str, each["loc"])), each["msg"]) for each in found]
    assert sorted(told) == sorted(expected)
    assert {"projectId", "rows.3.prompt", "rows.777.model"} == {path for path, _ in told}
