"""Which certificates are trusted: the operating system's, and the files that people and their apps name."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sidecar.errors import Failure

# Files of certificates beside the system's own, by what names them: OpenSSL, requests, curl, Electron.
FILE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
FOLDER_VARIABLE = "SSL_CERT_DIR"
# Where Linux distributions keep theirs; a Python that was built elsewhere does not know.
LINUX_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)
WHY = {
    10: "it has expired",
    18: "it is signed by itself",
    19: "this computer does not trust who signed it",
    20: "this computer does not trust who signed it",
    21: "this computer does not trust who signed it",
    62: "it belongs to another address",
    64: "it belongs to another address",
}


def named_files(environment: Mapping[str, str], own: str | None) -> tuple[tuple[str, str], ...]:
    """Return (who named it, path) for every file or folder that is to be trusted besides the system's store."""
    named = [(name, environment.get(name, "").strip()) for name in (*FILE_VARIABLES, FOLDER_VARIABLE)]
    return tuple((name, path) for name, path in [*named, ("the setting caFile", (own or "").strip())] if path)


def trust(files: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    """Return a context that trusts the system's certificates and those files. Blocking: it reads megabytes.

    Raise Failure("provider_unavailable") for a file that is not there or holds no certificate.
    """
    context = _system_context()
    for named_by, path in files:
        try:
            if Path(path).is_dir():
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        except FileNotFoundError:
            raise _unusable(named_by, path, "is not there") from None
        except (ssl.SSLError, OSError, ValueError):
            raise _unusable(named_by, path, "holds no certificate that can be read") from None
    return context


def refusal(error: ssl.SSLCertVerificationError, peer: str) -> Failure:
    """Return what a person is told of a certificate that is not trusted."""
    issuer = getattr(error, "issuer", None)
    by = f", issued by {issuer}," if issuer else ""
    why = WHY.get(error.verify_code, "it cannot be verified")
    return Failure(
        "provider_unavailable",
        f"The certificate of the {peer} API{by} was refused: {why}. If a company network or a server of your own is "
        "behind it, add the issuer's certificate to the system's trusted ones, or name its file in the setting caFile. "
        "Nothing was sent.",
        retryable=False,
        detail=error.verify_message,
    )


class _TellingObject(ssl.SSLObject):
    """Adds to a refused certificate who issued it: the exception as it comes does not say."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLCertVerificationError as error:
            error.issuer = _issuer(self)  # type: ignore[attr-defined]
            raise


def _issuer(connection: Any) -> str | None:
    """The name of whoever signed the last certificate that the server showed. Best effort: it is for a sentence."""
    try:
        chain = connection._sslobj.get_unverified_chain()
        parts = dict(pair for group in chain[-1].get_info()["issuer"] for pair in group)
    except (AttributeError, TypeError, KeyError, IndexError, ValueError):
        return None
    return parts.get("commonName") or parts.get("organizationName")


def _system_context() -> ssl.SSLContext:
    if sys.platform in ("darwin", "win32"):
        import truststore

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Not truststore's: on Linux it reads the whole store again for every connection.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = _TellingObject
    defaults = ssl.get_default_verify_paths()
    # OpenSSL's own paths, without SSL_CERT_FILE in their place: what people name is added to the system's.
    stores = [defaults.openssl_cafile, *LINUX_STORES]
    found = [path for path in stores if Path(path).is_file()]
    for path in found[:1]:
        context.load_verify_locations(cafile=path)
    if Path(defaults.openssl_capath).is_dir():
        context.load_verify_locations(capath=defaults.openssl_capath)
    elif not found:
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context


def _unusable(named_by: str, path: str, why: str) -> Failure:
    return Failure(
        "provider_unavailable",
        f"The file of certificates that {named_by} names {why}: {path}. Correct or remove it, then try again. "
        "Nothing was sent.",
        retryable=False,
    )
