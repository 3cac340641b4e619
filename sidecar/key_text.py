"""An API key as text: cleaned of what was pasted with it, whose it is, how it is shown and marked (pure)."""

from __future__ import annotations

import hashlib
import re

from sidecar.key_names import provider_of

# What surrounds text that was copied: blanks of every kind, marks without width, a byte order mark.
_BLANK = " \t\r\n\f\v\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANK += "\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "„": "“"}
# `OPENAI_API_KEY=…`, as in a shell, a .env file or a YAML file. The name must speak of a key: some keys hold a `=`.
_ASSIGNMENT = re.compile(
    r"(?:export\s+|set\s+|\$env:)?(?:[A-Za-z][A-Za-z0-9_-]*)?(?:KEY|TOKEN|Key|key|token)\s*[=:]\s*(?=\S)"
)
# A line of a .env file that nobody filled in.
_NAME_ALONE = re.compile(r"(?:export\s+)?[A-Za-z][A-Za-z0-9_]*_(?:KEY|TOKEN)\s*=\s*")
_PAIRS = ("()", "[]", "<>")
# What stands where a key was to be filled in.
_PLACEHOLDER = re.compile(
    r"\$\{?\w+\}?|%\w+%|\{.*\}|https?://.*|(?:paste|put|insert|enter|add)?[-_ ]?your[-_ ].*|null|undefined|None|NaN"
    r"|.*[<>].*",
    re.IGNORECASE | re.DOTALL,
)
_COMMENT = re.compile(r"\s+(?:#|//).*$|(?<=[\w=\"'`-])//[A-Za-z][a-z]{1,19}$", re.DOTALL)
# How keys begin, and whose they are: a provider's name where it is built in. The longest of several that fit holds.
# `sk-` alone is anybody's: DeepSeek, Moonshot and many gateways give such keys as OpenAI does.
_BEGINNINGS = {
    "sk-proj-": ("openai", "OpenAI"),
    "sk-svcacct-": ("openai", "OpenAI"),
    "sk-admin-": ("openai", "OpenAI"),
    "sk-ant-": ("anthropic", "Anthropic"),
    "AIza": ("gemini", "Google"),
    "xai-": ("grok", "xAI"),
    "sk-or-": ("", "OpenRouter"),
    "gsk_": ("", "Groq"),
    "pplx-": ("", "Perplexity"),
    "nvapi-": ("", "NVIDIA"),
    "hf_": ("", "Hugging Face"),
    "github_pat_": ("", "GitHub"),
    "ghp_": ("", "GitHub"),
}
_ANY_BEGINNING = (*_BEGINNINGS, "sk-")
_KEY_LETTERS = re.compile(r"[\w.+/=-]+", re.ASCII)
# Shorter ones are nobody's.
_LEAST_OWNED = 20
# A key, its name and its comment; what is longer is a text.
_MOST_PASTED = 1_000
# Keys of these vendors hold neither sign; in others' a plain word behind `//` at the end is no chance either.
_OWN_COMMENT = re.compile(r"\s*(?:#|//).*$", re.DOTALL)
_VENDORS_OWN = tuple(begin for begin, (name, _) in _BEGINNINGS.items() if name)
_MASK = re.compile(r"…|\*{3,}|•|\.{3,}|x{8,}", re.IGNORECASE)


class NotAKey(ValueError):
    """What was given holds no key that could be meant. The text is a sentence for the person, without the key."""


def clean_key(text: str) -> str:
    """Return the key alone, "" where there is none. Raise NotAKey for what can be no key.

    Quotes, `NAME=` in front, a `;`, `,` or `.` behind, a comment and blanks around are taken off. Whatever else is not
    certain is refused: a key that was guessed would be sent to a vendor.
    """
    key = _unwrapped(text)
    if not key or _NAME_ALONE.fullmatch(key):
        return ""
    if key.lower().startswith(("bearer ", "basic ", "authorization:")):
        raise NotAKey("That is a whole header. Paste the API key alone, without the word in front of it.")
    if _MASK.search(key):
        raise NotAKey(
            "That is the masked form of a key, as it is shown after saving. Paste the whole API key."
        )
    if _PLACEHOLDER.fullmatch(key) and key != "none":
        raise NotAKey("That stands in the place of an API key and is none. Paste the key itself.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise NotAKey("That does not look like an API key. Paste the key alone, in one line.")
    return key


def _unwrapped(text: str) -> str:
    """What is left once nothing more can be taken off: the wrappings stand inside each other in any order."""
    while True:
        key = text.strip(_BLANK)
        key = (_OWN_COMMENT if key.startswith(_VENDORS_OWN) else _COMMENT).sub("", key)
        key = key.rstrip(";,.").rstrip(_BLANK)
        named = _ASSIGNMENT.match(key)
        if named:
            key = key[named.end() :]
        if len(key) >= 2 and (_QUOTES.get(key[0]) == key[-1] or key[0] + key[-1] in _PAIRS):
            key = key[1:-1]
        # Half of what surrounded it, and line ends that a program wrote out.
        key = re.sub(r"(?:\\[rnt\"']|%2[27])+$|^(?:\\[\"']|%2[27])+", "", key).strip("\"'`“”‘’")
        if key == text:
            return key
        text = key


def mask(key: str) -> str:
    """Enough of a key to recognise it, too little to use it: `sk-…abcd`."""
    if len(key) < 12:
        return "…"
    prefix = key[: key.index("-") + 1] if "-" in key[:6] else key[:4] if len(key) >= 24 else ""
    return f"{prefix}…{key[-4:]}"


def other_owner(provider: str, key: str) -> str | None:
    """Return whose the key is where it is certainly not `provider`'s, a built-in one or its `-admin`; else None."""
    found = [owner for begin, owner in _BEGINNINGS.items() if key.startswith(begin)]
    if not found or len(key) < _LEAST_OWNED:
        return None
    name, title = found[0]
    return None if name == provider_of(provider) else title


def is_known_key(text: str) -> bool:
    """Whether a text is an API key and nothing else, whatever was pasted with it: by how the keys of vendors begin."""
    if len(text) > _MOST_PASTED or not any(begin in text for begin in _ANY_BEGINNING):
        return False
    try:
        key = clean_key(text)
    except NotAKey:
        return False
    return (
        len(key) >= _LEAST_OWNED
        and key.startswith(_ANY_BEGINNING)
        and _KEY_LETTERS.fullmatch(key) is not None
        and any(letter.isdigit() for letter in key)
    )


def key_mark(key: str, of: str) -> str:
    """Tells whether a key is the one that something was done with, `of` being that thing's id.

    So short that very many keys share each mark: it may be kept where a key must never be.
    """
    return hashlib.blake2b(key.encode("utf-8"), digest_size=3, salt=of.encode("utf-8")[:16]).hexdigest()
