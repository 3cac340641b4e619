"""Files of keys and passwords, which somebody took for a list of prompts: refused without naming any of them (pure).

Read as prompts they would be sent to a vendor, and stand in the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sidecar.batch.files.names import PROMPT_NAMES, field_of, squeezed
from sidecar.batch.files.refusals import refused
from sidecar.batch.files.row_errors import Read, RowError
from sidecar.batch.files.seen import Seen
from sidecar.key_text import is_known_key

_HOLDS_KEYS = (
    "The file holds keys or passwords, and no prompts. Nothing of it was taken: choose the file with the prompts, and "
    "save API keys in the settings."
)
_IS_KEY = (
    "This row's prompt is an API key, and would be sent to a vendor. It is not read as a question: take it out of the "
    "file, and give a prompt in its place."
)
# PEM, OpenSSH and PGP; PuTTY; age.
_PRIVATE_KEY = re.compile(
    r"^[ \t]*(?:-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}|PuTTY-User-Key-File-\d+:|AGE-SECRET-KEY-1)",
    re.MULTILINE,
)
_NETRC = re.compile(
    r"(?:^|\n)[ \t]*(?:machine[ \t]+\S+|default)\s+(?:(?:login|account)\s+\S+\s+)*password\s+\S"
)
_NPMRC = re.compile(r"(?:^|\n)[ \t]*(?://\S+:)?_(?:authToken|auth|password)[ \t]*=[ \t]*\S")
_ASSIGNMENT = re.compile(
    r"(?:export[ \t]+|set[ \t]+|setx[ \t]+|\$env:)?[\"']?([A-Za-z_][\w.-]*)[\"']?[ \t]*[=:][ \t]*(.*)"
)
_SECRET_NAME = re.compile(
    r"key|token|secret|passw(?:or)?d|passphrase|(?<![a-z])pwd(?![a-z])|credential", re.IGNORECASE
)
_NO_LINE = re.compile(r"[#;].*|//.*|\[[^\[\]]*\]|---|\.\.\.")
# Of the lines that are something, so many tell a file of settings from a list of prompts.
_MOST_OF_THEM = 0.5
_LEAST_SECRET = 8
_LONGEST_NAME = 80
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?')
# Members of rows that are written as requests.
_ASKING = frozenset((*PROMPT_NAMES, "messages", "contents", "body", "params", "parts", "conversations"))


def refuse(head: str, has_header: Callable[[], bool]) -> None:
    """Raise Failure("invalid_params") for a text that begins so and holds keys in place of prompts.

    `has_header` tells whether one of its first lines names a prompt: then it is a table, whatever stands in its cells.
    To find that out takes a fifth of a second where the lines are long, so it is asked last.
    """
    text = head.lstrip("\ufeff \t\r\n")
    if text.startswith(("{", '["', "[{")) or re.match(r"\[\s+[\"{]", text):
        if _is_json_of_keys(text):
            raise refused(_HOLDS_KEYS)
    elif (
        _PRIVATE_KEY.search(text) or _NETRC.search(text) or _NPMRC.search(text) or _are_settings(text)
    ) and not has_header():
        raise refused(_HOLDS_KEYS)


def told(read: Iterator[Read]) -> Iterator[Read]:
    """Yield what was read, and in place of each row whose prompt is a key a sentence that does not name it."""
    for number, outcome in read:
        if isinstance(outcome, dict) and _is_key(outcome.get("prompt")):
            yield number, RowError(_IS_KEY)
        elif isinstance(outcome, RowError) and outcome.data and any(map(_is_key, outcome.data.values())):
            yield number, RowError(outcome.message)
        elif isinstance(outcome, Seen):
            samples = [sample for sample in outcome.samples if not any(map(_is_key, sample))]
            names = ["…" if _is_key(name) else name for name in outcome.names]
            yield number, Seen(names, samples, outcome.is_table, outcome.encoding, outcome.delimiter)
        else:
            yield number, outcome


def _is_key(value: object) -> bool:
    return isinstance(value, str) and is_known_key(value)


def _are_settings(text: str) -> bool:
    """Whether most lines give a name a value, and one of them a key or a password."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not _NO_LINE.fullmatch(line)]
    given = [found for found in map(_ASSIGNMENT.fullmatch, lines) if found is not None]
    return len(given) > _MOST_OF_THEM * len(lines) and any(_is_secret(found[1], found[2]) for found in given)


def _is_json_of_keys(text: str) -> bool:
    """Whether a JSON text gives keys or passwords to names, and has no member that asks anything."""
    name, names, is_secret = "", 0, False
    for found in _STRING.finditer(text):
        if found[2] is None:
            is_secret = is_secret or (names > 0 and _is_secret(name, found[1]))
            continue
        name, names = found[1][:_LONGEST_NAME], names + 1
        if field_of(name) == "prompt" or squeezed(name) in _ASKING:
            return False
    return is_secret


def _is_secret(name: str, value: str) -> bool:
    """Whether the value of that name is a key or a password: by how it begins, or by its name and its form."""
    value = value.strip().rstrip(",;").strip("\"'`")
    if is_known_key(value) or "PRIVATE KEY-----" in value:
        return True
    return (
        _SECRET_NAME.search(name) is not None
        and len(value) >= _LEAST_SECRET
        and not re.search(r"\s", value)
        and any(letter.isdigit() for letter in value)
    )
