"""How many tokens a text has for a model, without the network.

OpenAI publishes its tokenizers up to GPT-5: for those models a count is exact where the tables are installed. All
others are estimates. A newer model of OpenAI is counted by the newest table, another vendor's by that count times a
factor, which for plain text comes within some 15 % and in languages other than English less near.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sidecar.money import encodings
from sidecar.money.encodings import Encoding

# Up to here a count takes less than a millisecond, which a trip to a thread takes too.
INLINE_CHARS = 16_384
REMEMBERED = 20_000
_BYTES_PER_TOKEN = 4

_CL100K = re.compile(r"gpt-(?:3\.5|35|4(?![\w.]))|text-embedding-(?:3|ada)")
# The generation after these has no published tokenizer.
_O200K = re.compile(r"gpt-(?:4o|4\.\d|5)|chatgpt-4o|o\d")
# Claude up to 4.6; later ones cut the same text into a third more tokens.
_OLDER_CLAUDE = re.compile(r"claude-(?:instant|[v123]|[a-z]+-4(?:-[0-6])?(?:-\d{8})?$)")
_CLAUDE_PERCENT, _OLDER_CLAUDE_PERCENT = 150, 120


@dataclass(frozen=True, slots=True)
class CountingMethod:
    """How a model's tokens are counted: those of an encoding, times `percent` of a hundred."""

    encoding: str = "o200k_base"
    percent: int = 100
    published: bool = False

    def tokens(self, counted: int) -> int:
        return -(-counted * self.percent // 100)


def method_of(model: str | None) -> CountingMethod:
    """The method for a model by `provider/id` or id; None and unknown ones count as OpenAI's current models do."""
    provider, _, name = (model or "").rpartition("/")
    if provider in ("", "openai"):
        if _CL100K.match(name):
            return CountingMethod("cl100k_base", published=True)
        if _O200K.match(name):
            return CountingMethod(published=True)
    if name.startswith("claude-"):
        return CountingMethod(percent=_OLDER_CLAUDE_PERCENT if _OLDER_CLAUDE.match(name) else _CLAUDE_PERCENT)
    return CountingMethod()


def counts_exactly(model: str) -> bool:
    """Whether a count for this model (`provider/id` or id) is the vendor's own, on this platform."""
    return method_of(model).published and encodings.available()


def estimate(text: str) -> int:
    """A rough count without any tables: a token for every four bytes, which suits English as well as Chinese."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


class TokenCounter:
    """Counts without holding up the loop, and remembers: a batch asks for the same texts over and over.

    What takes long, the loading of tables too, is done by one thread, one after the other, so that many such
    calls at once leave the interpreter to others. `load` gives an encoding, or None where there is none.
    """

    def __init__(
        self, load: Callable[[str], Encoding | None] = encodings.load, remembered: int = REMEMBERED
    ) -> None:
        self._load = load
        self._remembered = remembered
        self._encodings: dict[str, Encoding | None] = {}
        self._known: OrderedDict[tuple[str, bytes], int] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokens")

    async def count(self, text: str, model: str | None = None) -> int:
        """Tokens of the text for a model, given as `provider/id` or id; an estimate unless `counts_exactly`."""
        method = method_of(model)
        work = partial(self._counted, method.encoding, text)
        if len(text) <= INLINE_CHARS and method.encoding in self._encodings:
            return method.tokens(work())
        return method.tokens(await asyncio.get_running_loop().run_in_executor(self._worker, work))

    def count_exactly(self, text: str, model: str) -> int | None:
        """Return the tokens of the text as the model's vendor counts them; None where nobody here can.

        It may take long: to be called on a thread.
        """
        method = method_of(model)
        return self._counted(method.encoding, text) if counts_exactly(model) else None

    def _counted(self, name: str, text: str) -> int:
        if name not in self._encodings:
            self._encodings[name] = self._load(name)
        encoding = self._encodings[name]
        if encoding is None:
            return estimate(text)
        # A digest instead of the text, so that remembering megabytes takes no megabytes.
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        key = (name, digest)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        counted = encodings.count(encoding, text)
        with self._lock:
            self._known[key] = counted
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return counted


COUNTER = TokenCounter()
"""The one of this process: the tables are large, and what was counted for one caller serves the others."""
