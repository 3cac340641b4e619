"""Proxies of company machines, beside the real process."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sidecar.errors import Failure
from sidecar.providers.kernel.http import HttpClient, network
from sidecar.providers.kernel.outcome import OutcomeUnknown
from sidecar.providers.kernel.proxies import proxy_for, table_of
from tests.field.claims import field
from tests.field.hostile import chat_chunks, raw, serving, stream
from tests.field.lab import FAR, NO_CERTIFICATES, ask, own_models, refused, sidecar
from tests.field.proxy import proxying
from tests.helpers.process import RpcError
from tests.packaging.tls import certificate

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


@field("machine", "`ALL_PROXY=http://…` alone")
@field("machine", "`http_proxy=127.0.0.1:3128`, no scheme")
@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("ALL_PROXY", "http://127.0.0.1:{}"),
        ("all_proxy", "http://127.0.0.1:{}/"),
        ("http_proxy", "127.0.0.1:{}"),
        ("HTTP_PROXY", '"http://127.0.0.1:{}"'),
        ("HTTP_PROXY", "HTTP://localhost:{}"),
    ],
)
async def test_a_proxy_is_used_however_it_is_spelled(name: str, spelled: str, tmp_path: Path) -> None:
    async with serving(GOOD) as server, proxying(server.port) as proxy:
        environment = {name: spelled.format(proxy.port)}
        async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
            assert (await ask(process))["answer"] == "Good morning"
    assert proxy.seen == ["POST http://lab.example:8000/v1/chat/completions HTTP/1.1"]


@field("machine", "`HTTP_PROXY=socks5://…`")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks"])
async def test_a_socks_proxy_is_used_and_resolves_the_name(scheme: str, tmp_path: Path) -> None:
    async with serving(GOOD) as server, proxying(server.port) as proxy:
        environment = {"HTTP_PROXY": f"{scheme}://127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
            assert (await ask(process))["answer"] == "Good morning"
    assert proxy.seen == ["SOCKS lab.example"]


async def test_a_socks_proxy_that_is_not_there_is_named(tmp_path: Path) -> None:
    environment = {"ALL_PROXY": "socks5://127.0.0.1:9"}
    async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
        error = await refused(process)
    assert "127.0.0.1:9" in error.message
    assert "charge" not in error.message


async def test_a_login_in_the_proxy_s_address_goes_to_the_proxy_alone(tmp_path: Path) -> None:
    async with serving(GOOD) as server, proxying(server.port) as proxy:
        environment = {"HTTP_PROXY": f"http://ada:p%40ss@127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
            assert (await ask(process))["answer"] == "Good morning"
    login = base64.b64encode(b"ada:p@ss").decode()
    assert proxy.headers[0]["proxy-authorization"] == f"Basic {login}"
    assert "authorization" not in proxy.headers[0]


@field("machine", "`HTTP_PROXY=https://…`")
async def test_a_proxy_behind_tls_is_used_where_its_certificate_is_trusted(tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    async with serving(GOOD) as server, proxying(server.port, tls=tls) as proxy:
        environment = {"HTTP_PROXY": f"https://127.0.0.1:{proxy.port}"}
        trusting = {**environment, **NO_CERTIFICATES, "NODE_EXTRA_CA_CERTS": str(pair[0])}
        async with sidecar(tmp_path / "a", models=own_models(FAR), environment=trusting) as process:
            assert (await ask(process))["answer"] == "Good morning"
        assert len(proxy.seen) == 1
        async with sidecar(tmp_path / "b", models=own_models(FAR), environment=environment) as process:
            assert "certificate" in (await refused(process)).message
    assert len(server.asked) == 1


@field("machine", "a port that is no number")
@field("trust", "`HTTP_PROXY=::::`")
@pytest.mark.parametrize(
    "spelled",
    ["http://127.0.0.1:abc", "::::", "http://", "ftp://127.0.0.1:1", "http://ada:secret@127.0.0.1:99999"],
)
async def test_a_proxy_that_cannot_be_used_is_told_and_never_passed_by(spelled: str, tmp_path: Path) -> None:
    async with serving(GOOD) as server:
        environment = {"HTTP_PROXY": spelled}
        models = own_models(f"http://lab.example:{server.port}")
        async with sidecar(tmp_path, models=models, environment=environment) as process:
            error = await refused(process)
    assert "HTTP_PROXY" in error.message
    assert "charge" not in error.message
    assert "secret" not in f"{error.message} {error.data}"
    assert server.asked == []


@field("machine", "the proxy answers 407")
@pytest.mark.parametrize("far", [FAR, "https://lab.example"])
async def test_a_proxy_that_wants_a_login_is_named(far: str, tmp_path: Path) -> None:
    async with proxying(9, status=407) as proxy:
        environment = {"ALL_PROXY": f"http://127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models(far), environment=environment) as process:
            error = await refused(process)
    assert f"127.0.0.1:{proxy.port}" in error.message
    assert "login" in error.message
    assert "charge" not in error.message


async def test_a_proxy_that_is_not_there_is_named(tmp_path: Path) -> None:
    environment = {"HTTP_PROXY": "http://127.0.0.1:9"}
    async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
        error = await refused(process)
    assert "127.0.0.1:9" in error.message
    assert "internet" not in error.message


@field("machine", "any proxy, and a server at 127.0.0.1")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_this_machine_is_asked_directly_whatever_proxy_is_set(host: str, tmp_path: Path) -> None:
    async with serving(GOOD) as server, proxying(server.port) as proxy:
        environment = {"ALL_PROXY": f"http://127.0.0.1:{proxy.port}", "HTTP_PROXY": "::::"}
        models = own_models(f"http://{host}:{server.port}")
        if host == "127.0.0.2":
            models = own_models(server.url.replace("127.0.0.1", host))
            environment["NO_PROXY"] = ""
        async with sidecar(tmp_path, models=models, environment=environment) as process:
            if host == "127.0.0.2":
                # Nothing listens there; what counts is that no proxy was asked.
                await refused(process)
            else:
                assert (await ask(process))["answer"] == "Good morning"
    assert proxy.seen == []


@pytest.mark.parametrize("value", ["::::", "http://ada:secret@127.0.0.1:3128"])
async def test_a_proxy_that_is_none_or_has_a_login_is_no_setting(value: str, tmp_path: Path) -> None:
    async with sidecar(tmp_path) as process:
        with pytest.raises(RpcError) as caught:
            await process.call("settings:save", {"key": "proxy", "value": value})
        assert caught.value.data["kind"] == "invalid_params"
        assert "secret" not in f"{caught.value.message} {caught.value.data}"
        assert await process.call("settings:load", {"key": "proxy"}) is None


@pytest.mark.parametrize(
    ("exceptions", "address"),
    [
        ("corp.example:443", "https://corp.example"),
        ("10.*", "https://10.1.2.3"),
        ("http://corp.example/", "https://corp.example"),
        ("'corp.example.'", "https://corp.example."),
        ("<local>", "https://intranet"),
        ("other.example|corp.example", "https://corp.example"),
        ("api.*.example", "https://api.one.example"),
        ("fd00::/8", "https://[fd00::1]"),
        ("10.0.0.0/255.0.0.0", "https://10.1.2.3"),
        ("10.0.0.1-10.0.0.9", "https://10.0.0.9"),
        ("172.16.", "https://172.16.3.4"),
        ("*corp.example", "https://mycorp.example"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "https://bücher.example"),
    ],
)
def test_exceptions_from_the_proxy_are_understood_as_people_write_them(exceptions: str, address: str) -> None:
    table = table_of({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": exceptions})
    parts = urlsplit(address)
    assert proxy_for(parts.scheme, parts.hostname or "", parts.port, table) is None
    assert proxy_for("https", "elsewhere.example.org", None, table) is not None


@pytest.mark.parametrize(
    "text", ["http//proxy.example:3128", "http://proxy.example/proxy.pac", "proxy.example:0"]
)
def test_what_is_no_address_of_a_proxy_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="HTTPS_PROXY"):
        proxy_for("https", "models.example", None, table_of({"HTTPS_PROXY": text}))


@field("machine", "`http:proxy:3128`, `proxy:3128;`")
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("http:proxy.example:3128", "proxy.example:3128"),
        ("http:/proxy.example:3128/", "proxy.example:3128"),
        ("proxy.example:3128;", "proxy.example:3128"),
        ("http=other.example:1;https=proxy.example:3128", "proxy.example:3128"),
        ("socks=proxy.example:1080", "proxy.example:1080"),
        ("http://ada:p#s/s@w?rd@proxy.example:3128", "proxy.example:3128"),
    ],
)
def test_the_address_of_a_proxy_is_understood_as_people_write_it(text: str, where: str) -> None:
    found = proxy_for("https", "models.example", None, table_of({"HTTPS_PROXY": text}))
    assert found is not None
    assert found.shown == where
    assert found.password == ("p#s/s@w?rd" if "ada" in text else "")


@field("machine", "`PROXY proxy:3128; DIRECT`, as a script answers")
@pytest.mark.parametrize(
    ("text", "scheme"),
    [("PROXY proxy.example:3128; DIRECT", "http"), ("SOCKS5 proxy.example:3128", "socks5")],
)
def test_what_a_script_would_answer_is_the_proxy_that_it_names(text: str, scheme: str) -> None:
    found = proxy_for("https", "models.example", None, table_of({"HTTPS_PROXY": text}))
    assert found is not None
    assert (found.scheme, found.shown) == (scheme, "proxy.example:3128")


@pytest.mark.parametrize("text", ["none", "OFF", "direct://", "disabled"])
def test_a_word_for_no_proxy_is_none(text: str) -> None:
    assert proxy_for("https", "models.example", None, table_of({"HTTPS_PROXY": text})) is None


def test_the_beginning_of_addresses_is_that_of_whole_numbers() -> None:
    table = table_of({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "10.1,10.0.0.1-10.0.0.9"})
    for host in ("10.11.0.1", "10.0.0.10", "fd00::1"):
        assert proxy_for("https", host, None, table) is not None, host


def test_a_list_of_proxies_without_one_for_this_kind_of_address_asks_directly() -> None:
    assert proxy_for("https", "models.example", None, table_of({"ALL_PROXY": "http=proxy.example:1"})) is None


@field("machine", "the proxy answers with a page of its own")
async def test_a_page_on_the_way_names_the_proxy_that_may_have_written_it(tmp_path: Path) -> None:
    async with proxying(9) as proxy:
        environment = {"ALL_PROXY": f"http://127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
            for proxy.status in (403, 504, 511):
                error = await refused(process)
                assert f"the proxy 127.0.0.1:{proxy.port}, which ALL_PROXY names" in error.message


@field("machine", "the proxy answers with a page of its own")
@pytest.mark.parametrize("status", [0, 200])
async def test_a_proxy_that_closes_the_way_is_named_and_nothing_was_sent(status: int, tmp_path: Path) -> None:
    async def at_once(_: float) -> None:
        pass

    # Behind one that lets through, nobody listens.
    async with proxying(9, status=status) as proxy:
        environment = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
        client = HttpClient(lambda: network(environment), sleep=at_once)
        with pytest.raises(Failure) as caught:
            await client.json("POST", "https://lab.example/v1", {}, {}, read_refusal=_not_asked, peer="lab")
        await client.aclose()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert f"127.0.0.1:{proxy.port}" in caught.value.message
    assert len(proxy.seen) == 5


@field("machine", "the proxy answers with a redirect to a login")
async def test_a_redirect_by_a_proxy_names_the_proxy(tmp_path: Path) -> None:
    moved = raw(b"HTTP/1.1 302 Found\r\nlocation: https://login.example/?u=1\r\ncontent-length: 0\r\n\r\n")
    async with serving(moved) as server, proxying(server.port) as proxy:
        environment = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}"}
        async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
            error = await refused(process)
    assert "redirect (302) to https://login.example/." in error.message
    assert f"the proxy 127.0.0.1:{proxy.port}, which HTTP_PROXY names" in error.message
    assert "Nothing was run" in error.message


def _not_asked(status: int, headers: Mapping[str, str], body: bytes) -> Failure:
    raise AssertionError(status)
