"""Tables as a model answers them, between fences, and ids as MongoDB writes them."""

from __future__ import annotations

import json

import pytest

from tests.batch.files.test_files_kinds import ONE, prompts, read, said

FORM = "The rows are read out of the first block of code; what stands around it is not read."


@pytest.mark.parametrize("name", ["md", "txt", "csv", "json"])
@pytest.mark.parametrize("around", ["{}", "Here it is, as you asked:\n\n{}\nAnything else?\n"])
@pytest.mark.parametrize(
    "block",
    [
        "```csv\nprompt,n\nWhy?,1\nHow?,2\n```\n",
        '```json\n[{"prompt": "Why?"},\n {"prompt": "How?"}]\n```\n',
        '~~~~\n{"prompt": "Why?"}\n{"prompt": "How?"}\n~~~~\n',
        "``` csv\r\nprompt,n\r\nWhy?,1\r\nHow?,2\r\n```",
        "```csv\nprompt,n\nWhy?,1\nHow?,2\n",
    ],
)
def test_a_table_between_fences_is_read_and_no_fence_is_asked(block: str, around: str, name: str) -> None:
    if not block.rstrip().endswith(("`", "~")) and around != "{}":
        around = "Here it is, as you asked:\n\n{}"
    found = read(around.replace("{}", block), name, models=ONE)
    assert (prompts(found), said(found)) == (["Why?", "How?"], [(0, FORM)])


def test_a_fence_within_a_prompt_stays_in_it() -> None:
    prompt = "Mend this:\n```py\n{1: 2}\n```"
    found = read(f'prompt,n\n"{prompt}",1\n', "csv", models=ONE)
    assert (prompts(found), found["errors"]) == ([prompt], [])


@pytest.mark.parametrize("key", [{"$oid": "65f"}, {"$numberLong": "65"}, {"$uuid": "65f-1"}])
def test_an_id_of_mongodb_names_its_row(key: dict[str, str]) -> None:
    found = read(json.dumps({"_id": key, "prompt": "Why?"}) + "\n", "jsonl", models=ONE)
    assert [row["id"] for row in found["rows"]] == list(key.values())
