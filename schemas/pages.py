"""The pages of docs/ that follow from the contract: every method, every error, and the protocol as a conversation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

_MADE = "<!-- Made by schemas/generate.py; do not edit. -->\n"
# How deep the members of members are listed; what lies deeper is in the types of the contract.
_DEEPEST = 3
# A longer list of words stands elsewhere.
_MOST_WORDS = 12

Document = Mapping[str, Any]

# What each recording of docs/protocol.md shows, in the order in which an app meets it.
SCENES: Mapping[str, str] = {
    "initialize": "First an app may say who it is, and is told who answers and where the data lies.",
    "chat.send": """A question. It carries a token, so that its pieces come while it is answered, all of them before the
response. The same conversation is listed afterwards, and another answer is to be JSON.""",
    "cancelRequest": "A request is cancelled by its id, and then fails with `cancelled`. This one had ended already.",
    "batch.start": """A batch: it is stored first and started afterwards. Its progress comes as notifications, while
other requests are answered.""",
    "settings.validate-key": "A key is looked at without being saved.",
    "shutdown": "The end, in order: `shutdown` is answered when all is stored, `exit` ends the process.",
}


def methods(document: Document) -> str:
    """Return docs/methods.md: each method with its params, result, errors and an example."""
    lines = ["# Every method", "", _MADE]
    lines += [
        """Params are an object, by name. Members that are not needed may be left out or null. What every method may
fail with, and what an error holds, is in [errors](errors.md); how the messages travel, in [the protocol](protocol.md).
""",
    ]
    spaces: dict[str, list[Document]] = {}
    for method in document["methods"]:
        spaces.setdefault(_space(method["name"]), []).append(method)
    for space, group in spaces.items():
        names = ", ".join(f"[{each['name']}](#{_anchor(each['name'])})" for each in group)
        lines.append(f"- **{space}**: {names}")
    lines.append("")
    for group in spaces.values():
        for method in group:
            lines += _method(method)
    lines += ["## Notifications", ""]
    for each in document["x-notifications"]:
        sender = "the sidecar" if each["direction"] == "server" else "the client"
        lines += [f"### {each['name']}", "", f"Sent by {sender}. {each['summary']}", ""]
        lines += _members("param", each.get("params") or {})
    return _joined(lines)


def errors(document: Document, data: Document) -> str:
    """Return docs/errors.md: each kind of an error with its code and whether trying again can help.

    `data` is the schema of an error's own member of that name.
    """
    lines = ["# Every error", "", _MADE]
    lines += [
        """`message` is a sentence in English for the person at the screen. A front end that translates goes by
`data.kind`, which never changes its meaning, and fills its own sentence from the other members of `data`.
""",
        "| kind | code | means | again? |",
        "| --- | --- | --- | --- |",
    ]
    for kind, error in document["components"]["errors"].items():
        again = "may help" if error["data"].get("retryable") else "no"
        lines.append(f"| `{kind}` | {error['code']} | {_cell(error['message'])} | {again} |")
    lines += [
        "",
        "The bridge has three more, about the sidecar as a process: see [the bridge](../bridge/README.md).",
        "",
    ]
    lines += ["## What `data` holds", ""]
    lines += _members("member", data)
    return _joined(lines)


def protocol(recordings: Mapping[str, str]) -> str:
    """Return docs/protocol.md from the texts of tests/replay by their names."""
    lines = ["# The protocol, as a conversation", "", _MADE]
    lines += [
        """JSON-RPC 2.0 over standard input and output. A message is framed as in the Language Server Protocol
(`Content-Length: N`, an empty line, N bytes of UTF-8), or stands on a line of its own; the first message says which,
and answers come in the same form. Standard error is the log. Requests run beside each other and are answered when they
are done, in any order; `id` tells which is which.

What follows was recorded of the real process (`tests/replay/`) and is played against it in every test run. `→` is sent
to the sidecar, `←` comes from it; `<uuid:1>` and `<time>` stand for what is another one each time.""",
    ]
    for name, words in SCENES.items():
        title, *messages = [json.loads(line) for line in recordings[name].splitlines() if line.strip()]
        lines += ["", f"## {title['meta']['title'].rstrip('.')}", "", words, "", "```text"]
        lines += _told(messages)
        lines += ["```"]
    return _joined(lines)


def _method(method: Document) -> Iterator[str]:
    yield f"### {method['name']}"
    yield ""
    older = method.get("x-aliases") or ()
    also = f" Older names: {', '.join(f'`{each}`' for each in older)}." if older else ""
    again = " It only reads: it may be asked again." if method.get("x-reads") else ""
    yield method["summary"] + again + also
    yield ""
    params = method.get("x-params") or {}
    if params.get("description"):
        yield from (params["description"], "")
    yield from _members("param", params)
    result = method.get("result")
    if result is not None:
        yield from _result(result["schema"])
    own = method.get("errors") or ()
    if own:
        kinds = ", ".join(f"`{each['data']['kind']}`" for each in own)
        yield from (f"Errors of its own: {kinds}.", "")
    for example in method.get("examples") or ():
        sent = {each["name"]: each["value"] for each in example["params"]}
        came = example.get("result")
        yield "```json"
        yield _pretty({"method": method["name"], "params": sent} if sent else {"method": method["name"]})
        if came is not None:
            yield _pretty({"result": came["value"]})
        yield from ("```", "")


def _result(schema: Document) -> Iterator[str]:
    words = schema.get("description")
    yield f"Result: {_type(schema)}{'. ' + words if words else '.'}"
    yield ""
    yield from _members("member", schema)


def _members(what: str, schema: Document) -> Iterator[str]:
    rows = list(_rows(schema, "", 0))
    if not rows:
        return
    yield f"| {what} | type | needed | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, member, needed in rows:
        meaning = _cell(member.get("description", ""))
        yield f"| `{name}` | {_cell(_type(member))} | {'yes' if needed else ''} | {meaning} |"
    yield ""


def _rows(schema: Document, prefix: str, depth: int) -> Iterator[tuple[str, Document, bool]]:
    """Yield the members of an object, of the elements of a list, and of either's alternatives, with theirs."""
    if depth >= _DEEPEST:
        return
    if schema.get("type") == "array":
        yield from _rows(schema.get("items") or {}, f"{prefix[:-1]}[]." if prefix else "[].", depth)
    seen = set[str]()
    for each in _alternatives(schema):
        if each is not schema and each.get("type") == "array":
            yield from _rows(each, prefix, depth)
        needed = each.get("required", ())
        for name, member in (each.get("properties") or {}).items():
            if name not in seen:
                seen.add(name)
                yield f"{prefix}{name}", member, name in needed
                yield from _rows(member, f"{prefix}{name}.", depth + 1)


def _alternatives(schema: Document) -> Iterable[Document]:
    return [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _type(schema: Document) -> str:
    for key in ("anyOf", "oneOf"):
        if key in schema:
            kinds = [_type(each) for each in schema[key] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        words = [f"`{each}`" for each in schema["enum"] if each is not None]
        return " or ".join(words) if len(words) <= _MOST_WORDS else "text"
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "anything")
    kinds = [kind] if isinstance(kind, str) else [each for each in kind if each != "null"]
    if kinds == ["array"]:
        return f"list of {_type(schema.get('items') or {})}"
    return " or ".join(kinds)


def _told(messages: Sequence[Document]) -> Iterator[str]:
    """Yield the messages of a recording, the pieces of an answer in the middle of one left out."""
    pieces = 0
    for message in messages:
        ((direction, content),) = message.items()
        is_piece = isinstance(content, dict) and content.get("method") == "$/progress"
        pieces = pieces + 1 if is_piece else 0
        if pieces == 3:
            yield "← … more pieces of the answer …"
        if pieces < 3:
            yield f"{'→' if direction == '>' else '←'} {_short(content)}"


def _short(content: Any, most: int = 700) -> str:
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name != "jsonrpc"}
    text = json.dumps(content, ensure_ascii=False)
    return text if len(text) <= most else f"{text[:most]} …"


def _pretty(value: Any) -> str:
    compact = json.dumps(value, ensure_ascii=False)
    return compact if len(compact) <= 160 else json.dumps(value, ensure_ascii=False, indent=2)


def _space(name: str) -> str:
    return name.partition(":")[0] if ":" in name else "the process"


def _anchor(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter in "-_")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
