"""Every member of every method's example is replaced by odd values: the answer is never a bug of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.mangled import mutations
from tests.helpers.process import RpcError, SidecarProcess
from tests.helpers.sidecar import mock_process

METHODS = json.loads((Path(__file__).parents[2] / "schemas" / "openrpc.json").read_text("utf-8"))["methods"]
# They end the process, or keep what is not ours to fill.
LEFT_OUT = {"exit", "shutdown"}
AT_ONCE = 50


def example(method: dict[str, Any]) -> Any:
    """The params of the method's example, none for a method without params."""
    return method.get("x-example", {}).get("params", {})


@pytest.mark.parametrize("area", sorted({method["name"].partition(":")[0] for method in METHODS}))
async def test_no_params_of_a_method_are_a_bug_of_ours(area: str, tmp_path: Path) -> None:
    methods = [each for each in METHODS if each["name"].partition(":")[0] == area]
    async with mock_process(tmp_path) as process:
        for method in methods:
            if method["name"] not in LEFT_OUT:
                await ask_oddly(process, method)
        assert (await process.call("system:health"))["status"]


async def ask_oddly(process: SidecarProcess, method: dict[str, Any]) -> None:
    """Ask the method with each member of its example replaced in turn. Fails where that is an internal error."""
    asked = list(mutations(example(method)))
    for at in range(0, len(asked), AT_ONCE):
        started = [
            (params, process.start_call(method["name"], params)) for params in asked[at : at + AT_ONCE]
        ]
        for params, call in started:
            try:
                await process.result(call)
            except RpcError as error:
                if error.code == -32603:
                    told = f"internal_error of {method['name']} for {json.dumps(params)[:500]}"
                    raise AssertionError(told) from None
