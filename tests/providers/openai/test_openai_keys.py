from __future__ import annotations

from tests.helpers.openai_models import KEY, scripted
from tests.helpers.scripted import Reply


async def test_a_key_that_may_not_list_the_models_is_a_key() -> None:
    made, _ = scripted(Reply(403, {}, [b'{"error": {"message": "Missing scopes: api.model.read"}}']))
    assert await made.validate_key(KEY) is None
