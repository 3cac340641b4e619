"""Servers that know by a certificate who may ask, and proxies that speak TLS and close the way behind them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.field.claims import field
from tests.field.hostile import head, raw, serving
from tests.field.lab import own_models, refused, sidecar
from tests.field.proxy import proxying
from tests.packaging.tls import certificate


def _trusting(pair: tuple[Path, Path]) -> dict[str, str]:
    return {"SSL_CERT_FILE": str(pair[0])}


@contextmanager
def wanting_certificates(pair: tuple[Path, Path], newest: ssl.TLSVersion) -> Iterator[int]:
    """The port of a server that asks every client for a certificate, and says so before it closes."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    tls.verify_mode, tls.maximum_version = ssl.CERT_REQUIRED, newest
    tls.load_verify_locations(pair[0])
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                met, _ = listening.accept()
                with tls.wrap_socket(met, server_side=True, do_handshake_on_connect=False) as one:
                    with suppress(ssl.SSLError):
                        one.do_handshake()
                    # What is unread when it closes would take its own word away.
                    plain = socket.socket(fileno=one.detach())
                    plain.shutdown(socket.SHUT_WR)
                    while plain.recv(65_536):
                        pass
                    plain.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        # Closing alone wakes nobody who waits for a connection.
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)


@field("machine", "a server wants a certificate of the client's")
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
async def test_a_server_that_wants_to_see_a_certificate_says_so_and_charged_nothing(
    newest: ssl.TLSVersion, tmp_path: Path
) -> None:
    pair = certificate(tmp_path)
    with wanting_certificates(pair, newest) as port:
        models = own_models(f"https://127.0.0.1:{port}")
        async with sidecar(tmp_path / "data", models=models, environment=_trusting(pair)) as process:
            error = await refused(process)
    assert "wants a certificate of this computer's" in error.message
    assert "Nothing was run" in error.message
    assert "costAtMostUSD" not in error.data


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (400, b"<html><title>400 No required SSL certificate was sent</title><hr>nginx</html>"),
        (400, b"<html><title>400 The SSL certificate error</title><hr>nginx</html>"),
        (496, b""),
    ],
)
async def test_a_page_that_asks_for_a_certificate_is_told_as_what_it_is(
    status: int, page: bytes, tmp_path: Path
) -> None:
    answer = raw(head(status, content_type="text/html"), page)
    async with serving(answer) as server, sidecar(tmp_path, models=own_models(server.url)) as process:
        error = await refused(process)
    assert "wants a certificate of this computer's" in error.message
    assert "Nothing was run" in error.message


class Closing:
    """A proxy that lets through, and closes the tunnel once something was said in it."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await reader.read(1)
        with suppress(ConnectionError):
            writer.close()


@field("machine", "a proxy that speaks TLS closes the way")
@pytest.mark.parametrize("opens", [False, True], ids=["before the tunnel", "inside it"])
async def test_a_proxy_behind_tls_that_closes_the_way_is_named_and_nothing_was_sent(
    opens: bool, tmp_path: Path
) -> None:
    pair = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    listening = await asyncio.start_server(Closing().serve, "127.0.0.1", 0, ssl=tls)
    async with listening, proxying(0, status=0, tls=tls) as refusing:
        port = listening.sockets[0].getsockname()[1] if opens else refusing.port
        environment = {**_trusting(pair), "HTTPS_PROXY": f"https://127.0.0.1:{port}"}
        models = own_models("https://lab.example")
        async with sidecar(tmp_path / "data", models=models, environment=environment) as process:
            error = await refused(process)
    assert f"The proxy 127.0.0.1:{port}, which HTTPS_PROXY names, closed the connection" in error.message
    assert "Nothing was sent" in error.message
    assert "charged" not in error.message
