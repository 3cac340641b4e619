"""What we use of jsonrpcserver, without what its face pulls in: the only module that imports it.

The package's `__init__` builds a jsonschema validator and imports an HTTP server, half of all that is imported before
the first answer; we check envelopes ourselves and serve a pipe. So the package is entered as a folder, and of it only
the dispatcher of single requests, its results and its responses are loaded.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec

if "jsonrpcserver" not in sys.modules:
    _spec = find_spec("jsonrpcserver")
    assert _spec is not None, "jsonrpcserver is not installed"
    sys.modules["jsonrpcserver"] = module_from_spec(_spec)

from jsonrpcserver.async_dispatcher import dispatch_request
from jsonrpcserver.dispatcher import to_response
from jsonrpcserver.request import Request as LibraryRequest
from jsonrpcserver.response import to_serializable
from jsonrpcserver.result import Error, Result, Success
from jsonrpcserver.sentinels import NOID

__all__ = [
    "NOID",
    "Error",
    "LibraryRequest",
    "Result",
    "Success",
    "dispatch_request",
    "to_response",
    "to_serializable",
]
