"""Which earlier turns go along with a question: the newest that fit the model's window."""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.providers.base import Turn

# Characters a token is taken for when only room matters. Too low wastes window; too high costs the person
# an error from the vendor. Latin prose runs at about 4, code and other scripts denser: both on the safe side.
ASCII_PER_TOKEN = 3.0
OTHER_PER_TOKEN = 0.8
TURN_OVERHEAD_TOKENS = 8
UNKNOWN_WINDOW_TOKENS = 8_192


def roughly_tokens(text: str) -> int:
    """A cautious estimate of the tokens of a text, for room only: money never comes from it."""
    ascii_length = len(text) if text.isascii() else sum(character < "\x80" for character in text)
    return (
        int(ascii_length / ASCII_PER_TOKEN + (len(text) - ascii_length) / OTHER_PER_TOKEN)
        + TURN_OVERHEAD_TOKENS
    )


def room_for_history(window: int | None, output_limit: int | None, present: Sequence[str]) -> int:
    """Tokens left for earlier turns once the present texts and the answer have their place."""
    window = window or UNKNOWN_WINDOW_TOKENS
    # A limit can be as large as the window; half of it still leaves the answer more than most ever use.
    answer = min(output_limit or window // 4, window // 2)
    return max(0, window - answer - sum(roughly_tokens(text) for text in present))


def newest_that_fit(turns: Sequence[Turn], room: int) -> tuple[Turn, ...]:
    """The longest tail of the turns that fits, beginning with a user's turn: oldest first out."""
    kept = len(turns)
    while kept > 0 and (room := room - roughly_tokens(turns[kept - 1].text)) >= 0:
        kept -= 1
    while kept < len(turns) and turns[kept].role != "user":
        kept += 1
    return tuple(turns[kept:])
