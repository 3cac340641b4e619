from __future__ import annotations

import pytest

from sidecar.errors import Failure
from tests.helpers.asked import KEY, provider
from tests.helpers.scripted import Reply


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(200, {}, [b'{"data": []}']), None),
        (
            Reply(401, {}, [b'{"error": {"code": "invalid_api_key", "message": "Incorrect."}}']),
            "refused the API key",
        ),
        (Reply(403, {}, [b'{"error": {"message": "Missing scopes: api.model.read"}}']), None),
        (Reply(403, {}, [b'{"error": {"message": "Country not supported"}}']), "Country not supported"),
        (Reply(429, {"x-should-retry": "false"}), None),
    ],
)
async def test_a_key_is_judged_by_the_vendor(reply: Reply, reason: str | None) -> None:
    made, transport = provider(reply)
    said = await made.validate_key(KEY)
    assert said is None if reason is None else said is not None and reason in said
    assert (transport.asked[0].method, transport.asked[0].url) == ("GET", "https://api.example/v1/models")


async def test_a_key_that_nobody_can_judge_is_neither_good_nor_bad() -> None:
    made, _ = provider(Reply(500), retries=0)
    with pytest.raises(Failure) as raised:
        await made.validate_key(KEY)
    assert raised.value.kind == "provider_unavailable"
