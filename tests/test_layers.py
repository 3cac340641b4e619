"""Who may import whom, read from the source: the architecture as a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path

import pytest

from tests.helpers.sources import SIDECAR, modules, nodes

# What each part may import of ours, besides itself and the ground, which everything stands on.
GROUND = {
    "",
    "errors",
    "config",
    "logs",
    "resources",
    "known_secrets",
    "clock",
    "counted",
    "process_memory",
    "network_options",
    "plain_file",
    "base_url",
    "json_file",
    "json_stream",
    "html_tokens",
    "provider_facts",
    "spared",
    "give_way",
    "shortages",
}
# Generated rows of data that import nothing: whoever needs them reads them.
LEAVES = ("contract.errors", "contract.providers")
MAY_IMPORT: dict[str, set[str]] = {
    "contract": set(),
    "rpc": {"contract"},
    "providers": set(),
    # It does some things by itself, and a test ends the process in the middle of them.
    "store": {"failpoints"},
    "keys": {"key_question", "key_stores", "key_text", "keys_ahead"},
    "key_question": set(),
    "keys_ahead": set(),
    "key_names": set(),
    "key_stores": {"key_names"},
    "key_text": {"key_names"},
    "keychain": {"keys"},
    "settings": {"store"},
    "current_project": {"store"},
    "money": {"store", "providers.base", "providers.by_name", "providers.bills"},
    "checker": {"chat.json_output", "providers.base", "providers.by_name"},
    "core": {
        "checker",
        "money",
        "spending",
        "store",
        "keys",
        "settings",
        "current_project",
        "providers.base",
        "providers.by_name",
    },
    "spending": {
        "money",
        "store",
        "key_text",
        "settings",
        "providers.base",
        "providers.by_name",
        "providers.kernel.outcome",
    },
    "chat": {
        "core",
        "money",
        "spending",
        "store",
        "keys",
        "settings",
        "current_project",
        "providers.base",
        "providers.by_name",
        "providers.kernel.charset",
    },
    "comparing": {"store"},
    "report": {
        "batch.files.csv_text",
        "batch.files.excel_limits",
        "batch.jobs",
        "batch.template",
        "comparing",
        "store",
    },
    "simulator": {"money", "providers.base", "providers.by_name"},
    "failpoints": set(),
    "batch": {
        "chat",
        "core",
        "money",
        "spending",
        "store",
        "key_text",
        "keys",
        "settings",
        "current_project",
        "failpoints",
        "providers.base",
        "providers.by_name",
        "providers.batches",
        "providers.kernel.outcome",
        "providers.kernel.limits",
    },
    "methods": {
        "batch",
        "comparing",
        "report",
        "contract",
        "rpc.call",
        "rpc.dispatch",
        "rpc.to_wire_error",
        "chat",
        "money",
        "spending",
        "store",
        # The sentence for a name that no provider has is the same wherever it is said.
        "providers.nicknames",
        "key_names",
        "key_text",
        "keys",
        "settings",
        "current_project",
        "providers.base",
        "providers.by_name",
        "providers.batches",
        "providers.bills",
        "providers.kernel.limits",
        "providers.kernel.proxies",
    },
    "container": {"service_maker", "load_ahead", "store"},
    "service_maker": {
        "checker",
        "core",
        "contract",
        "rpc",
        "methods",
        "chat",
        "batch",
        "money",
        "spending",
        "store",
        "providers",
    }
    | {"key_names", "key_stores", "keys", "settings", "current_project", "opening"},
    "load_ahead": set(),
    "opening": {"store", "spending"},
    "slow_callbacks": set(),
    "app": {"container", "contract", "rpc", "methods", "providers", "simulator", "recorder"}
    | {
        "key_names",
        "key_stores",
        "keychain",
        "failpoints",
        "parent",
        "sentinel",
        "slow_callbacks",
        "watchdog",
    },
    "recorder": {"app", "contract", "keys", "methods", "money", "rpc", "simulator", "store"}
    | {
        "providers.kernel.broken",
        "providers.kernel.http",
        "providers.registry",
        "providers.kernel.outcome",
        "providers.base",
        "providers.by_name",
    },
    # A client like any other: it knows the contract by its methods' names, and nothing inside.
    "cli": set(),
    "parent": set(),
    "sentinel": set(),
    "watchdog": set(),
    "__main__": {"app", "checker.worker", "rpc.stdio", "recorder.command", "sentinel", "simulator.server"},
}

# A program of its own beside the server: all of it is about terminals.
COMMAND_LINE = {path.relative_to(SIDECAR).as_posix() for path in (SIDECAR / "cli").rglob("*.py")}

# Each outside thing is touched by one module, so that it can be replaced in one place.
SEAMS = {
    "httpx": {
        "providers/kernel/broken.py",
        "providers/kernel/network.py",
        "providers/kernel/transport_request.py",
        "simulator/transport.py",
        "recorder/network.py",
        "recorder/answers.py",
    },
    "httpx_aiohttp": {"providers/kernel/network.py"},
    "aiohttp": {
        "simulator/server.py",
        "providers/kernel/broken.py",
        "providers/kernel/lenient.py",
        "providers/kernel/lookups.py",
        "providers/kernel/network.py",
        "providers/kernel/socks.py",
    },
    "aiohttp_socks": {"providers/kernel/socks.py"},
    "truststore": {"providers/kernel/certificates.py"},
    "aiosqlite": {"store/database.py"},
    "jsonrpcserver": {"rpc/jsonrpc_library.py"},
    "keyring": {"keychain.py"},
    "platformdirs": {"config.py"},
    "typer": COMMAND_LINE,
    "yaml": COMMAND_LINE,
    "rich": COMMAND_LINE,
}
# These cost too much at start-up to stand at the top of a module that serving needs.
HEAVY = {"httpx", "httpx_aiohttp", "aiohttp", "keyring", "jsonschema", "platformdirs"}


@cache
def imports(tree: ast.AST) -> tuple[str, ...]:
    return tuple(
        alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
        for node in nodes(tree)
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module)
        for alias in node.names
    )


def part_of(file: str) -> str:
    return file.partition("/")[0].removesuffix(".py")


def allowed(part: str, imported: str) -> bool:
    name = imported.removeprefix("sidecar").removeprefix(".")
    head = name.partition(".")[0]
    if head == part or head in GROUND or name.partition(".")[0] == "__version__" or name.startswith(LEAVES):
        return True
    return any(name == one or name.startswith(one + ".") for one in MAY_IMPORT.get(part, set()))


def test_every_part_imports_only_what_lies_below_it() -> None:
    wrong = [
        f"{file} imports {imported}"
        for file, tree in modules()
        for imported in imports(tree)
        if imported.split(".")[0] == "sidecar" and not allowed(part_of(file), imported)
    ]
    assert wrong == []


def test_the_ground_imports_nothing_of_ours_but_the_ground() -> None:
    wrong = [
        f"{file} imports {imported}"
        for file, tree in modules()
        if part_of(file) in GROUND - {""} and "/" not in file
        for imported in imports(tree)
        if imported.startswith("sidecar.")
        and imported.split(".")[1] not in GROUND | {"__version__"}
        and not imported.removeprefix("sidecar.").startswith(LEAVES)
    ]
    assert wrong == []


WAYS = ("local", "native", "files")


def test_the_ways_of_a_batch_know_only_what_all_of_them_share_which_knows_none_of_them() -> None:
    wrong = []
    for file, tree in modules():
        own = file.split("/")[1] if file.startswith("batch/") else ""
        others = tuple(f"sidecar.batch.{way}." for way in WAYS if way != own)
        wrong += [f"{file} imports {each}" for each in imports(tree) if own and each.startswith(others)]
    assert wrong == []


FAMILIES = {"grok": "openai_family", "compatible": "openai_family", "openai": "openai_family"}


@pytest.mark.parametrize("part", ["providers", "simulator"])
def test_the_folder_of_a_vendor_imports_nothing_of_another_vendor(part: str) -> None:
    folders = {folder.name for folder in (SIDECAR / part).iterdir() if (folder / "__init__.py").exists()}
    wrong = []
    for file, tree in modules():
        own = file.split("/")[1] if file.startswith(f"{part}/") else ""
        for imported in imports(tree) if own in folders else ():
            _, owner, folder, *_ = [*imported.split("."), "", ""]
            if owner == part and folder in folders - {own, FAMILIES.get(own), "kernel"}:
                wrong.append(f"{file} imports {imported}")
    assert wrong == []
    assert {"openai_family", "openai", "anthropic", "gemini", "grok", "compatible"} <= folders


@pytest.mark.parametrize("library", sorted(SEAMS))
def test_an_outside_thing_is_touched_by_one_module_only(library: str) -> None:
    users = {
        file for file, tree in modules() if any(i.split(".")[0] == library for i in runtime_imports(tree))
    }
    assert users <= SEAMS[library]
    assert users, f"nobody imports {library} any more: take it out of the table and of pyproject.toml"


@cache
def runtime_imports(tree: ast.Module, leaving_out: frozenset[int] = frozenset()) -> tuple[str, ...]:
    """Every import but those for type checkers only, and the nodes that are left out."""
    guarded = {
        id(inner)
        for node in nodes(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    } | leaving_out
    left = (node for node in nodes(tree) if id(node) not in guarded)
    return tuple(
        each for node in left if isinstance(node, ast.Import | ast.ImportFrom) for each in imports(node)
    )


def test_heavy_libraries_are_imported_on_first_use() -> None:
    wrong = [
        f"{file} imports {imported} at its top"
        for file, tree in modules()
        if file
        not in {
            "simulator/server.py",
            "simulator/transport.py",
            "providers/kernel/network.py",
            "providers/kernel/lenient.py",
            "providers/kernel/lookups.py",
            "providers/kernel/socks.py",
        }  # imported on first use themselves
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for imported in imports(node)
        if imported.split(".")[0] in HEAVY
    ]
    assert wrong == []


def names_taken_from(module: str, tree: ast.Module) -> Iterator[str]:
    """The functions of that module of ours that are named here, whether called or handed to somebody who does."""
    package, _, name = module.rpartition(".")
    known_as: set[str] = set()
    for node in nodes(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == package:
            known_as |= {alias.asname or alias.name for alias in node.names if alias.name == name}
    for node in nodes(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known_as:
            yield node.attr


@pytest.mark.parametrize(
    ("module", "writing"),
    [
        (
            "sidecar.store.ledger",
            {"intent", "settle", "mark_interrupted", "keep_most"},
        ),
        ("sidecar.store.jobs", {"reserve", "unreserve"}),
    ],
)
def test_only_spending_writes_the_ledger_and_holds_back_money(module: str, writing: set[str]) -> None:
    used = {file: writing & set(names_taken_from(module, tree)) for file, tree in modules()}
    assert [file for file, names in used.items() if names and not file.startswith("spending/")] == []
    assert set().union(*used.values()) == writing


def files_with_sql(pattern: str) -> set[str]:
    sql = re.compile(pattern, re.IGNORECASE)
    return {
        file
        for file, tree in modules()
        for node in nodes(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.search(node.value)
    }


def test_sql_on_the_ledger_stands_in_the_store_and_what_writes_it_in_one_file() -> None:
    reading = files_with_sql(r"\b(from|join)\s+ledger\b")
    writing = files_with_sql(r"\b(insert\s+into|update|delete\s+from)\s+ledger\b")
    assert [file for file in reading if not file.startswith("store/")] == []
    assert {file for file in writing if not file.startswith("store/migrations/")} == {"store/ledger.py"}


def test_only_stdio_touches_the_standard_streams() -> None:
    touching = {
        file
        for file, tree in modules()
        for node in nodes(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("sys", "stdin"), ("sys", "stdout")}
    }
    assert touching <= {"rpc/stdio.py", "__main__.py", "simulator/server.py"} | COMMAND_LINE


def test_every_module_that_must_wait_says_so_and_pure_ones_do_not() -> None:
    pure = [
        "rpc/framing.py",
        "rpc/codec.py",
        "chat/options.py",
        "chat/options.py",
        "chat/json_output/schema.py",
        "chat/json_output/validate.py",
        "chat/labels.py",
        "chat/stream_accumulator.py",
        "money/pricing.py",
        "money/charge.py",
        "providers/kernel/sse.py",
    ]
    waiting = [
        file
        for file, tree in modules()
        if file in pure and any(isinstance(n, ast.AsyncFunctionDef | ast.Await) for n in nodes(tree))
    ]
    assert waiting == []


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = [
        file
        for file, _ in modules()
        if not file.startswith("contract/")
        and len((SIDECAR / file).read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert long == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    names = {
        ".".join(("sidecar", *Path(file).with_suffix("").parts)).removesuffix(".__init__"): tree
        for file, tree in modules()
    }
    of = {name: set(imported_modules(tree, names.keys())) - {name} for name, tree in names.items()}
    assert sum(map(len, of.values())) > len(names)
    while True:
        # What imports nothing that is left cannot lie on a circle.
        free = {name for name, imported in of.items() if not imported & of.keys()}
        if not free:
            break
        of = {name: imported for name, imported in of.items() if name not in free}
    # What nobody left imports is only on the way to a circle.
    while outside := of.keys() - set().union(*of.values()):
        of = {name: imported for name, imported in of.items() if name not in outside}
    assert sorted(of) == []


def imported_modules(tree: ast.Module, names: Set[str]) -> Iterator[str]:
    """The modules that are imported as this one is, those for type checkers only left out."""
    inner = frozenset(
        id(node)
        for function in nodes(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    )
    for imported in runtime_imports(tree, leaving_out=inner):
        yield imported if imported in names else imported.rpartition(".")[0]
