"""The charset of a body, made UTF-8 (pure).

UTF-16, as some Windows servers and proxies send it, and UTF-32 are told by their bytes; any other is the one that the
header names.
"""

from __future__ import annotations

import codecs
import re

# An answer begins with a mark or with a letter of ASCII, of which all bytes but one are 0. Longer marks come first: one
# begins with another.
_MARKS = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_FOUR_BYTES = {b"[^\0]\0\0\0": "utf-32-le", b"\0\0\0[^\0]": "utf-32-be"}
# Two letters of the longest: NULs that fill up what a server promised to send stand before one letter alone.
_ENOUGH_BYTES = 8
# A mark, or a stray NUL, may also stand before a text of one byte a letter. What comes behind it tells: names, brackets
# and ends of lines have a NUL in each letter of two bytes, and so many letters without one are no UTF-8 by chance.
_BEHIND_BYTES = 32
_LOOKED_AT_BYTES = 2 * _BEHIND_BYTES
_HALVES_AT_ENDS = re.compile(rb"^[\x80-\xbf]{1,3}|[\xc2-\xf4][\x80-\xbf]{0,2}$")


def wide_encoding(beginning: bytes) -> str | None:
    """Return the encoding that the first bytes show, two at least, None where they are not of UTF-16 or UTF-32."""
    found = _claimed(beginning)
    return None if found is None or _is_plain(beginning) else found


def _claimed(beginning: bytes) -> str | None:
    if len(beginning) < 2 or (beginning[0] < 0xFE and b"\0" not in beginning[:_ENOUGH_BYTES]):
        return None
    found = next((name for mark, name in _MARKS.items() if beginning.startswith(mark)), None)
    if found is None:
        letters = beginning[:_ENOUGH_BYTES]
        found = next(
            (name for letter, name in _FOUR_BYTES.items() if re.fullmatch(letter * 2, letters)), None
        )
    if found is None and (beginning[0] == 0) != (beginning[1] == 0):
        found = "utf-16-be" if beginning[0] == 0 else "utf-16-le"
    return found


def _is_plain(beginning: bytes) -> bool:
    behind = beginning[2:_LOOKED_AT_BYTES][-_BEHIND_BYTES:]
    if not behind or b"\0" in behind:
        return False
    try:
        _HALVES_AT_ENDS.sub(b"", behind).decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_mark(beginning: bytes) -> bytes:
    """Take off a mark that is wrong: what comes behind it is no such text."""
    return next((beginning[len(mark) :] for mark in _MARKS if beginning.startswith(mark)), beginning)


# A letter of UTF-8 of several bytes, and letters of Windows' code page as no letter of UTF-8, not even half of one at
# the edge of a piece, can stand between others.
_SEVERAL = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]+")
_WESTERN = re.compile(rb"[\xc0-\xff][ A-Za-z]|[ A-Za-z][\x80-\xff]+[ A-Za-z]")


class Letters:
    """Reads pieces of an answer whose header names no charset: UTF-8, or Windows' western code page, which is Latin-1
    and more, where the bytes leave no doubt, and then what comes behind them likewise.

    In pieces a single letter is no proof (`proof` is 2): bytes may have been lost on the way.
    """

    def __init__(self, proof: int = 2) -> None:
        self._missing = proof

    def read(self, data: bytes) -> str:
        """Return the text. What is no letter becomes a mark."""
        try:
            return data.decode()
        except UnicodeDecodeError:
            if _SEVERAL.search(data):
                return data.decode("utf-8", "replace")
            self._missing -= sum(map(len, _HIGH.findall(data))) if _WESTERN.search(data) else 0
            return data.decode("utf-8" if self._missing > 0 else "cp1252", "replace")


def text_of(data: bytes) -> str:
    """Return the text of a whole body, or of one line of it."""
    return Letters(proof=1).read(data)


class Narrowed:
    """Gives the bytes of an answer in UTF-8, whatever they are in.

    Waits for its first few bytes, and for some more where they are not those of UTF-8.
    """

    def __init__(self) -> None:
        self._begun = self._plain = False
        self._kept = b""
        self._decoder: codecs.IncrementalDecoder | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Return what these bytes complete."""
        if self._plain:
            return chunk
        if not self._begun:
            chunk, self._kept = self._kept + chunk, b""
            enough = _ENOUGH_BYTES if _claimed(chunk) is None else _LOOKED_AT_BYTES
            if len(chunk) < enough:
                self._kept = chunk
                return b""
            chunk = self._begin(chunk)
        return self._narrow(chunk)

    def finish(self) -> bytes:
        """Return what was waited with."""
        kept, self._kept = self._kept, b""
        return self._narrow(self._begin(kept) if kept else kept, final=True)

    def _begin(self, beginning: bytes) -> bytes:
        self._begun = True
        encoding = wide_encoding(beginning)
        if encoding is None:
            self._plain = True
            return _without_mark(beginning)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        return beginning

    def _narrow(self, chunk: bytes, final: bool = False) -> bytes:
        if self._decoder is None:
            return chunk
        return self._decoder.decode(chunk, final).removeprefix("\ufeff").encode("utf-8", "replace")


def narrowed(body: bytes) -> bytes:
    """Return a whole body in UTF-8 without a mark of UTF-16; one that is in a single byte a letter is left as it is."""
    reader = Narrowed()
    return reader.feed(body) + reader.finish()


_NAMED = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]{1,40})", re.IGNORECASE)
# What the web calls so is Windows' code page, which has more letters: https://encoding.spec.whatwg.org/#names-and-labels
_WIDENED = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}


def named_charset(content_type: str) -> str | None:
    """Return the codec for the charset of a `content-type`; None for UTF-8, UTF-16, none, and what is no charset."""
    found = _NAMED.search(content_type)
    if found is None:
        return None
    try:
        name = codecs.lookup(found[1]).name
        # Codecs that take no text are no charsets.
        b"".decode(name)
    except (LookupError, ValueError):
        return None
    # Those of Unicode are told by their bytes.
    return None if name.startswith("utf") else _WIDENED.get(name, name)


class Charset:
    """Makes UTF-8 of a body that is in the codec `name`, or in UTF-8 all the same, as many are: the bytes decide.

    The header counts from the first letter on that is no UTF-8.
    """

    def __init__(self, name: str) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._named = codecs.getincrementaldecoder(name)("replace")
        self._decided = False
        self._trusts_header = False

    def feed(self, data: bytes, final: bool = False) -> bytes:
        """Return the same letters in UTF-8, without the last one while that is not whole."""
        if not self._decided:
            kept = self._utf8.getstate()[0]
            try:
                text = self._utf8.decode(data, final)
            except UnicodeDecodeError:
                self._decided = self._trusts_header = True
                data = kept + data
            else:
                # One letter of several bytes is a chance of one in many that it is another charset's.
                self._decided = not text.isascii()
                return text.encode()
        if self._trusts_header:
            return self._named.decode(data, final).encode("utf-8", "replace")
        kept = self._utf8.getstate()[0]
        self._utf8.reset()
        return kept + data
