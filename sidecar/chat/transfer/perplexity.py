"""The page that Perplexity writes of a thread, in Markdown (pure).

    <img src="…pplx-full-logo…" …/>

    # Why?

    Rayleigh[^1].

    <div style="text-align: center">⁂</div>

    [^1]: https://…

    ---

    # And red?

Who speaks is not said: what stands as a heading at the top of a piece was asked.
"""

from __future__ import annotations

import re
from typing import Any

from sidecar.chat.transfer.messages import MARK

_LOGO = re.compile(r"<img\b[^>\n]{0,500}\bpplx[^>\n]{0,500}>")
_RULE = re.compile(r"^---[ \t]*$", re.MULTILINE)
_ASKED = re.compile(r"\s*#[ \t]+(.+)\n?")
_BETWEEN = re.compile(r"<div[^>\n]{0,100}>⁂</div>\n*")
_LOOKED_AT = 2_000


def conversation_in(text: str) -> dict[str, Any] | None:
    """Return the conversation that a page is, for `messages.read`; None for another text."""
    logo = _LOGO.search(text[:_LOOKED_AT])
    if logo is None and not (text.lstrip("\ufeff \n").startswith("# ") and _BETWEEN.search(text)):
        return None
    said: list[dict[str, Any]] = []
    for piece in _RULE.split(text[logo.end() :] if logo else text.lstrip("\ufeff")):
        asked = _ASKED.match(piece)
        answer = _BETWEEN.sub("", piece[asked.end() :] if asked else piece).strip()
        if asked:
            said += [
                {"role": "user", "content": asked[1].strip().strip("*")},
                {"role": "assistant", "content": answer},
            ]
        elif said and answer:
            # A line between two parts of an answer.
            said[-1]["content"] += f"\n\n---\n\n{answer}"
    if not said:
        return None
    return {MARK: said, "title": said[0]["content"][:200], "key": ""}
