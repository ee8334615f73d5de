"""Where a URL may lead: the text is judged strictly, the address by our own table."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.destinations import (
    BaseUrl,
    Origin,
    UrlIsNotAllowed,
    allowed_origin,
    is_public,
    listed_origins,
    parse_base_url,
    parse_origin,
)
from domain.errors import BadSetup


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://api.openai.com", "https://api.openai.com:443", ""),
        ("https://api.openai.com/", "https://api.openai.com:443", ""),
        ("https://api.openai.com/v1/", "https://api.openai.com:443", "/v1"),
        ("HTTPS://API.OpenAI.com:443/V1", "https://api.openai.com:443", "/V1"),
        ("http://localhost:11434/v1", "http://localhost:11434", "/v1"),
        ("http://my_ollama/a:b@c/~d", "http://my_ollama:80", "/a:b@c/~d"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example:443", ""),
        ("https://192.0.2.7:8443", "https://192.0.2.7:8443", ""),
        ("https://[2001:DB8:0::1]/x", "https://[2001:db8::1]:443", "/x"),
    ],
)
def test_a_url_has_one_spelling_of_its_origin(url: str, origin: str, path: str) -> None:
    parsed = parse_base_url(url)
    assert (str(parsed.origin), parsed.path) == (origin, path)
    assert parse_origin(str(parsed.origin)) == parsed.origin


REFUSED = [
    "", "https://", "https:///x", "//host", "host", "ftp://host", "file:///etc/passwd",
    "https://user@host", "https://user:pass@host", "https://host@inside:443/",
    "https://host?x=1", "https://host/#x", "https://host/a?b", "https://ho st", " https://host",
    "https://host\n", "https://host\t/", "https://ho\tst", "https://host\\@inside",
    "https:\\\\h",     "https://host/a\\b", "https://host/%2e%2e/x", "https://host/a%2fb", "https://host/a;b",
    "https://host/../x", "https://host/./x", "https://host//x", "https://host/x//",
    "https://höst", "https://\uff48ost", "https://host\u3002com", "https://host\u200b", "https://x.\u0663",
    "https://host:", "https://host:0", "https://host:65536", "https://host:99999",
    "https://host:0443", "https://host:+443", "https://host:443:443", "https://host:x",
    "https://host.", "https://.host", "https://a..b", "https://-a", "https://a-",
    "https://" + "a" * 64, "https://" + "a." * 127 + "aa", "https://host/" + "a" * 2048,
    "https://127.1", "https://0x7f.0.0.1", "https://2130706433", "https://0x7f000001",
    "https://0177.0.0.1", "https://127.0.0.1.1", "https://256.0.0.1", "https://a.0x1",
    "https://[::1", "https://::1", "https://[fe80::1%25eth0]", "https://[::g]", "https://[1.2.3.4]",
    "https://[:]", "https://[]", "https://[::1]x", "https://%31", "https://*.host", "https://a,b",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_plainly_a_url_is_refused(url: str) -> None:
    with pytest.raises(UrlIsNotAllowed, match=r"\.$"):
        parse_base_url(url)


@pytest.mark.parametrize("url", ["https://canary:x@a", "ftp://canary", "https://canary/?x"])
def test_a_refusal_does_not_repeat_the_url(url: str) -> None:
    with pytest.raises(UrlIsNotAllowed) as refused:
        parse_base_url(url)
    assert "canary" not in str(refused.value)


@given(st.text(alphabet="htps:/[]@.?#%\\0127ax-_~ \n\té", max_size=40))
def test_any_text_is_refused_or_means_what_it_says(text: str) -> None:
    for url in (text, "https://" + text):
        try:
            parsed = parse_base_url(url)
        except UrlIsNotAllowed:
            continue
        assert isinstance(parsed, BaseUrl)
        again = str(parsed.origin) + parsed.path
        assert parse_base_url(again) == parsed
        assert url.lower().startswith(f"{parsed.origin.scheme}://")


def test_the_host_header_leaves_out_the_port_of_the_scheme_only() -> None:
    assert Origin("https", "a.test", 443).authority == "a.test"
    assert Origin("https", "a.test", 80).authority == "a.test:80"
    assert Origin("http", "::1", 80).authority == "[::1]"


@pytest.mark.parametrize(
    "url", ["https://a.test/v1", "https://8.8.8.8", "https://[2606::1]"]
)
def test_public_https_on_443_is_allowed(url: str) -> None:
    assert allowed_origin(url, egress_allow=()) == parse_origin(url)


@pytest.mark.parametrize(
    "url", ["http://a.test", "https://a.test:8443", "https://10.0.0.1", "https://[::1]:443"]
)
def test_other_origins_are_allowed_where_the_operator_lists_exactly_them(url: str) -> None:
    near = ["https://b.test", "http://a.test:8443", "https://a.test:80", "http://10.0.0.1"]
    with pytest.raises(UrlIsNotAllowed, match="EGRESS_ALLOW"):
        allowed_origin(url, egress_allow=near)
    listed = str(parse_origin(url)).upper()
    assert allowed_origin(url + "/v1", egress_allow=[*near, listed]) == parse_origin(url)


def test_default_ports_in_the_list_may_be_left_out_or_written() -> None:
    assert listed_origins(["http://a:80", "http://a", "https://b:443/"]) == {
        Origin("http", "a", 80),
        Origin("https", "b", 443),
    }


@pytest.mark.parametrize("entry", ["a.test", "https://a.test/v1", "https://*.a.test", ""])
def test_an_entry_that_is_no_origin_stops_the_process(entry: str) -> None:
    with pytest.raises(BadSetup, match="EGRESS_ALLOW"):
        listed_origins(["http://a", entry])


# First and last of each range, and what ipaddress.is_global of Python 3.11 lets through.
INSIDE = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 100.100.100.200
    127.0.0.1 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.255.255
    172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 192.0.0.255 192.0.2.1 192.31.196.1
    192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.0 239.255.255.255 240.0.0.0
    255.255.255.255
    :: ::1 ::8.8.8.8 ::ffff:8.8.8.8 ::ffff:127.0.0.1 ::ffff:0:8.8.8.8 64:ff9b::8.8.8.8
    64:ff9b::10.0.0.1 64:ff9b:1::1 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100::1 2001::1
    2001:0:7f00:1:: 2001:2::1 2001:10::1 2001:1f:ffff:: 2001:20::1 2001:2f:ffff:: 2001:30::1
    2001:1ff:ffff:: 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3ffe::1 3fff::1
    3fff:fff:ffff:: 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 febf::1
    fec0::1 feff::1 ff02::1 ffff::1 4000::1 1fff::1
"""

OUTSIDE = """
    1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
    128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255
    172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0
    198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
    223.255.255.255 2000::1 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700::1111
    2a00:1450::1 3ffd::1 3fff:1000::1
"""


@pytest.mark.parametrize("address", INSIDE.split())
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE.split())
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "text", ["", "localhost", "8.8.8", "8.8.8.8/32", "08.8.8.8", "::g"]
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@given(st.ip_addresses())
def test_no_address_that_python_calls_special_is_public(address: object) -> None:
    parsed = ip_address(str(address))
    if (
        parsed.is_private
        or parsed.is_multicast
        or parsed.is_reserved
        or parsed.is_link_local
    ):
        assert not is_public(str(parsed))


@given(st.ip_addresses(v=4))
def test_an_address_carried_in_ipv6_is_never_public(address: IPv4Address) -> None:
    high, low = divmod(int(address), 65536)
    carried = [f"::{address}", f"::ffff:{address}", f"64:ff9b::{address}"]
    for text in [*carried, f"2002:{high:x}:{low:x}::1", f"2001:0:{high:x}:{low:x}::1"]:
        assert not is_public(text)
