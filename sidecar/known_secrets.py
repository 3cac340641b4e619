"""Takes secrets out of text that is going to be seen: what looks like one, and the keys of this run (pure).

A key without a vendor's prefix looks like anything: only who knows it can hide it. No run of `RUN` of its characters
is left, so that what somebody cut in the middle is found too:

    key       k-7f3Qz9LmW2pXr8Tn...          looked for in blocks of 6: every run of 12 holds a whole one
    blocks    [k-7f3Q][z9LmW2][pXr8Tn]...    each found block is followed to both sides as far as it fits
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from sidecar.contract.providers import PROVIDERS

# Headers whose whole value is a key; one that has a scheme before it is known by that.
_KEY_HEADERS = sorted({facts.key_header for facts in PROVIDERS if not facts.key_scheme})
# Members of an address's query that hold keys. A lookbehind takes one length at a time.
_KEY_MEMBERS = (
    "key",
    "api-key",
    "api_key",
    "apikey",
    "subscription-key",
    "access_token",
    "token",
    "secret",
    "sig",
)
_SECRETS = re.compile(
    "|".join(
        [
            # What many servers give out that are only like a vendor, half-masked echoes too.
            r"\b(?:sk|pk|rk|gsk)-[A-Za-z0-9_\-*.…]{6,}",
            *(pattern for facts in PROVIDERS for pattern in facts.key_patterns),
            # Whatever a vendor leaves of it.
            r"""(?i:(?<=api\skey\sprovided:\s))(?!\[key\ hidden\])[^\s"',;]+?(?=\.?(?:[\s"',;]|$))""",
            r"""(?<=Bearer\s)[^\s"',;]{4,}""",
            *(rf"""(?i:(?<=[?&]{name}=))[^&\s"']+""" for name in _KEY_MEMBERS),
            # The login of an address.
            r"""(?<=://)[^/?#\s"'@]+(?=@)""",
            *(rf"""(?i:(?<={re.escape(name)}:\s))[^\s"',;]+""" for name in _KEY_HEADERS),
        ]
    )
)
HIDDEN = "[key hidden]"


def redact(text: str) -> str:
    """Return the text without anything that looks like an API key or a login."""
    return _SECRETS.sub(HIDDEN, text)


# Shorter ones guard nothing: a server of the person's own takes any word, which may stand in any sentence.
MIN_SECRET = 8
# So many characters in a row of a longer one are hidden. Fewer give nothing away.
RUN = 12
_BLOCK = RUN // 2

# A character written in another way, and what may break a word: line ends, escaped or not, marks without width.
# From within a row of backslashes none of them leads to a letter where the first does not.
_SPELLED = re.compile(
    r"%(?:25)*(?P<percent>[0-9a-f]{2})"
    r"|(?<!\\)\\+(?:u00|x)(?P<escaped>[0-9a-f]{2})"
    r"|&\#x0*(?P<hex>[0-9a-f]{2});"
    r"|&\#0*(?P<number>[0-9]{2,3});"
    r"|&(?P<named>amp|lt|gt|quot|apos);"
    r"|\\(?P<quoted>[\"'\\/])"
    r"|=\r?\n|(?:\\+[nrt])+|(?:[^\S\ ]|[\u00ad\u200b-\u200d\u2060\ufeff])\s*",
    re.VERBOSE,
)
# What a member of an address's query is called that holds a key: `key`, `api-key`, `code`, `sig`, `access_token`.
_KEY_NAME = re.compile(r"key|token|secret|sig|auth|pass|pwd|code|cred", re.IGNORECASE)
# An answer says its id, its model and its tier several times, and the last two are those of the answers before it.
_MOST_CLEAN = 512
_LONGEST_CLEAN = 200
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class KnownSecrets:
    """The keys and passwords of this run. What was learned once is hidden from then on; any thread may ask."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._blocks: Mapping[str, tuple[tuple[str, int], ...]] = {}
        # Short texts that had nothing to hide, until another secret is known.
        self._clean: set[str] = set()

    def learn(self, secret: str | None) -> None:
        """Hide this key or password from now on, in each of its spellings."""
        secret = (secret or "").strip()
        if len(secret) < MIN_SECRET or secret in self._known:
            return
        self._known |= {secret}
        blocks: dict[str, dict[tuple[str, int], None]] = {}
        for known in self._known:
            for spelling in _spellings(known):
                for block, at in _blocks(spelling):
                    blocks.setdefault(block, {})[spelling, at] = None
        self._blocks = {block: tuple(places) for block, places in blocks.items()}
        # Last, and as a new one: who looks meanwhile by the blocks of before writes into the old one.
        self._clean = set()

    def learn_address(self, url: str) -> None:
        """Hide the password of an address, or a token in its place, and the keys in its query, written in any way."""
        try:
            parts = urlsplit(url if "://" in url else f"//{url}")
        except ValueError:
            return
        login, _, _ = parts.netloc.rpartition("@")
        name, _, password = login.partition(":")
        # A token stands alone, or where the name does with a word for no password.
        for secret in (password, name) if len(password) < MIN_SECRET else (password,):
            self.learn(secret)
            self.learn(unquote(secret))
        for written in parts.query.split("&"):
            name, _, value = written.partition("=")
            if _KEY_NAME.search(name):
                self.learn(value)
                self.learn(unquote(value))
                self.learn(unquote_plus(value))

    def learn_environment(self, environment: Mapping[str, str]) -> None:
        """Hide what the variables for keys hold, and the passwords in the addresses of others."""
        for name, value in environment.items():
            if name.upper().endswith(("_API_KEY", "_ADMIN_KEY")):
                self.learn(value)
            elif name.upper().endswith(("_BASE_URL", "_PROXY")):
                self.learn_address(value)

    def hide(self, text: str) -> str:
        """Return the text without the known secrets, and without what looks like one."""
        clean = self._clean
        if text in clean:
            return text
        hidden = redact(self.hide_known(text))
        if hidden == text and len(text) <= _LONGEST_CLEAN:
            if len(clean) >= _MOST_CLEAN:
                clean.clear()
            clean.add(text)
        return hidden

    def hide_known(self, text: str) -> str:
        """Return the text without the known secrets."""
        for start, end in reversed(self._found(text)):
            text = text[:start] + HIDDEN + text[end:]
        return text

    def holds(self, text: str) -> bool:
        """Whether a known secret, or a part that gives it away, is in the text."""
        return bool(self._found(text))

    def hide_in(self, value: Any) -> Any:
        """Return the JSON value with every text in it hidden, names of members too."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list):
            return [self.hide_in(item) for item in value]
        if isinstance(value, Mapping):
            return {self.hide(str(name)): self.hide_in(member) for name, member in value.items()}
        return value

    def _found(self, text: str) -> list[tuple[int, int]]:
        """Where the secrets stand: spans that do not overlap, in order."""
        blocks = self._blocks
        if not blocks:
            return []
        plain = _lower(text)
        spans = list(_runs(plain, blocks))
        spelled = _SPELLED.sub(_meant, plain)
        if spelled != plain:
            starts: list[int] | None = None
            for start, end in _runs(spelled, blocks):
                starts = starts or _origins(plain)
                # A letter ends where the next one begins, but for what was left out between them.
                spans.append((starts[start], _end_of(plain, starts[end - 1])))
        return _joined(spans)


def _spellings(secret: str) -> Iterator[str]:
    """The secret in lower case, and what may carry it: base64 at each place in three bytes, and hex."""
    data = secret.encode("utf-8", "replace")
    yield _lower(secret)
    yield data.hex()
    for before in range(3):
        # The letters that hold bits of what stands around are not the secret's own.
        whole = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        own = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield _lower(own)
        yield _lower(own.replace("+", "-").replace("/", "_"))


def _blocks(spelling: str) -> Iterator[tuple[str, int]]:
    if len(spelling) < RUN:
        yield spelling, 0
        return
    for at in range(0, len(spelling) - _BLOCK + 1, _BLOCK):
        yield spelling[at : at + _BLOCK], at


def _runs(text: str, blocks: Mapping[str, tuple[tuple[str, int], ...]]) -> Iterator[tuple[int, int]]:
    for block, places in blocks.items():
        position = text.find(block)
        while position >= 0:
            longest = position
            for spelling, at in places:
                start, end = _followed(text, position, spelling, at, len(block))
                if end - start >= min(RUN, len(spelling)):
                    yield start, end
                    longest = max(longest, end - len(block))
            position = text.find(block, longest + 1)


def _followed(text: str, position: int, spelling: str, at: int, size: int) -> tuple[int, int]:
    """How far the spelling goes on to both sides of a block of it that was found."""
    before = after = 0
    while before < min(position, at) and text[position - before - 1] == spelling[at - before - 1]:
        before += 1
    most = min(len(text) - position, len(spelling) - at) - size
    while after < most and text[position + size + after] == spelling[at + size + after]:
        after += 1
    return position - before, position + size + after


def _meant(spelled: re.Match[str]) -> str:
    kind, value = spelled.lastgroup, spelled[spelled.lastgroup or 0]
    if kind is None:
        return ""
    if kind == "named":
        return _NAMED[value]
    if kind == "quoted":
        return value
    return chr(int(value, 10 if kind == "number" else 16)).translate(_LOWER)


def _origins(plain: str) -> list[int]:
    """Where each letter of the spelled-out text begins in the plain one."""
    starts: list[int] = []
    position = 0
    for spelled in _SPELLED.finditer(plain):
        starts.extend(range(position, spelled.start()))
        if _meant(spelled):
            starts.append(spelled.start())
        position = spelled.end()
    starts.extend(range(position, len(plain)))
    return starts


def _end_of(plain: str, start: int) -> int:
    spelled = _SPELLED.match(plain, start)
    return spelled.end() if spelled and _meant(spelled) else start + 1


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _lower(text: str) -> str:
    """The text of the same length with small letters, of ASCII at least."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_LOWER)
