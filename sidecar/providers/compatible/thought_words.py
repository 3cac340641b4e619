"""The tags and phrases between which models think, and how they are found in a text that is cut anywhere (pure)."""

from __future__ import annotations

import re

# The tags that models are trained to, or servers leave in.
PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<think_fast>", "</think_fast>"),
    ("<think_faster>", "</think_faster>"),
    ("<think_on>", "</think_on>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<antThinking>", "</antThinking>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think|>", "<|/think|>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("<|thought|>", "<|/thought|>"),
    ("<|think_start|>", "<|think_end|>"),
    ("<|thought_start|>", "<|thought_end|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<thinking_process>", "</thinking_process>"),
    ("<unused94>thought", "<unused95>"),
    ("<ctrl94>thought", "<ctrl95>"),
    ("<|channel>thought", "<channel|>"),
)
_CLOSE_OF = dict(PAIRS)
OPENS = tuple(_CLOSE_OF)
# Nobody writes more of them between the letters of a tag.
_BLANKS, _MOST_BLANKS = r"\s{0,4}", 12


def closing(close: str) -> str:
    """Return the pattern of a closing tag: blanks beside its slash and its end mean nothing. In any letters."""
    if not close.startswith("</"):
        return re.escape(close)
    return rf"<{_BLANKS}/{_BLANKS}{re.escape(close[2:-1])}{_BLANKS}>"


# Servers and models write them in capitals too.
ANY_OPEN = re.compile("|".join(map(re.escape, OPENS)), re.IGNORECASE)
ANY_CLOSE = re.compile("|".join(closing(closed) for _, closed in PAIRS), re.IGNORECASE)
# Some tell in the tag how long was thought, and a page shows a thought as something to be opened.
_NAMES = "think|thinking|thought|thoughts|reasoning"
_FOLDED = r'<details\s[^<>\n]{0,200}?type="reasoning"[^<>\n]{0,200}>'
_WITH_MORE = re.compile(rf"<({_NAMES})\s[^<>\n]{{0,200}}>|{_FOLDED}", re.IGNORECASE)
_HALF_OPEN = re.compile(rf"<(?:{_NAMES}|details)\s[^<>\n]{{0,200}}", re.IGNORECASE)
# What is left of OpenAI's channels where a server drops the tokens around their names; how Granite and Apriel say it.
_IN_WORDS = (
    (re.compile(r"analysis(?=[A-Z\"'(])"), re.compile("assistantfinal", re.IGNORECASE)),
    (
        re.compile(r"\s*Here(?:['’]s| is) my thought process:\s*"),
        re.compile(r"Here(?:['’]s| is) my response:", re.IGNORECASE),
    ),
    (
        re.compile(r"\s*(?:Here are my reasoning steps:\s*)?"),
        re.compile(r"\[BEGIN FINAL RESPONSE\]"),
    ),
)
ANY_END = re.compile("|".join((ANY_CLOSE.pattern, *(end.pattern for _, end in _IN_WORDS))), re.IGNORECASE)
LONGEST = max(len(tag) for pair in PAIRS for tag in pair) + _MOST_BLANKS


def opening(text: str) -> tuple[str, int] | None:
    """Return how the thought is closed that a text opens with its first letters, and how long the tag is."""
    tag = next((tag for tag in OPENS if same(text[: len(tag)], tag)), None)
    if tag is not None:
        return _CLOSE_OF[tag], len(tag)
    told = _WITH_MORE.match(text)
    return None if told is None else (f"</{(told[1] or 'details').lower()}>", told.end())


def may_open(text: str) -> bool:
    """Return whether a text may be the beginning of an opening tag."""
    return any(same(tag[: len(text)], text) for tag in (*OPENS, "<details ")) or bool(
        _HALF_OPEN.fullmatch(text)
    )


def begun(close: str, text: str) -> int:
    """Return how many of the last letters may be the beginning of a closing tag."""
    at = text.rfind(close[0], max(0, len(text) - len(close) - _MOST_BLANKS))
    if at < 0:
        return 0
    return len(text) - at if same(close[: len(so_far := "".join(text[at:].split()))], so_far) else 0


def thought_in_words(said: str, end: re.Match[str]) -> str | None:
    """Return what was thought before an end of `ANY_END`; None where its words end a thought that did not begin."""
    before = said[: end.start()]
    for begins, ends in _IN_WORDS:
        if ends.fullmatch(end[0]):
            found = begins.match(before)
            return None if found is None else before[found.end() :]
    return before


def same(one: str, other: str) -> bool:
    """Return whether two tags are one, in whatever letters."""
    return one.lower() == other.lower()
