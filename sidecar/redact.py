"""Takes secrets out of text that is going to be seen: logs, errors, recordings."""

from __future__ import annotations

import re

_SECRETS = re.compile(
    r"""
      \b(?:sk|pk|rk|xai|gsk)-[A-Za-z0-9_\-*.…]{6,}      # most vendors, half-masked echoes too
    | \bAIza[A-Za-z0-9_\-]{10,}                         # Google
      # whatever a vendor leaves of it
    | (?i:(?<=api\skey\sprovided:\s))(?!\[key\ hidden\])[^\s"',;]+?(?=\.?(?:[\s"',;]|$))
    | (?<=Bearer\s)[^\s"',;]{4,}
    | (?<=[?&]key=)[^&\s"']+
    | (?i:(?<=x-api-key:\s)|(?<=x-goog-api-key:\s))[^\s"',;]+
    """,
    re.VERBOSE,
)
HIDDEN = "[key hidden]"


def redact(text: str, *secrets: str) -> str:
    """The text without anything that looks like an API key, and without the given secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, HIDDEN)
    return _SECRETS.sub(HIDDEN, text)
