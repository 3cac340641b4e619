"""Every member of every method's example is replaced by odd values: the answer is never a bug of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.mangled import mutations
from tests.helpers.process import RpcError
from tests.helpers.sidecar import mock_process

METHODS = json.loads((Path(__file__).parents[2] / "schemas" / "openrpc.json").read_text("utf-8"))["methods"]
# They end the process, or keep what is not ours to fill.
LEFT_OUT = {"exit", "shutdown"}
AT_ONCE = 50


def example(method: dict[str, Any]) -> Any:
    """The params of the method's example, none for a method without params."""
    return method.get("x-example", {}).get("params", {})


@pytest.mark.parametrize(
    "method", [each for each in METHODS if each["name"] not in LEFT_OUT], ids=lambda method: method["name"]
)
async def test_no_params_of_a_method_are_a_bug_of_ours(method: dict[str, Any], tmp_path: Path) -> None:
    asked = list(mutations(example(method)))
    async with mock_process(tmp_path) as process:
        for at in range(0, len(asked), AT_ONCE):
            started = [
                (params, process.start_call(method["name"], params)) for params in asked[at : at + AT_ONCE]
            ]
            for params, call in started:
                try:
                    await process.result(call)
                except RpcError as error:
                    if error.code == -32603:
                        raise AssertionError(f"internal_error for {json.dumps(params)[:500]}") from None
        assert (await process.call("system:health"))["status"]
