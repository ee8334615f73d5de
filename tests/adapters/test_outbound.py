"""The address check on the way out, over the real resolver and a scripted one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from adapters import outbound
from adapters.outbound import CheckedResolver
from domain.destinations import DestinationIsNotPublic, Origin
from domain.errors import BadSetup, Unavailable
from tests.proxy.scripted import BOTH_LOOPS

pytestmark = pytest.mark.anyio

VENDOR = Origin("https", "api.vendor.test", 443)


class Names:
    """What the name server would say: the addresses, or an error; counts the questions."""

    def __init__(self, *addresses: str, error: Exception | None = None) -> None:
        self.addresses = addresses
        self.error = error
        self.questions: list[tuple[str, int]] = []
        self.answered = asyncio.Event()
        self.answered.set()

    async def addresses_of(self, host: str, port: int, **_: Any) -> list[str]:
        self.questions.append((host, port))
        await self.answered.wait()
        if self.error is not None:
            raise self.error
        return list(self.addresses)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts these names in the place of the system's resolver."""

    def install(names: Names) -> Names:
        monkeypatch.setattr(outbound, "addresses_of", names.addresses_of)
        return names

    return install


async def test_a_public_name_is_resolved_once_and_kept(ask: Any) -> None:
    names = ask(Names("2606::1", "8.8.8.8", "8.8.4.4"))
    resolver = CheckedResolver(egress_allow=())
    assert [await resolver.resolve(VENDOR) for _ in range(3)] == ["8.8.8.8"] * 3
    assert names.questions == [("api.vendor.test", 443)]


async def test_one_address_inside_is_enough_to_refuse_a_name(ask: Any) -> None:
    names = ask(Names("8.8.8.8", "2606::1", "169.254.169.254"))
    resolver = CheckedResolver(
        egress_allow=["http://api.vendor.test", "https://other.test"]
    )
    for _ in range(2):
        with pytest.raises(DestinationIsNotPublic):
            await resolver.resolve(VENDOR)
    assert len(names.questions) == 2


async def test_a_listed_origin_may_lead_inside_and_only_that_origin(ask: Any) -> None:
    ask(Names("10.0.0.7"))
    resolver = CheckedResolver(egress_allow=["https://api.vendor.test"])
    assert await resolver.resolve(VENDOR) == "10.0.0.7"
    with pytest.raises(DestinationIsNotPublic):
        await resolver.resolve(Origin("https", "api.vendor.test", 8443))


async def test_calls_that_wait_share_a_look_up_and_one_that_leaves_harms_none(
    ask: Any,
) -> None:
    names = ask(Names("8.8.8.8"))
    names.answered.clear()
    resolver = CheckedResolver(egress_allow=())
    waiting = [asyncio.create_task(resolver.resolve(VENDOR)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    names.answered.set()
    assert await asyncio.gather(*waiting[1:]) == ["8.8.8.8", "8.8.8.8"]
    assert len(names.questions) == 1


async def test_what_was_kept_is_looked_up_and_judged_again_after_its_time(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "KEPT_SECONDS", 0.05)
    names = ask(Names("8.8.8.8"))
    resolver = CheckedResolver(egress_allow=())
    await resolver.resolve(VENDOR)
    names.addresses = ("127.0.0.1",)
    assert await resolver.resolve(VENDOR) == "8.8.8.8"
    await asyncio.sleep(0.06)
    with pytest.raises(DestinationIsNotPublic):
        await resolver.resolve(VENDOR)


async def test_no_more_answers_are_kept_than_allowed(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "MOST_KEPT", 2)
    names = ask(Names("8.8.8.8"))
    resolver = CheckedResolver(egress_allow=())
    for host in ("a", "b", "c", "c", "b", "a"):
        await resolver.resolve(Origin("https", host, 443))
    assert [host for host, _ in names.questions] == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    "names",
    [
        {"error": socket.gaierror(socket.EAI_NONAME, "unknown")},
        {"error": UnicodeError("label too long")},
        {},
    ],
    ids=["unknown", "unspeakable", "without address"],
)
async def test_a_name_that_does_not_resolve_is_unavailable(ask: Any, names: Any) -> None:
    ask(Names(**names))
    with pytest.raises(Unavailable):
        await CheckedResolver(egress_allow=()).resolve(VENDOR)


async def test_a_look_up_that_takes_too_long_is_unavailable(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "LOOK_UP_SECONDS", 0.05)
    ask(Names("8.8.8.8")).answered.clear()
    with pytest.raises(Unavailable):
        await CheckedResolver(egress_allow=()).resolve(VENDOR)


async def test_an_address_in_the_url_is_judged_without_a_look_up(ask: Any) -> None:
    names = ask(Names())
    resolver = CheckedResolver(egress_allow=["http://127.0.0.1:11434"])
    assert await resolver.resolve(Origin("https", "8.8.8.8", 443)) == "8.8.8.8"
    assert await resolver.resolve(Origin("http", "127.0.0.1", 11434)) == "127.0.0.1"
    with pytest.raises(DestinationIsNotPublic):
        await resolver.resolve(Origin("https", "::ffff:8.8.8.8", 443))
    assert names.questions == []


async def test_the_systems_resolver_knows_localhost() -> None:
    with pytest.raises(DestinationIsNotPublic):
        await CheckedResolver(egress_allow=()).resolve(Origin("https", "localhost", 443))
    listed = CheckedResolver(egress_allow=["http://localhost:11434"])
    assert await listed.resolve(Origin("http", "localhost", 11434)) == "127.0.0.1"


def test_a_list_with_a_bad_entry_stops_the_process() -> None:
    with pytest.raises(BadSetup):
        CheckedResolver(egress_allow=["localhost:11434"])


@pytest.mark.parametrize(
    "origin", [Origin("http", "8.8.8.8", 80), Origin("https", "8.8.8.8", 8443)]
)
async def test_what_is_listed_no_more_is_asked_no_more(ask: Any, origin: Origin) -> None:
    names = ask(Names())
    listed = CheckedResolver(egress_allow=[str(origin)])
    assert await listed.resolve(origin) == "8.8.8.8"
    with pytest.raises(DestinationIsNotPublic):
        await CheckedResolver(egress_allow=()).resolve(origin)
    assert names.questions == []


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No name server answers for `*.silent.test` until it is over; others do at once."""
    over = threading.Event()

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        if host.endswith(".silent.test"):
            over.wait(10)
        return [(socket.AF_INET, 1, 6, "", ("8.8.8.8", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield over
    over.set()


@pytest.mark.parametrize("anyio_backend", BOTH_LOOPS)
async def test_names_whose_servers_are_silent_stop_nobody(
    silence: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "KEPT_SECONDS", 0)
    resolver = CheckedResolver(egress_allow=())
    assert await resolver.resolve(VENDOR) == "8.8.8.8"
    asked = [Origin("https", f"{n}.silent.test", 443) for n in range(100)]
    waiting = [asyncio.create_task(resolver.resolve(one)) for one in asked]
    await asyncio.sleep(0.05)
    assert threading.active_count() < 2 * outbound.MOST_AT_ONCE
    async with asyncio.timeout(2):
        for _ in range(3):
            assert await resolver.resolve(VENDOR) == "8.8.8.8"
    silence.set()
    assert set(await asyncio.gather(*waiting)) == {"8.8.8.8"}


async def test_a_name_that_is_answered_for_too_late_keeps_its_place_until_then(
    silence: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound, "LOOK_UP_SECONDS", 0.05)
    monkeypatch.setattr(outbound, "MOST_AT_ONCE", 1)
    resolver = CheckedResolver(egress_allow=())
    for host in ("a.silent.test", "prompt.test"):
        with pytest.raises(Unavailable):
            await resolver.resolve(Origin("https", host, 443))
    silence.set()
    await asyncio.sleep(0.05)
    assert await resolver.resolve(VENDOR) == "8.8.8.8"
