"""In which encoding a text is: by its mark, by its bytes, or not to be told, and then it is asked for (pure)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from sidecar.errors import Failure

_CHUNK = 1024 * 1024
_BOMS = (
    # The longer one first: UTF-32 LE begins as UTF-16 LE does.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# How a byte that the encoding does not have stands in a text that was decoded with "surrogateescape".
BAD_BYTE = re.compile("[\udc80-\udcff]")
# Of a letter of two or four bytes one may be missing, at the end of a file that was cut off say: it is a bad byte too.
_BAD_LETTER = "one-bad-letter"
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_LINES_WITH_OTHERS = re.compile(rb"[^\r\n]*[\x80-\xff][^\r\n]*")
_SAMPLE_BYTES = 256 * 1024

# What a person may be asked to choose from: the name, and for whom it is.
_CHOICES = (
    ("cp1252", "Windows, Western Europe"),
    ("cp1250", "Windows, Central Europe"),
    ("cp1251", "Windows, Cyrillic"),
    ("shift_jis", "Japanese"),
    ("gb18030", "Chinese, GBK"),
    ("big5", "Chinese, traditional"),
    ("euc_kr", "Korean"),
    ("mac_roman", "old Macintosh"),
)
# These too where their letters are nearly all of the script that they are for.
_FOR_SCRIPTS = (
    ("cp1253", "Windows, Greek", re.compile("[\u0370-\u03ff]")),
    ("cp1255", "Windows, Hebrew", re.compile("[\u0590-\u05ff]")),
    ("cp1256", "Windows, Arabic", re.compile("[\u0600-\u06ff]")),
    ("cp874", "Windows, Thai", re.compile("[\u0e00-\u0e7f]")),
    ("koi8_r", "Russian, KOI8", re.compile("[\u0430-\u044f]")),
    ("cp866", "old DOS, Cyrillic", re.compile("[\u0410-\u044f]")),
    ("cp1254", "Windows, Turkish", re.compile("[ğĞıİşŞçÇöÖüÜâî]")),
    ("cp850", "old DOS", re.compile("[äöüÄÖÜßéèêàâçñáíóú]")),
)
_OF_SCRIPT = 0.9
# Letters, and the signs that Western European texts have; a letter of another code page falls on other signs.
_WESTERN = re.compile("[À-ÖØ-öø-ÿŠšŽžŒœŸ€‚„…†‡‰‹›‘’“”•–—™¡£§©«®°±·»¿ªº´²³½¼¾ \x00-\x7f]*")
_ODD = re.compile(
    r"[a-zà-öø-ÿ][À-ÖØ-ÞŠŽŒŸ]|[A-Za-zÀ-ÿ][²³¼½¾±¡¿£§©®]+[a-zà-ÿ]|[À-ÖØ-öø-ÿ]{4}|[a-zà-ÿ][„…†‡‰‹‚•‘“—][a-zà-ÿ]"
)
# JSON is in UTF-8; in a table a program may have cut a letter where the cell was full.
_FEW_BYTES = 3
_JSON = re.compile(rb"\s*[\[{]")
_CUT_LETTERS = re.compile(
    rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})(?=[\x00-\x7f]|\Z)"
)
_OTHERS = re.compile(rb"[\x80-\xff]+")
# One line of so many that is whole in UTF-8 says that the others were put behind it.
_WHOLE_LINES = 4
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_WIDE = re.compile("[\u3001-\u30ff\u4e00-\u9fff\uff01-\uff5e\uac00-\ud7a3]")


# Signs of ASCII alone, which mean other letters behind these escapes: mail and old systems of Japan and Korea.
_ESCAPES = (
    (re.compile(rb"\x1b\$[@B]|\x1b\(I"), "iso2022_jp_1", "Japanese"),
    (re.compile(rb"\x1b\$\)C"), "iso2022_kr", "Korean"),
)


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """What a text is decoded with. `remark` says that it was found by its letters; `broken`, that it has bad bytes."""

    name: str
    remark: str | None = None
    broken: bool = False

    @property
    def errors(self) -> str:
        """How to decode: a bad byte is told with its row where the rest of the text stays readable."""
        if not self.is_wide:
            return "surrogateescape"
        # By its mark it is certain; what a person says of a file may be wrong.
        return _BAD_LETTER if self.broken else "strict"

    @property
    def is_wide(self) -> bool:
        """Whether each of its letters has two bytes, or four."""
        return self.name.startswith(("utf-16", "utf-32"))

    @property
    def is_utf8(self) -> bool:
        """Whether its bytes are those of JSON."""
        return self.name in ("utf-8", "utf-8-sig")


def named_encoding(name: str) -> TextEncoding:
    """Return the encoding that a person named. Raise Failure("invalid_params") for one that there is not."""
    try:
        known = codecs.lookup(name.strip()).name
        "".encode(known)
    except (LookupError, ValueError):
        raise _refused(f'There is no encoding "{name[:40]}". Choose one of {_choices()}.') from None
    # What both begin with is a mark, or nothing.
    found = TextEncoding("utf-8-sig" if known == "utf-8" else known)
    return replace(found, broken=not found.is_wide)


def find_encoding(stream: BinaryIO, pulse: Callable[[], None] = lambda: None) -> TextEncoding:
    """Return the encoding of the whole stream, which is left at its start.

    Raise Failure("invalid_params") with a request for the encoding where it cannot be told.
    """
    stream.seek(0)
    head = stream.read(_SAMPLE_BYTES)
    for escape, name, called in _ESCAPES:
        if escape.search(head) and _decodes(head, name):
            stream.seek(0)
            return TextEncoding(name, _found(called, name), broken=True)
    head = head[:4096]
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), None) or _unmarked_wide(head)
    try:
        if marked is not None and not marked.startswith("utf-8"):
            return TextEncoding(marked, broken=True)
        good, bad, sample = _counted(stream, pulse)
        if not bad or marked or good >= bad or _is_damaged(head, sample):
            return TextEncoding(marked or "utf-8", broken=bad > 0)
        return _by_letters(sample, bad)
    finally:
        stream.seek(0)


def bad_byte(encoding: TextEncoding, place: str) -> str:
    """Return what is said of a row that holds a bad byte, at this place of it."""
    name = "UTF-8" if encoding.is_utf8 else encoding.name
    what_to_do = (
        "The file is damaged or cut off there: save or copy it once more."
        if encoding.is_wide
        else "Save it in the encoding of the others, or say the file's encoding."
    )
    return f"This row holds a byte that is not {name} (at “{place}”). {what_to_do}"


def unreadable(encoding: TextEncoding, wanted: str | None = None) -> Failure:
    """Return the refusal of a text that is not in the encoding that it was said, or has, to be in."""
    return _refused(
        f"The file is not {wanted or encoding.name}. Say its encoding, one of {_choices()}, or save it as UTF-8."
    )


def _unmarked_wide(head: bytes) -> str | None:
    """A header in Latin letters has a zero in every second byte, or three in four."""
    whole = len(head[:200]) // 4 * 4
    zeros = tuple(head[place:whole:4].count(0) * 4 for place in range(4))
    if whole >= 16 and sum(each > 0.8 * whole for each in zeros) == 3:
        if not zeros[0] and zeros[3]:
            return "utf-32-le"
        if not zeros[3] and zeros[0]:
            return "utf-32-be"
    even, odd = head[0:200:2], head[1:200:2]
    if len(odd) < 4:
        return None
    # The other byte of a letter is 0 in a few, half of 😀 for one.
    few = len(odd) // 10
    if odd.count(0) > 0.8 * len(odd) and even.count(0) <= few:
        return "utf-16-le"
    return "utf-16-be" if even.count(0) > 0.8 * len(even) and odd.count(0) <= few else None


def _decodes(head: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _counted(stream: BinaryIO, pulse: Callable[[], None]) -> tuple[int, int, bytes]:
    """How many letters beyond ASCII are UTF-8, how many bytes are none, and some lines that hold such."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    stream.seek(0)
    good = bad = 0
    sample = b""
    while True:
        pulse()
        chunk = stream.read(_CHUNK)
        if not chunk.isascii() and len(sample) < _SAMPLE_BYTES:
            sample += b"\n".join(_LINES_WITH_OTHERS.findall(chunk))[:_SAMPLE_BYTES]
        text = decoder.decode(chunk, final=not chunk)
        if not text.isascii():
            broken = len(BAD_BYTE.findall(text))
            bad += broken
            good += len(_NOT_ASCII.findall(text)) - broken
        if not chunk:
            return good, bad, sample


def _is_damaged(head: bytes, sample: bytes) -> bool:
    """Whether a text in UTF-8 has some bytes that are none: `sample` are its lines with others than plain letters."""
    others = _OTHERS.findall(sample)
    if _JSON.match(head) and len(others) == 1 and (len(others[0]) == 1 or _CUT_LETTERS.fullmatch(others[0])):
        return True
    lines = sample.split(b"\n")
    return sum(_decodes(line, "utf-8") for line in lines) * _WHOLE_LINES >= len(lines)


def _by_letters(sample: bytes, bad: int) -> TextEncoding:
    """Western European and Japanese texts are known by their letters; anything else is asked for."""
    for name in ("cp932", "euc_jp"):
        text = _decoded(sample, name)
        kana, wide, others = (len(each.findall(text)) for each in (_KANA, _WIDE, _NOT_ASCII))
        if text and wide >= 0.95 * others and kana >= 0.2 * others:
            return TextEncoding(name, _found("Japanese", name), broken=True)
    text = _decoded(sample, "cp1252")
    if text and _WESTERN.fullmatch(text.replace("\n", " ").replace("\xa0", " ")) and not _ODD.search(text):
        return TextEncoding("cp1252", _found("Windows Latin", "cp1252"), broken=True)
    if bad <= _FEW_BYTES and _CUT_LETTERS.sub(b"", sample).isascii():
        return TextEncoding("utf-8", broken=True)
    choices = [*_in_its_script(sample), *_CHOICES]
    shown = [
        f'"{name}" ({whose}: {start})'
        for name, whose in choices
        if (start := _beginning(_decoded(sample, name)))
    ]
    raise _refused(
        "The file is not UTF-8, and its encoding cannot be told. Say its encoding, or save it as UTF-8. "
        f"Its letters would be, as {', as '.join(shown) or 'nothing that is known, '}."
    )


def _in_its_script(sample: bytes) -> Iterator[tuple[str, str]]:
    for name, whose, script in _FOR_SCRIPTS:
        text = _decoded(sample, name)
        others = len(_NOT_ASCII.findall(text))
        if others and len(script.findall(text)) >= _OF_SCRIPT * others:
            yield name, whose


def _found(called: str, name: str) -> str:
    return (
        f"The file is not UTF-8; it was read as {called}. "
        f'Where letters look wrong, say its encoding (it was "{name}"), or save it as CSV UTF-8.'
    )


def _decoded(sample: bytes, name: str) -> str:
    # The last line may be cut in the middle of a letter.
    lines = sample.split(b"\n")
    try:
        return b"\n".join(lines[:-1] or lines).decode(name)
    except UnicodeDecodeError:
        return ""


def _beginning(text: str) -> str:
    found = re.search(r"\S{0,12}[^\x00-\x7f]\S{0,12}", text)
    return "“" + found[0] + "”" if found and found[0].isprintable() else ""


def _choices() -> str:
    return ", ".join(name for name, _ in _CHOICES) + ", utf-8 or utf-16"


def _refused(message: str) -> Failure:
    return Failure("invalid_params", message, issues=[{"path": "encoding", "message": message}])


def _bad_letter(problem: UnicodeError) -> tuple[str, int]:
    """Put a sign for a bad byte where a letter has no meaning, and go on behind it."""
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    return "\udcff", problem.end


codecs.register_error(_BAD_LETTER, _bad_letter)
