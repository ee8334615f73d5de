"""The way to an engine: the `docker` SDK's client, with a time limit on every question.

The SDK's own connections to a Unix socket stay open when nobody answers there; ours do not.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.utils
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.transport import unixconn

UNIX = ("unix://", "http+unix://")
DEFAULT_HOST = "unix:///var/run/docker.sock"
# Asked for when nothing is known of the engine yet; each engine of today speaks it, or says
# which it speaks on the unversioned path that is asked first.
FIRST_VERSION = "1.41"
POOL = 64


@dataclass(frozen=True, kw_only=True)
class EngineAddress:
    """Where the engine is, as `DOCKER_HOST` and its kin say it."""

    host: str = DEFAULT_HOST
    tls_verify: bool = False
    cert_path: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine, so that our firewall is its."""
        return self.host.startswith(UNIX)


def connect(address: EngineAddress, timeout: int) -> docker.APIClient:
    """A client that speaks the engine's version; raises what the SDK raises."""
    first = _client(address, timeout, FIRST_VERSION)
    try:
        version = str(first.version(api_version=False)["ApiVersion"])
    finally:
        first.close()
    return _client(
        address,
        timeout,
        min(version, DEFAULT_DOCKER_API_VERSION, key=_as_numbers),
    )


def _client(address: EngineAddress, timeout: int, version: str) -> docker.APIClient:
    asked = docker.utils.kwargs_from_env(
        environment={
            "DOCKER_HOST": address.host,
            "DOCKER_TLS_VERIFY": "1" if address.tls_verify else "",
            "DOCKER_CERT_PATH": str(address.cert_path or ""),
        }
    )
    client = docker.APIClient(version=version, timeout=timeout, max_pool_size=POOL, **asked)
    client.trust_env = False
    if address.is_local:
        client.mount("http+docker://", _Adapter(address.host.split("://", 1)[1], timeout))
    return client


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class _Connection(unixconn.UnixHTTPConnection):
    def connect(self) -> None:
        connecting = socket.socket(socket.AF_UNIX)
        connecting.settimeout(self.timeout)
        try:
            connecting.connect(self.unix_socket)
        except OSError:
            connecting.close()
            raise
        self.sock = connecting


class _Pool(unixconn.UnixHTTPConnectionPool):
    def __init__(self, path: str, timeout: int) -> None:
        super().__init__("http+docker://localhost", path, timeout, maxsize=POOL)
        self._seconds = timeout

    def _new_conn(self) -> _Connection:  # type: ignore[override]  # the stubs' base is abstract
        return _Connection(self.base_url, self.socket_path, self._seconds)


class _Adapter(unixconn.UnixHTTPAdapter):
    """Hands out connections of ours."""

    def __init__(self, path: str, timeout: int) -> None:
        super().__init__(f"http+unix://{path}", timeout)
        self._pool = _Pool(path, timeout)

    def get_connection(self, _url: Any, proxies: Any = None) -> _Pool:  # noqa: ARG002
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()
