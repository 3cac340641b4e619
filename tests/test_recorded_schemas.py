"""Every recorded answer and notification is what the schemas say, to the last member."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sidecar.contract.methods import METHODS
from tests.replay_tools.recording import read

FILES = sorted((Path(__file__).parent / "replay").glob("*.jsonl"))
CONTRACT = json.loads(importlib.resources.files("sidecar.contract").joinpath("openrpc.json").read_bytes())
RESULTS = {method["name"]: method["result"]["schema"] for method in CONTRACT["methods"] if "result" in method}
NOTIFICATIONS = {each["name"]: each["params"] for each in CONTRACT["x-notifications"]}
ERROR_DATA = {"type": "object", "required": ["kind", "retryable"]}
OLDER_NAMES = {alias: method.name for method in METHODS for alias in method.aliases}
CONCRETE = {"<time>": 1_795_435_200_000, "<int>": 1, "<number>": 1.5, "<text>": "text"}


def concrete(pattern: Any) -> Any:
    """A value that the placeholders may stand for."""
    if isinstance(pattern, dict):
        return {name: concrete(member) for name, member in pattern.items() if name != "..."}
    if isinstance(pattern, list):
        return [concrete(item) for item in pattern]
    return CONCRETE.get(pattern, pattern) if isinstance(pattern, str) else pattern


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_answered_is_what_the_schema_says(file: Path) -> None:
    asked: dict[Any, str] = {}
    checked = 0
    for line in read(file).lines:
        message = concrete(line.message)
        if line.direction == ">":
            asked[message.get("id")] = message["method"]
        elif "method" in message:
            jsonschema.validate(message["params"], NOTIFICATIONS[message["method"]])
            checked += 1
        elif "error" in message:
            jsonschema.validate(message["error"]["data"], ERROR_DATA)
            checked += 1
        else:
            method = asked[message["id"]]
            if method != "rpc.discover":  # its recording leaves the document out
                jsonschema.validate(message["result"], RESULTS[OLDER_NAMES.get(method, method)])
            checked += 1
    assert checked
