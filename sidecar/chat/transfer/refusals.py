"""How a file is refused that holds no conversations, or none that can be taken (pure)."""

from __future__ import annotations

from sidecar.errors import Failure

NEITHER = (
    "This is no file of conversations that A-B/AI knows. Choose the conversations.json, or the ZIP file, that ChatGPT, "
    "Claude, DeepSeek, Grok or Le Chat sends when one asks for one's data there; the JSON file that Open WebUI, "
    "LibreChat, LobeChat, TypingMind, Chatbox, Cherry Studio, NextChat, BetterChatGPT, LM Studio, Jan, SillyTavern or "
    "Google Takeout (Gemini) has written; Copilot's CSV, a page of Perplexity's, a file of Google AI Studio's; or a "
    "file of another program whose JSON says the role and the words of each message, or whose Markdown has who speaks "
    "(User, Assistant) above each."
)


def refused(message: str) -> Failure:
    """Return the refusal of a file, with a sentence for a person."""
    return Failure("invalid_params", message, issues=[{"path": "path", "message": message}])
