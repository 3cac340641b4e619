"""What must not stand in a recording, and how it is taken out (pure)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from sidecar.contract.providers import PROVIDERS
from sidecar.known_secrets import HIDDEN, KnownSecrets

FOLDER = "<folder>"

_CARRIES_KEY = {"authorization", "proxy-authorization", "api-key"} | {facts.key_header for facts in PROVIDERS}
_HIDDEN_ASKED = re.compile(r"auth|secret|cookie|password|(?<!idempotency-)key|token", re.IGNORECASE)
_HIDDEN_ANSWERED = re.compile(r"^set-cookie|^cookie|auth|api-?key", re.IGNORECASE)
_HIDDEN_QUERY = re.compile(r"key|token|secret|sig|auth|password", re.IGNORECASE)
_HIDDEN_MEMBER = re.compile(r"api[-_]?key|secret|password|authorization", re.IGNORECASE)


class Redaction:
    """Takes out the secrets of one run, which `known` may already hold. `learn` may be called on any thread.

    `settings` are the harmless ones.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        settings: Container[str] = (),
        secrets: Iterable[str] = (),
        known: KnownSecrets | None = None,
    ) -> None:
        self._folder = str(folder) if folder is not None else ""
        self._settings = settings
        self._known = known if known is not None else KnownSecrets()
        self._shown = False
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str | None) -> None:
        """Takes this key out of everything from now on."""
        self._known.learn(secret)

    def text(self, text: str) -> str:
        text = self._known.hide(text)
        if self._folder and self._folder in text:
            text = text.replace("\\", "/").replace(self._folder.replace("\\", "/"), FOLDER)
        return text

    def data(self, data: bytes) -> bytes:
        """Bytes that are no text, without the keys that are known."""
        # Each byte is a letter of its own there, and each letter of the sign in its place is one byte.
        return self._known.hide_known(data.decode("latin-1")).encode("latin-1")

    def quoted(self, body: bytes) -> bool:
        """Whether a known key is among what a vendor is told: its answer may spell it out, a piece at a time."""
        found = self._known.holds(body.decode("latin-1"))
        self._shown = self._shown or found
        return found

    def answer(self, message: Any) -> Any:
        """What a client is sent. Once a vendor was told a key, no piece of an answer is kept: each is too short to
        know the key by.
        """
        hidden = self.value(message)
        if self._shown and isinstance(message, dict) and message.get("method") == "$/progress":
            value = hidden["params"]["value"]
            if isinstance(value, dict) and "text" in value:
                value["text"] = HIDDEN
        return hidden

    def value(self, value: Any) -> Any:
        """Any JSON value, with its member names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(name): self._member(name, member) for name, member in value.items()}
        return value

    def request(self, message: Any) -> Any:
        """What a client sent: a key that is being saved is hidden whatever it looks like."""
        if isinstance(message, list):
            return [self.request(each) for each in message]
        if isinstance(message, dict) and str(message.get("method", "")).startswith("settings:"):
            message = {
                **message,
                **({"params": self._saved(message["params"])} if "params" in message else {}),
            }
        return self.value(message)

    def url(self, url: str) -> str:
        """The URL without a user, a password, or a query value that may be a secret."""
        parts = urlsplit(url)
        query = "&".join(
            f"{quote(name, safe='')}={self._query_value(name, value)}"
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        return self.text(plain) + (f"?{query}" if query else "")

    def asked_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers of a request. The key that one of them carries is known from now on."""
        for name, value in headers.items():
            if name.lower() in _CARRIES_KEY:
                self.learn(value.rpartition(" ")[2])
        return self._headers(headers, _HIDDEN_ASKED)

    def answered_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return self._headers(headers, _HIDDEN_ANSWERED)

    def _headers(self, headers: Mapping[str, str], hidden: re.Pattern[str]) -> dict[str, str]:
        return {
            name.lower(): HIDDEN if hidden.search(name) else self.text(value)
            for name, value in headers.items()
        }

    def _query_value(self, name: str, value: str) -> str:
        hidden = self.text(value)
        return HIDDEN if _HIDDEN_QUERY.search(name) or HIDDEN in hidden else quote(hidden, safe="")

    def _member(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and value and _HIDDEN_MEMBER.search(name):
            return HIDDEN
        return self.value(value)

    def _saved(self, params: Any) -> Any:
        if isinstance(params, list) and len(params) == 1:
            return [self._saved(params[0])]
        if isinstance(params, dict):
            key = params.get("key")
            if not params.get("value") or (isinstance(key, str) and key in self._settings):
                return params
            if isinstance(params["value"], str):
                self.learn(params["value"])
            return {**params, "value": HIDDEN}
        return None if params is None else HIDDEN
