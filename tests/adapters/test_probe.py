"""A secret that is not stored is tried at the vendor, and only there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from adapters.catalog.loader import load_catalog
from adapters.probe import VendorProber
from adapters.simulator import Started, started
from application.ports import Found, Secret
from domain.destinations import DestinationIsNotPublic, UrlIsNotAllowed
from domain.errors import InvalidFields
from domain.verdicts import Verdict
from tests.dripping import dripping

CATALOG = load_catalog()
KEY = "sk-simulated-0123456789abcdef"


@pytest.fixture(scope="module")
def vendor() -> Iterator[Started]:
    with started(key=KEY) as simulator:
        yield simulator


def probe(url: str, secret: str = KEY, name: str = "openai", allow: str = "") -> Found:
    prober = VendorProber(egress_allow=(allow or url,))
    return prober.probe(CATALOG.get(name), Secret(secret.encode()), url)


@pytest.mark.parametrize("name", ["openai", "anthropic", "google", "cohere"])
def test_a_good_secret_is_called_good_and_a_bad_one_dead(
    vendor: Started, name: str
) -> None:
    assert probe(vendor.url, name=name) == Found(verdict=Verdict.OK, http_status=200)
    assert probe(vendor.url, KEY + "x", name=name).verdict is Verdict.DEAD


def test_what_the_vendor_says_decides() -> None:
    with started() as simulator:
        empty = probe(simulator.url, "sk-sim+status=429+code=insufficient_quota")
    assert empty == Found(verdict=Verdict.NO_FUNDS, http_status=429)


def test_an_address_inside_is_not_asked() -> None:
    with pytest.raises(UrlIsNotAllowed):
        probe("https://127.0.0.1", allow="http://127.0.0.1:9")
    with pytest.raises(UrlIsNotAllowed):
        probe("http://127.0.0.1:80", allow="http://127.0.0.1:9")
    with pytest.raises(DestinationIsNotPublic):
        probe("https://localhost", allow="http://127.0.0.1:9")


def test_a_vendor_without_an_address_needs_one() -> None:
    prober = VendorProber(egress_allow=())
    with pytest.raises(InvalidFields):
        prober.probe(CATALOG.get("custom"), Secret(KEY.encode()), None)


def test_nobody_there_says_nothing_of_the_key(free_port: int) -> None:
    found = probe(f"http://127.0.0.1:{free_port}")
    assert found == Found(verdict=Verdict.OVERLOADED, error="upstream-unreachable")


def test_a_vendor_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        prober = VendorProber(egress_allow=(url,), seconds=0.3)
        began = time.monotonic()
        found = prober.probe(CATALOG.get("openai"), Secret(KEY.encode()), url)
    assert found == Found(verdict=Verdict.OVERLOADED, error="upstream-timeout")
    assert time.monotonic() - began < 3


def test_a_head_that_drips_in_holds_nobody_up() -> None:
    with dripping() as url:
        prober = VendorProber(egress_allow=(url,), seconds=0.2)
        found = prober.probe(CATALOG.get("openai"), Secret(KEY.encode()), url)
    assert found == Found(verdict=Verdict.OVERLOADED, error="upstream-timeout")
