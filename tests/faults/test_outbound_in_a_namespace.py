"""No call leads inside: tried where every address is local, before a sink that sees all.

Security-baseline O1 to O3. The namespace is this test's own, with nothing but a loopback
device in it; needs root, as CI has it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.faults.outbound_table import (
    LITERAL,
    METADATA,
    MIXED,
    NAMED,
    NAMES,
    PUBLIC,
    REDIRECTS,
    TRICKS,
    UNREACHABLE,
)

ROOT = Path(__file__).parents[2]
SECONDS = 90  # for everything that is tried; it takes 3
FILES = {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    "nsswitch.conf": "hosts: files dns\n",
}
# Addresses of its own, or the system's resolver would take it for a machine without any.
SET_UP = (
    "link set lo up",
    "address add 198.51.100.250/32 dev lo",
    "address add 2001:db8::250/128 dev lo nodad",
    "route add local 0.0.0.0/0 dev lo",
    "-6 route add local ::/0 dev lo",
)

pytestmark = pytest.mark.xdist_group("namespace")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)


@contextmanager
def _namespace() -> Iterator[str]:
    """A network namespace in which every address is local; gone afterwards."""
    name = f"clawbot-outbound-{os.getpid()}"
    files = Path("/etc/netns") / name  # laid over /etc by `ip netns exec`
    _ip("netns", "add", name)
    try:
        files.mkdir(parents=True)
        for file, text in FILES.items():
            if Path("/etc", file).exists():
                (files / file).write_text(text, encoding="ascii")
        for words in SET_UP:
            _ip("-netns", name, *words.split())
        yield name
    finally:
        shutil.rmtree(files, ignore_errors=True)
        with suppress(OSError):  # somebody else's may be in there
            files.parent.rmdir()
        _ip("netns", "delete", name)


def _write_certificate(file: Path) -> None:
    """A key, and a certificate for every name of the table, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "everybody")])
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in NAMES])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    file.write_bytes(private + certificate.public_bytes(pem))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What each attempt came to, inside the namespace."""
    vendor = tmp_path_factory.mktemp("vendor") / "vendor.pem"
    _write_certificate(vendor)
    bait = f"http://{METADATA}:8080"
    surroundings = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"), bait
    )
    with _namespace() as name:
        done = subprocess.run(
            [
                *("ip", "netns", "exec", name),
                *(sys.executable, "-m", "tests.faults.outbound_inside", str(vendor)),
            ],
            cwd=ROOT,
            env={**os.environ, **surroundings},
            stdout=subprocess.PIPE,
            timeout=SECONDS,
            check=True,
        )
    return json.loads(done.stdout)


@pytest.mark.parametrize("url", [*LITERAL, *NAMED, *MIXED])
def test_the_sink_stays_empty_whatever_spells_an_address_inside(
    report: Any, url: str
) -> None:
    ways = report["bad"][url]
    assert set(ways) == {"base_url", "probe", "call"}
    for way, seen in ways.items():
        assert (way, seen["reached"], seen["begun"]) == (way, [], 0)
    assert ways["base_url"]["refused"] == (url in LITERAL)
    assert ways["probe"]["refused"]
    assert ways["call"]["refused"]


@pytest.mark.parametrize("url", TRICKS)
def test_what_may_be_misread_is_refused_and_a_forgiving_reader_gets_no_further(
    report: Any, url: str
) -> None:
    ways = report["bad"][url]
    for way, seen in ways.items():
        assert (way, set(seen["reached"]) - {PUBLIC}) == (way, set())
        assert seen["begun"] == len(seen["reached"])
    for way in ("base_url", "probe"):
        assert (way, ways[way]["refused"], ways[way]["begun"]) == (way, True, 0)


@pytest.mark.parametrize(("url", "address"), [*LITERAL.items(), *NAMED.items()])
def test_the_sink_sees_the_same_call_where_the_operator_lists_its_origin(
    report: Any, url: str, address: str
) -> None:
    """So that an empty sink means something."""
    reached = report["controls"][url]["reached"]
    assert len(reached) == (address not in UNREACHABLE)


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_of_a_public_host_is_handed_back_and_not_followed(
    report: Any, status: int
) -> None:
    for seen in report["redirected"][str(status)].values():
        assert seen == {
            "refused": False,
            "said": str(status),
            "reached": [PUBLIC],
            "begun": 1,
        }


def test_a_name_that_moves_inside_is_judged_again_and_connected_as_judged(
    report: Any,
) -> None:
    first, second = report["rebound"]
    assert (first["said"], first["reached"], first["begun"]) == ("302", [PUBLIC], 1)
    assert (second["refused"], second["reached"], second["begun"]) == (True, [], 0)
