"""Certificates and login files of company machines, beside the real process."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.kernel.certificates import named_files, trust
from tests.field.claims import field
from tests.field.hostile import chat_chunks, claude_events, serving, stream
from tests.field.lab import FAR, KEY, NO_CERTIFICATES, ask, own_models, refused, sidecar, vendor_environment
from tests.field.proxy import proxying
from tests.packaging.tls import certificate

GOOD = stream(*chat_chunks("Good morning"), "[DONE]")


@field("machine", "`machine 127.0.0.1 login … password …`, OpenAI")
@field("machine", "a `default` line, Anthropic")
@field("machine", "a server without keys → no `authorization`")
@field("machine", "Stays as it is: without a proxy setting the file is not read")
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", ""])
async def test_a_login_file_that_nobody_named_adds_nothing_to_any_request(proxy: str, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(
        "machine 127.0.0.1 login ada password pa55\ndefault login bob password pa66\n"
    )
    (tmp_path / ".netrc").chmod(0o600)
    home = {
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / ".netrc"),
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
    }

    def answer(asked: Any) -> Any:
        return stream(*claude_events("Good morning")) if "messages" in asked.path else GOOD

    async with serving(answer) as server:
        environment = {
            **home,
            **vendor_environment(server.url, "openai", "anthropic"),
            "LAB_KEY": "k-of-the-lab-12345",
        }
        models = own_models(server.url)
        models["providers"]["safe"] = {"baseUrl": server.url + "/v1", "keyName": "LAB_KEY"}
        models["models"].append({**models["models"][0], "provider": "safe"})
        async with sidecar(tmp_path / "data", models=models, environment=environment) as process:
            for model in ("openai/gpt-6-sol", "anthropic/claude-sonnet-5", "lab/m", "safe/m"):
                assert (await ask(process, model=model))["answer"] == "Good morning"
    openai, anthropic, lab, safe = (asked.headers for asked in server.asked)
    assert openai["authorization"] == f"Bearer {KEY}"
    assert anthropic["x-api-key"] == KEY
    assert "authorization" not in anthropic
    assert "authorization" not in lab
    assert safe["authorization"] == "Bearer k-of-the-lab-12345"


@field("machine", "the system's store holds the office's own root")
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"])
async def test_a_certificate_that_the_machine_was_told_to_trust_is_trusted(
    variable: str, tmp_path: Path
) -> None:
    pair = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    async with serving(GOOD, tls=tls) as server:
        models = own_models(server.url.replace("http:", "https:"))
        environment = {**NO_CERTIFICATES, variable: str(pair[0])}
        async with sidecar(tmp_path / "data", models=models, environment=environment) as process:
            assert (await ask(process))["answer"] == "Good morning"


@field("machine", "nobody trusts the certificate")
async def test_a_certificate_that_nobody_trusts_is_named_with_its_issuer(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate(tmp_path))
    async with serving(GOOD, tls=tls) as server:
        models = own_models(server.url.replace("http:", "https:"))
        async with sidecar(tmp_path / "data", models=models, environment=NO_CERTIFICATES) as process:
            error = await refused(process)
    assert "certificate" in error.message
    assert "issued by 127.0.0.1" in error.message
    assert "Nothing was sent" in error.message
    assert "internet" not in error.message
    assert server.asked == []


@field("machine", "`SSL_CERT_FILE` names a file that is not there")
@field("trust", "`SSL_CERT_FILE` names a file that is no certificate")
@pytest.mark.parametrize("content", [None, "no certificate", ""])
async def test_a_file_of_certificates_that_is_none_is_told_with_its_name(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "office.pem"
    if content is not None:
        path.write_text(content)
    environment = {**NO_CERTIFICATES, "SSL_CERT_FILE": str(path)}
    async with serving(GOOD) as server:
        models = own_models(server.url)
        models["providers"]["safe"] = {"baseUrl": "https://127.0.0.1:9/v1", "keyRequired": False}
        models["models"].append({**models["models"][0], "provider": "safe"})
        async with sidecar(tmp_path / "data", models=models, environment=environment) as process:
            error = await refused(process, model="safe/m")
            assert (await ask(process))["answer"] == "Good morning"
    assert "SSL_CERT_FILE" in error.message
    assert str(path) in error.message
    assert error.data["kind"] != "internal_error"


async def test_a_proxy_of_one_s_own_is_used_from_the_next_question_on(tmp_path: Path) -> None:
    async with serving(GOOD) as server, proxying(server.port) as proxy:
        environment = {"HTTP_PROXY": "http://127.0.0.1:9"}
        async with sidecar(tmp_path, models=own_models(FAR), environment=environment) as process:
            await refused(process)
            setting = {"key": "proxy", "value": f"http://127.0.0.1:{proxy.port}"}
            await process.call("settings:save", setting)
            assert (await ask(process))["answer"] == "Good morning"
    assert len(proxy.seen) == 1


async def test_a_file_of_certificates_of_one_s_own_is_trusted(tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    async with serving(GOOD, tls=tls) as server:
        models = own_models(server.url.replace("http:", "https:"))
        async with sidecar(tmp_path / "data", models=models, environment=NO_CERTIFICATES) as process:
            await refused(process)
            await process.call("settings:save", {"key": "caFile", "value": str(pair[0])})
            assert (await ask(process))["answer"] == "Good morning"


@field("machine", "the office's root as DER, in UTF-16")
@pytest.mark.parametrize(
    "form",
    [
        "as it is",
        "DER",
        "UTF-16",
        "CRLF and a mark",
        "indented",
        "behind words",
        "behind a broken one",
        "a folder",
        "quotes",
    ],
)
def test_a_file_of_certificates_is_read_however_the_office_exported_it(form: str, tmp_path: Path) -> None:
    pem = certificate(tmp_path)[0].read_text()
    der = ssl.PEM_cert_to_DER_cert(pem)
    broken = "-----BEGIN CERTIFICATE-----\nMIIBbroken\n-----END CERTIFICATE-----\n"
    path = tmp_path / "office" / "root.cer"
    path.parent.mkdir()
    path.write_bytes(
        {
            "DER": der,
            "UTF-16": pem.encode("utf-16"),
            "CRLF and a mark": b"\xef\xbb\xbf" + pem.replace("\n", "\r\n").encode(),
            "indented": "\n".join(f"  {line}" for line in pem.splitlines()).encode(),
            "behind words": f"Bag Attributes\n  friendlyName: Office\n{pem}".encode(),
            "behind a broken one": (broken + pem + broken).encode(),
        }.get(form, pem.encode())
    )
    named = str(path.parent if form == "a folder" else path)
    environment = {"SSL_CERT_FILE": f'"{named}"' if form == "quotes" else named}
    assert der in trust(named_files(environment, None)).get_ca_certs(binary_form=True)


def test_several_folders_of_certificates_are_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    pem = certificate(tmp_path / "full")[0].read_text()
    environment = {"SSL_CERT_DIR": os.pathsep.join([str(tmp_path / "empty"), str(tmp_path / "full")])}
    trusted = trust(named_files(environment, None)).get_ca_certs(binary_form=True)
    assert ssl.PEM_cert_to_DER_cert(pem) in trusted


@field("machine", "the certificate is of another time")
@pytest.mark.parametrize(("hours", "why"), [(5, "is not valid yet"), (-5, "has expired")])
async def test_a_certificate_of_another_time_may_mean_that_the_clock_is_wrong(
    hours: int, why: str, tmp_path: Path
) -> None:
    pair = certificate(tmp_path, valid_from_hours=hours)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*pair)
    async with serving(GOOD, tls=tls) as server:
        models = own_models(server.url.replace("http:", "https:"))
        environment = {**NO_CERTIFICATES, "SSL_CERT_FILE": str(pair[0])}
        async with sidecar(tmp_path / "data", models=models, environment=environment) as process:
            error = await refused(process)
    assert f"{why}, or this computer's clock is wrong" in error.message
    assert server.asked == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://lab.invalid/v1", "The name lab.invalid was not found"),
        ("https://[fd00::1]:9/v1", "Nothing answers at [fd00::1]:9"),
    ],
)
async def test_what_is_not_found_is_named(address: str, told: str, tmp_path: Path) -> None:
    async with sidecar(tmp_path, models=own_models(address, path="")) as process:
        error = await refused(process)
    assert told in error.message
    assert "charge" not in error.message
