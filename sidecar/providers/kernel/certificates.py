"""Which certificates are trusted: the operating system's, and the files that people and their apps name."""

from __future__ import annotations

import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidecar.errors import Failure
from sidecar.plain_file import NotPlain, look_at

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
    9: "it is not valid yet, or this computer's clock is wrong",
    10: "it has expired, or this computer's clock is wrong",
    18: "it is signed by itself",
    19: "this computer does not trust who signed it",
    20: "this computer does not trust who signed it",
    21: "this computer does not trust who signed it",
    23: "it was called back by who signed it",
    62: "it belongs to another address",
    64: "it belongs to another address",
}
_SUFFIXES = (".pem", ".crt", ".cer", ".der", ".ca-bundle")
# More is no file of certificates that anybody means.
_MOST_BYTES = 32 * 1024 * 1024
_PEM = re.compile(r"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----(.+?)-----END \1-----", re.DOTALL)


def named_files(environment: Mapping[str, str], own: str | None) -> tuple[tuple[str, str], ...]:
    """Return (who named it, path) for every file or folder that is to be trusted besides the system's store."""
    named = [(name, environment.get(name, "")) for name in FILE_VARIABLES]
    folders = environment.get(FOLDER_VARIABLE, "").strip().strip("\"'")
    # OpenSSL takes several folders, as of a PATH.
    named += [(FOLDER_VARIABLE, each) for each in folders.split(os.pathsep)]
    found = [(name, path.strip().strip("\"'")) for name, path in (*named, ("the setting caFile", own or ""))]
    return tuple((name, os.path.expanduser(path)) for name, path in found if path)  # noqa: PTH111


@contextmanager
def without_certificates() -> Iterator[None]:
    """Have OpenSSL find none where a context is made that asks for its own paths: reading them takes its time.

    For the loading of modules alone: the environment is the whole process's. Windows has a store in its place.
    """
    found = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", FOLDER_VARIABLE)}
    os.environ.update(dict.fromkeys(found, os.devnull))
    try:
        yield
    finally:
        for name, value in found.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def trust(files: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    """Return a context that trusts the system's certificates and those files. Blocking: it reads megabytes.

    Raise Failure("provider_unavailable") for a file that is not there or holds no certificate.
    """
    context = _system_context()
    for named_by, path in files:
        try:
            if Path(path).is_dir():
                _add_folder(context, Path(path))
            else:
                _add_file(context, Path(path))
        except FileNotFoundError:
            raise _unusable(named_by, path, "is not there") from None
        except NotPlain as error:
            raise _unusable(named_by, path, f"cannot be read ({error.strerror})") from None
        except PermissionError:
            raise _unusable(named_by, path, "may not be read") from None
        except (ssl.SSLError, OSError, ValueError):
            raise _unusable(named_by, path, "holds no certificate that can be read") from None
    return context


def _add_folder(context: ssl.SSLContext, folder: Path) -> None:
    """All files of a folder: OpenSSL itself looks for names alone that `c_rehash` gives, which nobody runs."""
    context.load_verify_locations(capath=str(folder))
    for path in sorted(
        each for each in folder.iterdir() if each.suffix.lower() in _SUFFIXES and each.is_file()
    ):
        try:
            _add_file(context, path)
        except (OSError, ValueError):
            continue  # the rest of the folder is still what was meant


def _add_file(context: ssl.SSLContext, path: Path) -> None:
    """All certificates of a file, in whatever form it was exported. Raise OSError or ValueError where there is none."""
    look_at(path)
    try:
        context.load_verify_locations(cafile=str(path))
    except (ssl.SSLError, ValueError):
        added = 0
        for each in _certificates(path.read_bytes()[:_MOST_BYTES]):
            try:
                context.load_verify_locations(cadata=each)
                added += 1
            except (ssl.SSLError, ValueError):
                continue  # one that is broken takes no other with it
        if not added:
            raise


def _certificates(content: bytes) -> Iterator[str | bytes]:
    """The certificates in a file, one by one: as text between its lines, in UTF-16 too, or as bytes (DER)."""
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = content.decode("utf-16" if wide else "latin-1", "replace")
    found = False
    for each in _PEM.finditer(text):
        found = True
        lines = "\n".join(line.strip() for line in each[2].strip().splitlines())
        yield f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"
    if not found:
        yield content


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
