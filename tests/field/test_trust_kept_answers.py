"""What was paid for is on the disk before anything else is done with it, whatever ends the process then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.hostile import serving
from tests.field.lab import LAB_USD, MODEL, messages, own_models, project, sidecar
from tests.field.test_trust_checks import REPLY, SCHEMA, paid, saying


async def test_a_question_whose_sidecar_is_killed_while_its_answer_is_checked_is_kept_with_its_answer_and_cost(
    tmp_path: Path,
) -> None:
    async with serving(saying(REPLY)) as server:
        async with sidecar(tmp_path, models=own_models(server.url)) as process:
            made = {"projectId": await project(process), "name": "Sea"}
            conversation = (await process.call("conversation:create", made))["id"]
            asked = {"content": "Where?", "modelId": MODEL, "conversationId": conversation}
            process.start_call("chat:send", {**asked, "options": {"jsonSchema": SCHEMA}})
            # The check takes two seconds from here on.
            await paid(server, tmp_path)
            process.kill()
            await process.wait()
        async with sidecar(tmp_path) as process:
            kept = await messages(process, conversation)
            assert [each["role"] for each in kept] == ["user", "assistant"]
            assert kept[1]["content"] == REPLY
            assert (await process.call("activity:stats"))["totalCost"] == pytest.approx(LAB_USD)
        assert len(server.asked) == 1
