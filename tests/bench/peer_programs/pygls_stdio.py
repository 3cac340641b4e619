"""pygls, the usual way to write a language server in Python, behind a pipe."""

from __future__ import annotations

from typing import Any

from pygls.lsp.server import LanguageServer

server = LanguageServer("bench", "1")


def abort(params: Any) -> dict[str, int]:
    return {"aborted": 0}


server.feature("chat:abort")(abort)
server.start_io()
