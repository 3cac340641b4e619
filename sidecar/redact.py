"""Takes what looks like a secret out of text that is going to be seen (pure). Known ones are known_secrets.py's."""

from __future__ import annotations

import re

from sidecar.contract.providers import PROVIDERS

# Headers whose whole value is a key; one that has a scheme before it is known by that.
_KEY_HEADERS = sorted({facts.key_header for facts in PROVIDERS if not facts.key_scheme})
_SECRETS = re.compile(
    "|".join(
        [
            # What many servers give out that are only like a vendor, half-masked echoes too.
            r"\b(?:sk|pk|rk|gsk)-[A-Za-z0-9_\-*.…]{6,}",
            *(pattern for facts in PROVIDERS for pattern in facts.key_patterns),
            # Whatever a vendor leaves of it.
            r"""(?i:(?<=api\skey\sprovided:\s))(?!\[key\ hidden\])[^\s"',;]+?(?=\.?(?:[\s"',;]|$))""",
            r"""(?<=Bearer\s)[^\s"',;]{4,}""",
            r"""(?<=[?&]key=)[^&\s"']+""",
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
