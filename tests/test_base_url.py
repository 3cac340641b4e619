"""Addresses as people write them."""

from __future__ import annotations

import pytest

from sidecar.base_url import BadBaseUrl, BaseUrl, read_base_url
from sidecar.errors import Failure
from sidecar.providers.kernel.sites import Site, Sites, is_private


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http://lab:8000/v1/", BaseUrl("http://lab:8000/v1")),
        ("HTTPS://Lab.Example/V1", BaseUrl("https://lab.example/V1")),
        (' "https://lab/v1" ', BaseUrl("https://lab/v1")),
        ("https://lab/v1?a=b&c=d", BaseUrl("https://lab/v1", "a=b&c=d")),
        ("http://ada:p%40@lab/v1", BaseUrl("http://lab/v1", "", "Basic YWRhOnBA")),
        ("http://[::1]:8000/v1", BaseUrl("http://[::1]:8000/v1")),
        ("http://my_server/v1", BaseUrl("http://my_server/v1")),
        ("lab:8000", BaseUrl("http://lab:8000")),
        ("192.168.1.5/v1", BaseUrl("http://192.168.1.5/v1")),
        ("api.example.com/v1", BaseUrl("https://api.example.com/v1")),
        ("http://m\u00fcnchen.example/v1", BaseUrl("http://m\u00fcnchen.example/v1")),
    ],
)
def test_an_address_is_cut_into_what_each_request_needs(text: str, read: BaseUrl) -> None:
    assert read_base_url(text) == read


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://lab/v1/chat/completions", "https://lab/v1"),
        ("https://lab/v1/messages/", "https://lab/v1"),
        ("https://lab/v1/responses?api-version=1", "https://lab/v1"),
        ("https://lab/v1beta/models/gemini-4-carbon:streamGenerateContent", "https://lab/v1beta"),
        ("https://lab/models", "https://lab"),
        ("https://lab/models-of-mine/v1", "https://lab/models-of-mine/v1"),
    ],
)
def test_the_endpoint_is_taken_off_whatever_protocol_it_is_of(text: str, address: str) -> None:
    assert read_base_url(text).address == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lab",
        "http://lab:0",
        "http://lab..x",
        "ftp://lab",
        "http://",
        "http://lab:x",
        "http://lab#a",
        "http://a b",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadBaseUrl):
        read_base_url(text)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("gpu", True),
        ("gpu.local", True),
        ("10.1.2.3", True),
        ("192.168.0.7", True),
        ("100.101.102.103", True),
        ("[fe80::1%eth0]", True),
        ("8.8.8.8", False),
        ("lab.example.org", False),
        ("local.example.org", False),
    ],
)
def test_a_private_network_is_known_by_its_addresses_and_names(host: str, private: bool) -> None:
    assert is_private(host) is private


def test_the_longer_of_two_addresses_that_begin_alike_gives_its_query() -> None:
    sites = Sites()
    sites.add(Site(read_base_url("https://lab/a?v=1")))
    sites.add(Site(read_base_url("https://lab/a/b?v=2")))
    assert sites.completed("https://lab/a/b/chat", {}, "Lab")[0] == "https://lab/a/b/chat?v=2"
    assert sites.completed("https://lab/a/bc", {}, "Lab")[0] == "https://lab/a/bc?v=1"
    assert sites.completed("https://lab.example/a", {}, "Lab")[0] == "https://lab.example/a"


def test_no_secret_travels_in_the_open_and_what_is_none_may() -> None:
    sites = Sites()
    with pytest.raises(Failure, match="allowHttp"):
        sites.completed("http://lab.example/v1", {"X-Api-Key": "k"}, "Lab")
    assert sites.completed("http://lab.example/v1", {"accept": "a"}, "Lab")[0] == "http://lab.example/v1"
    assert sites.completed("https://lab.example/v1", {"X-Api-Key": "k"}, "Lab")[1] == {"X-Api-Key": "k"}
