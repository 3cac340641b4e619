"""The contract: the handwritten schemas against an independent reading of it, and what is generated from them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012

from schemas.generate import different
from schemas.resolve import fingerprint, inline
from schemas.routes import handler, recording
from schemas.schema_error import SchemaError
from schemas.source import FOLDER, Schema, load, reachable
from sidecar.contract.errors import ERRORS
from sidecar.contract.methods import METHODS, SCHEMA_HASH, Method
from sidecar.contract.settings import DEFAULTS
from sidecar.contract.types import chat, messages
from sidecar.methods.routes import differences

ROOT = FOLDER.parent
REPLAY = ROOT / "tests" / "replay"
META_SCHEMA = ROOT / "bridge" / "node_modules" / "@open-rpc" / "meta-schema" / "index.js"
SOURCE = load()
DOCUMENT: Schema = json.loads((ROOT / "sidecar" / "contract" / "openrpc.json").read_text(encoding="utf-8"))


def words(text: str) -> list[str]:
    return text.split()


SERVED = words("""
    initialize rpc.discover system:health shutdown exit $/cancelRequest models:get-all models:get
    settings:load settings:save settings:validate-key project:create project:list project:get project:switch
    project:update project:delete conversation:create conversation:list conversation:rename
    conversation:delete messages:add messages:list messages:search chat:send chat:abort activity:get
    activity:stats cost:reprice cost:reconcile cost:explain tokens:count chat:send-structured chat:compare
    compare:ballot compare:vote compare:votes compare:board compare:differences
    work:list work:attach messages:edit messages:versions messages:regenerate messages:delete
    conversation:fork conversation:export conversation:import
    models:discover models:save models:delete models:update
    batch:submit batch:start batch:cancel batch:collect batch:retry-failed
    batch:submit-native batch:get-status batch:get-results batch:update-status batch:list batch:get
    batch:estimate batch:import batch:export batch:report jobqueue:save-state jobqueue:load-state jobqueue:clear-state
    jobqueue:get-directory jobqueue:list-files history:log history:read history:open-folder data:backup
    data:export data:backups data:check data:restore data:salvage system:doctor
""")
PLANNED: list[str] = []
ALIASES = {
    "models:load": "models:get-all",
    "data:load-pricing": "models:get-all",
    "utils:count-tokens": "tokens:count",
}
NOTIFICATIONS = {
    "$/progress": "served",
    "settings:invalidKey": "served",
    "batch:progress": "served",
    "batch:row-done": "served",
    "work:changed": "served",
}
CODES = {
    "parse_error": -32700,
    "invalid_request": -32600,
    "method_not_found": -32601,
    "invalid_params": -32602,
    "internal_error": -32603,
    "cancelled": -32800,
    "not_found": -32001,
    "conflict": -32002,
    "missing_api_key": -32010,
    "invalid_api_key": -32011,
    "rate_limited": -32012,
    "provider_rejected": -32013,
    "provider_unavailable": -32014,
    "timeout": -32015,
    "context_length_exceeded": -32016,
    "content_filtered": -32017,
    "unsupported": -32018,
    "invalid_output": -32019,
    "budget_exceeded": -32020,
    "storage_error": -32030,
    "message_too_large": -32040,
    "shutting_down": -32050,
    "overloaded": -32051,
}

by_name = pytest.mark.parametrize("method", SOURCE.methods, ids=lambda method: str(method["name"]))


def check(schema: Mapping[str, Any], value: Any) -> None:
    Draft202012Validator({**schema, "$defs": SOURCE.definitions}).validate(value)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, the value itself included."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def schemas_of(method: Schema) -> Iterator[Schema]:
    if "x-params" in method:
        yield method["x-params"]
    if "result" in method:
        yield method["result"]


def test_what_is_generated_is_what_the_schemas_say() -> None:
    command = [sys.executable, str(ROOT / "schemas" / "generate.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr


def test_the_check_names_each_file_that_differs(tmp_path: Path) -> None:
    same, other, missing = (tmp_path / name for name in ("same", "other", "missing"))
    same.write_bytes(b"a\r\nb\r\n")
    other.write_bytes(b"a\nc\n")
    assert different(dict.fromkeys((same, other, missing), "a\nb\n")) == [other, missing]


def test_every_method_of_the_contract_is_described_and_no_other() -> None:
    assert {method["name"]: method.get("x-planned", False) for method in SOURCE.methods} == (
        dict.fromkeys(SERVED, False) | dict.fromkeys(PLANNED, True)
    )
    assert len(SOURCE.methods) == len(SERVED) + len(PLANNED)


def test_older_names_belong_to_the_method_that_they_are_names_of() -> None:
    assert {alias: method.name for method in METHODS for alias in method.aliases} == ALIASES


def test_every_notification_of_the_sidecar_is_described_and_no_other() -> None:
    found = {each["name"]: "planned" if each.get("x-planned") else "served" for each in SOURCE.notifications}
    assert found == NOTIFICATIONS
    assert {each["direction"] for each in SOURCE.notifications} == {"server"}


def test_the_errors_have_the_codes_of_the_contract() -> None:
    assert {kind: row.code for kind, row in ERRORS.items()} == CODES
    assert all(row.kind == kind and row.sentence.endswith(".") for kind, row in ERRORS.items())


def test_the_settings_have_the_defaults_of_the_contract() -> None:
    assert DEFAULTS == {
        "maxOutputTokens": 8192,
        "enableWebSearch": False,
        "maxWebSearchUses": 5,
        "enableExtendedThinking": False,
        "enablePromptCaching": False,
        "promptCacheTTL": "5m",
        "enableStreaming": False,
        "jsonMode": True,
        "reasoningEffort": "high",
        "monthlyBudgetUSD": None,
        "freeSearches": False,
        "concurrency": {},
        "retryBrokenAnswers": 2,
        "proxy": None,
        "caFile": None,
    }
    check(SOURCE.definitions["Settings"], DEFAULTS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: str(path.name))
def test_every_named_type_is_a_valid_schema(path: Path) -> None:
    for schema in json.loads(path.read_text(encoding="utf-8")).get("$defs", {}).values():
        Draft202012Validator.check_schema(schema)


@by_name
def test_a_method_says_what_it_takes_and_gives_by_named_types(method: Schema) -> None:
    assert method["summary"].endswith(".")
    assert ("result" in method) == (method["name"] not in ("exit", "$/cancelRequest"))
    for schema in schemas_of(method):
        assert schema["$ref"].removeprefix("#/$defs/") in SOURCE.definitions


@by_name
def test_the_example_of_a_method_satisfies_its_schemas(method: Schema) -> None:
    example = method["x-example"]
    assert ("params" in example) == ("x-params" in method)
    assert ("result" in example) == ("result" in method)
    if "params" in example:
        check(method["x-params"], example["params"])
    if "result" in example:
        check(method["result"], example["result"])


@by_name
def test_the_example_of_a_method_is_read_without_loss(method: Schema) -> None:
    params = method["x-example"].get("params")
    module, _ = handler(method["name"])
    if params is not None and module != "rpc":
        types = importlib.import_module(f"sidecar.contract.types.{module}")
        name = method["x-params"]["$ref"].removeprefix("#/$defs/")
        model = getattr(types, name).model_validate(params)
        assert model.model_dump(by_alias=True, exclude_unset=True) == params


@pytest.mark.parametrize("notification", SOURCE.notifications, ids=lambda each: str(each["name"]))
def test_the_example_of_a_notification_satisfies_its_schema(notification: Schema) -> None:
    check(notification["params"], notification["example"])


def test_every_variant_has_a_name() -> None:
    for name, definition in SOURCE.definitions.items():
        for node in nodes(definition):
            if node is not definition:
                assert "properties" not in node or "type" not in node, (
                    f"{name} holds an object without a name"
                )
            for branch in [*node.get("anyOf", ()), *node.get("oneOf", ())]:
                assert "$ref" in branch or branch == {"type": "null"}, f"{name} has a variant without a name"


def test_no_error_kind_is_said_twice_of_a_method() -> None:
    general = {row["kind"] for row in SOURCE.errors if row["general"]}
    for method in SOURCE.methods:
        kinds = method.get("x-errors", [])
        assert len(set(kinds)) == len(kinds)
        assert not general & set(kinds), f"{method['name']} repeats what any method can give"


def test_optional_params_may_be_null_and_unknown_ones_are_tolerated() -> None:
    roots = {
        method["x-params"]["$ref"].removeprefix("#/$defs/")
        for method in SOURCE.methods
        if "x-params" in method
    }
    for definition in reachable(SOURCE.definitions, roots).values():
        assert definition.get("additionalProperties") is not False
        for member, schema in definition.get("properties", {}).items():
            if member not in definition.get("required", ()):
                check(schema, None)


def test_the_resolved_document_holds_no_reference() -> None:
    assert not [node for node in nodes(DOCUMENT) if "$ref" in node or "$defs" in node]


def test_the_resolved_document_is_one_line_that_fits_into_a_frame() -> None:
    assert b"\n" not in (ROOT / "sidecar" / "contract" / "openrpc.json").read_bytes()


def test_the_resolved_document_is_openrpc() -> None:
    assert META_SCHEMA.is_file(), "The OpenRPC meta-schema is not there. Run `make setup`, then try again."
    script = META_SCHEMA.read_text(encoding="utf-8")
    meta, _ = json.JSONDecoder().raw_decode(script, script.index("{", script.index("openrpcDocument = {")))
    Draft7Validator(meta, registry=_json_schema_meta()).validate(DOCUMENT)


def _json_schema_meta() -> Registry[Any]:
    """What OpenRPC's meta-schema refers to: JSON Schema draft 7, at an address of its own and with one more name."""
    address = "https://meta.json-schema.tools/"
    members = {"properties": {"$ref": {"type": "string"}}}
    own: dict[str, Any] = {**Draft7Validator.META_SCHEMA, "$id": address}
    own["definitions"] = {**own["definitions"], "JSONSchemaObject": members}
    resource = Resource.from_contents(own, default_specification=DRAFT7)
    return Registry().with_resources([(address, resource), (address.rstrip("/"), resource)])


def test_the_resolved_document_says_each_parameter_by_name() -> None:
    methods = {method["name"]: method for method in DOCUMENT["methods"]}
    send = {each["name"]: each for each in methods["chat:send"]["params"]}
    assert list(send) == [
        "conversationId",
        "content",
        "modelId",
        "systemPrompt",
        "options",
        "partialResultToken",
    ]
    assert [name for name, each in send.items() if each["required"]] == ["content", "modelId"]
    assert not any(each["required"] for each in methods["batch:get-status"]["params"])
    assert {method["paramStructure"] for method in DOCUMENT["methods"]} == {"by-name"}
    assert {error["data"]["kind"] for error in methods["models:get"]["errors"]} == {"not_found"}


def test_the_fingerprint_follows_the_resolved_document() -> None:
    assert fingerprint(DOCUMENT) == SCHEMA_HASH
    assert fingerprint({**DOCUMENT, "openrpc": "1.2.6"}) != SCHEMA_HASH


def test_the_shipped_catalogue_has_its_shape() -> None:
    files = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(content, default_specification=DRAFT202012))
        for name, content in files.items()
    )
    validator = Draft202012Validator({"$ref": "catalogue.json"}, registry=registry)
    catalogue = json.loads((ROOT / "data" / "models.json").read_text(encoding="utf-8"))
    validator.validate(catalogue)
    del catalogue["models"][0]["prices"][0]["source"]
    assert not validator.is_valid(catalogue)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("models:get-all", ("models", "get_all")),
        ("project:list", ("project", "list_")),
        ("batch:import", ("batch", "import_")),
        ("rpc.discover", ("system", "discover")),
        ("exit", ("system", "exit_")),
        ("$/cancelRequest", ("rpc", "cancel_request")),
    ],
)
def test_a_method_is_served_by_the_function_of_its_name(name: str, expected: tuple[str, str]) -> None:
    assert handler(name) == expected


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        ({"limit": True}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"limit": 0}, "limit"),
        ({"conversationId": ""}, "conversationId"),
        ({"conversationId": 5}, "conversationId"),
    ],
)
def test_a_wrong_type_is_refused_and_never_converted(params: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        messages.MessagesListParams.model_validate({"conversationId": "c", **params})
    assert [error["loc"] for error in refusal.value.errors()] == [(wrong,)]


def test_null_means_absent_and_unknown_members_are_ignored() -> None:
    options = {"temperature": 1, "reasoningEffort": None, "jsonSchema": {"type": "object"}, "unheard": 1}
    params = chat.ChatSendParams.model_validate(
        {"content": "", "modelId": "o3", "conversationId": None, "options": options}
    )
    assert params.options is not None
    assert (params.conversation_id, params.options.temperature, params.options.reasoning_effort) == (
        None,
        1.0,
        None,
    )


def test_the_table_of_methods_is_read_without_pydantic() -> None:
    code = "import sys, sidecar.contract.methods, sidecar.contract.errors, sidecar.contract.settings as s; "
    command = [sys.executable, "-c", code + "sys.exit('pydantic' in sys.modules or not s.DEFAULTS)"]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == 0


def test_a_reference_to_nothing_and_a_name_given_twice_are_refused(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    chat = tmp_path / "chat.json"
    chat.write_text(
        chat.read_text(encoding="utf-8").replace("projects.json#/$defs/Citation", "#/$defs/Citation")
    )
    with pytest.raises(SchemaError, match="there is no #/\\$defs/Citation"):
        load(tmp_path)
    again = json.loads((FOLDER / "chat.json").read_text(encoding="utf-8"))
    again["$defs"]["Project"] = {"type": "object"}
    chat.write_text(json.dumps(again), encoding="utf-8")
    with pytest.raises(SchemaError, match="Project is taken"):
        load(tmp_path)


def test_a_type_that_holds_itself_is_refused() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/$defs/Tree"}}}
    with pytest.raises(SchemaError, match="Tree holds itself"):
        inline({"$ref": "#/$defs/Tree"}, {"Tree": tree})


def test_the_contract_and_the_functions_are_the_same_methods() -> None:
    assert differences() == []
    more = Method("chat:sing", "ChatSendParams", None, "chat", "sing")
    assert differences([*METHODS, more]) == ["methods/chat.py does not serve sing"]
    fewer = [method for method in METHODS if method.name != "chat:abort"]
    assert differences(fewer) == ["methods/chat.py serves abort for no method"]


@pytest.mark.parametrize("name", SERVED)
def test_every_served_method_has_a_recording(name: str) -> None:
    file = REPLAY / recording(name)
    assert file.is_file(), f"tests/replay/{file.name} is missing: record one exchange with {name}"


@pytest.mark.parametrize("name", [name for name, status in NOTIFICATIONS.items() if status == "served"])
def test_every_served_notification_is_in_a_recording(name: str) -> None:
    lines = [
        line for path in REPLAY.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()
    ]
    heard = [
        each["<"].get("method")
        for line in lines
        if isinstance(each := json.loads(line), dict) and "<" in each
    ]
    assert name in heard, f"no recording in tests/replay holds {name}"
