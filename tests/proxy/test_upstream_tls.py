"""TLS: verified for the name of the origin, whatever address is connected to."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.destinations import Origin
from proxy.upstream import Upstream, UpstreamCut, UpstreamError
from tests.proxy.scripted import (
    BOTH_LOOPS,
    Exchange,
    Loopback,
    calling,
    get,
    plain,
    says,
    vendor,
    whole,
)

pytestmark = pytest.mark.anyio

NAME = "api.vendor.test"


@pytest.fixture(scope="module", params=BOTH_LOOPS, ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@dataclass
class Certified:
    """A vendor's certificate that signs itself, and a client that trusts it."""

    vendor: ssl.SSLContext
    client: ssl.SSLContext
    asked_for: list[str | None]  # the names that clients asked for (SNI)


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a vendor")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "vendor.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    asked_for: list[str | None] = []
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(file)
    there.sni_callback = lambda _, asked, __: asked_for.append(asked)
    return Certified(there, ssl.create_default_context(cafile=file), asked_for)


async def test_a_call_over_tls_is_verified_for_the_name_and_kept(
    certified: Certified,
) -> None:
    async with (
        vendor(says(plain()), tls=certified.vendor) as there,
        calling(tls=certified.client) as upstream,
    ):
        for _ in range(3):
            answer = await get(upstream, Origin("https", NAME, there.origin.port))
            assert await whole(answer) == b"hello"
    assert there.connections == 1
    assert certified.asked_for == [NAME]


@pytest.mark.parametrize("host", ["other.vendor.test", "127.0.0.1"])
async def test_a_certificate_of_another_name_is_refused(
    certified: Certified, host: str
) -> None:
    async with (
        vendor(says(plain()), tls=certified.vendor) as there,
        calling(tls=certified.client) as upstream,
    ):
        with pytest.raises(UpstreamError) as refused:
            await get(upstream, Origin("https", host, there.origin.port))
    assert (refused.value.code, refused.value.sent) == ("upstream-unreachable", False)
    assert there.requests == []


async def test_a_certificate_that_nobody_vouches_for_is_refused_by_default(
    certified: Certified,
) -> None:
    async with vendor(says(plain()), tls=certified.vendor) as there:
        upstream = Upstream(Loopback())
        with pytest.raises(UpstreamError):
            await get(upstream, Origin("https", NAME, there.origin.port))
        await upstream.close()
    assert there.requests == []


async def test_big_bodies_pass_both_ways_over_tls(certified: Certified) -> None:
    body = bytes(range(256)) * 4096 * 3

    async def echo(exchange: Exchange) -> None:
        await exchange.send(plain(exchange.body))

    async with (
        vendor(echo, tls=certified.vendor) as there,
        calling(tls=certified.client) as upstream,
        asyncio.timeout(10),
    ):
        origin = Origin("https", NAME, there.origin.port)
        answer = await upstream.send(origin, "POST", b"/", [], body)
        await asyncio.sleep(0.1)
        assert await whole(answer) == body


async def test_an_answer_cut_in_the_middle_over_tls_is_a_cut(certified: Certified) -> None:
    async def half(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        await asyncio.sleep(0.05)
        exchange.reset()

    async with (
        vendor(half, tls=certified.vendor) as there,
        calling(tls=certified.client) as upstream,
    ):
        answer = await get(upstream, Origin("https", NAME, there.origin.port))
        assert await answer.read() == b"half"
        with pytest.raises(UpstreamCut):
            await answer.read()
        await there.until_open(0)
