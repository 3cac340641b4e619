"""Whoever reads a refusal reads what to do next: looked up in the source, and in what was recorded."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.helpers.sources import modules, nodes

RECORDINGS = Path(__file__).parent / "replay"

# Who takes a sentence for a person, and which argument it is.
TAKES: dict[str, int] = {
    "Failure": 1,
    "BadRow": 0,
    "RowError": 0,
    "Unreadable": 0,
    "NotAKey": 0,
    "refused": 0,
    "unread": 0,
    "_invalid": 0,
    "_unfit": 0,
}

# What a clause begins with that says what to do.
TO_DO = re.compile(
    r"""\W*(?:then\s|or\s|and\s|please\s)?(?:
    add | ask | cancel | change | check | choose | clear | close | collect | compare | complete |
    connect | copy | correct | create | download | exchange | export | fill | free | give | have |
    import | install | keep | leave | list | load | look | lower | make | move | name | open | paste |
    put | raise | read | remove | rephrase | restart | restore | retry | run | save | say | see | send | set |
    shorten | show | simplify | split | start | stop | submit | take | tell | try | unlock | unpack |
    update | use | wait | write
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
# A rule that is stated whole says how to keep it.
RULE = re.compile(
    r"\b(?:(?:must|should) (?:be|say|name|have)|are taken by|is not read|(?:is|are) read (?:as|out of)|Did you mean)\b"
)

# Why nothing more is said.
NEEDS_NOTHING = {
    "The prompt is empty.": "stands beside the number of a row, and says itself what is to be filled in",
    "The model is empty.": "so does this",
    "From here on the file is not JSON (…).": "batch/files/broken_json.py says what to do about the place",
}


def says_what_to_do(text: str) -> bool:
    """Whether one of its clauses begins with what the person is to do."""
    clauses = re.split(r"[.!?:;,(][)\"”]?\s+|\s(?:or|and|then|to go back,)\s", text)
    return bool(RULE.search(text)) or any(map(TO_DO.match, clauses))


def written(node: ast.expr | None) -> str | None:
    """The text of a literal, with an ellipsis in the place of what is filled in; None for what is no literal."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{written(left) or '…'}{written(right) or '…'}"
    return None


@cache
def constants() -> dict[str, str]:
    """What is said in several places, by the name that it has in its module."""
    found: dict[str, str] = {}
    for _, tree in modules():
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = written(node.value)
                if text is not None:
                    found[node.targets[0].id] = text
    return found


def told() -> Iterator[tuple[str, str]]:
    """Each sentence for a person that stands in the source whole, with where."""
    for file, tree in modules():
        for node in nodes(tree) if not file.startswith("simulator/") else ():
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            at = TAKES.get(name)
            if at is None or len(node.args) <= at:
                continue
            given = node.args[at]
            named = given.attr if isinstance(given, ast.Attribute) else getattr(given, "id", "")
            text = written(given) or constants().get(named)
            # What does not end is a part of a sentence, and what begins or ends with a hole has it from elsewhere.
            if text and text.endswith(".") and not text.startswith("…") and not text.endswith("….…"):
                yield f"{file}:{node.lineno}", text


_BRIDGE = Path(__file__).parent.parent / "bridge" / "src"
_LITERAL = r'(?:"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)'
# Literals that are put together by nothing but a plus.
_JOINED = re.compile(rf"{_LITERAL}(?:\s*\+\s*{_LITERAL})*")
_COMMENT = re.compile(rf"({_LITERAL})|/\*.*?\*/|//[^\n]*", re.DOTALL)
# What the person stopped, and what a recording is filled up with.
_NO_REFUSAL = {"The request was cancelled.", "Some text."}
# What follows one of these is the sentence that says it: `mismatch` puts it behind what to do.
_BEHIND = re.compile(r"(?:mismatch\(|parts\.push\(|const hashes = )\s*$")


def told_by_the_bridge() -> Iterator[tuple[str, str]]:
    """Each sentence for a person in the sources of the bridge, with where."""
    for path in sorted(_BRIDGE.rglob("*.ts")):
        if path.name == "contract.ts":
            continue
        source = _COMMENT.sub(lambda found: found[1] or "", path.read_text(encoding="utf-8"))
        for found in _JOINED.finditer(source):
            text = "".join(each[1:-1] for each in re.findall(_LITERAL, found[0]))
            text = re.sub(r"\$\{[^}]*\}", "…", text)
            is_sentence = text[:1].isupper() and text.endswith(".") and " " in text
            if is_sentence and not _BEHIND.search(source[: found.start()]):
                yield path.relative_to(_BRIDGE).as_posix(), text


def test_each_sentence_of_the_bridge_says_what_to_do_next() -> None:
    found = list(told_by_the_bridge())
    assert len(found) > 20
    silent = [
        f"{where}: {text}" for where, text in found if not says_what_to_do(text) and text not in _NO_REFUSAL
    ]
    assert silent == []


def test_each_refusal_says_what_to_do_next() -> None:
    silent = [
        f"{where}: {text}"
        for where, text in told()
        if not says_what_to_do(text) and text not in NEEDS_NOTHING
    ]
    assert silent == []


def test_the_sentences_are_found_that_are_held_to_it() -> None:
    assert len(list(told())) > 200


def test_each_error_that_was_recorded_says_what_to_do_next() -> None:
    silent: set[str] = set()
    for recording in sorted(RECORDINGS.glob("*.jsonl")):
        for line in recording.read_text(encoding="utf-8").splitlines():
            message = json.loads(line).get("<", {})
            error = message.get("error") if isinstance(message, dict) else None
            if (
                error
                and error["data"]["kind"] not in ("cancelled",)
                and not says_what_to_do(error["message"])
            ):
                silent.add(f"{recording.name}: {error['message']}")
    assert silent == set()


def test_a_refusal_that_only_says_what_happened_would_be_found() -> None:
    assert not says_what_to_do("The batch was refused.")
    assert not says_what_to_do("There is no such project; it may have been deleted.")
    assert says_what_to_do("There is no such project; it may have been deleted. Choose another one.")
    assert says_what_to_do("The temperature must be a number from 0 to 2, not 9.")
