"""What an operator may set of the server's limits: by name, within bounds, in force."""

from __future__ import annotations

import re
import socket
import time
from ipaddress import ip_network
from pathlib import Path

import pytest

from adapters.http import HttpLimits, Peers
from adapters.serving import limits_of
from adapters.settings import Settings
from api.cli.settings import read_settings
from domain.errors import BadSetup
from tests.journeys.data_plane import running

README = (Path(__file__).parents[2] / "README.md").read_text()
NAMES = [name for name in Settings.model_fields if name.startswith("clawbot_http_")]


def test_what_is_not_set_is_as_the_baseline_says() -> None:
    assert limits_of(Settings()) == HttpLimits()


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("MAX_CONNECTIONS", "50", "connections"),
        ("MAX_CONNECTIONS_PER_PEER", "7", "connections_per_peer"),
        ("HEAD_SECONDS", "0.5", "head_seconds"),
        ("KEEP_ALIVE_SECONDS", "30", "keep_alive_seconds"),
        ("BODY_SECONDS", "600", "body_seconds"),
        ("WRITE_SECONDS", "5", "write_seconds"),
    ],
)
def test_a_limit_is_what_its_setting_says(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, limit: str
) -> None:
    monkeypatch.setenv(f"CLAWBOT_HTTP_{name}", value)
    assert getattr(limits_of(read_settings()), limit) == float(value)
    for wrong in ("0", "-1", "1000000", "many"):
        monkeypatch.setenv(f"CLAWBOT_HTTP_{name}", wrong)
        with pytest.raises(BadSetup, match=f"CLAWBOT_HTTP_{name} cannot be used"):
            read_settings()


def test_a_gateway_may_bring_everybodys_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLAWBOT_HTTP_SHARED_PEERS", "172.17.0.1, 2001:db8::/32")
    monkeypatch.setenv("CLAWBOT_HTTP_MAX_CONNECTIONS_PER_PEER", "1")
    limits = limits_of(read_settings())
    assert limits.shared_peers == (ip_network("172.17.0.1"), ip_network("2001:db8::/32"))
    peers = Peers(limits)
    for host in ("172.17.0.1", "::ffff:172.17.0.1", "2001:db8::1"):
        assert all(peers.enter(host) is not None for _ in range(3))
    assert [peers.enter("172.17.0.2") is not None for _ in range(2)] == [True, False]
    monkeypatch.setenv("CLAWBOT_HTTP_SHARED_PEERS", "gateway")
    with pytest.raises(BadSetup, match="CLAWBOT_HTTP_SHARED_PEERS"):
        read_settings()


def test_the_readme_has_them_with_their_defaults() -> None:
    rows = [row.split("|") for row in README.splitlines() if row.startswith("|")]
    rows = [row for row in rows if "`CLAWBOT_HTTP_" in row[1]]
    told: dict[str, str] = {}
    for _, names, defaults, *_ in rows:
        values = re.findall(r"`([^`]+)`", defaults) or [""]
        told |= zip(re.findall(r"`([A-Z_]+)`", names), values, strict=True)
    ours = {
        name.upper(): str(Settings.model_fields[name].default).strip("()") for name in NAMES
    }
    assert told == ours


def test_a_proxy_keeps_to_what_it_was_told(database_url: str) -> None:
    with (
        running(database_url, CLAWBOT_HTTP_HEAD_SECONDS="0.5") as plane,
        socket.create_connection(
            ("127.0.0.1", int(plane.proxy.url.rpartition(":")[2])), 5
        ) as line,
    ):
        line.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        assert line.recv(100).startswith(b"HTTP/1.1 408 ")
        assert 0.3 < time.monotonic() - began < 3
