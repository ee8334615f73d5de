"""The fence around plugins that run at the manager: the internet, and nothing nearer.

A plugin's process shares the manager's network, where databases, metadata services and the
manager's own doors listen. As root each runs under a user that no account has, and by
those users the host's firewall knows what a plugin sends: this machine's own addresses,
private and reserved ones answer "prohibited" at once. Names are still looked up, at the
servers of `/etc/resolv.conf`; CLAWBOT_PLUGINS_NETWORKS opens more. Two instances on one
host keep each other's plugins in too: what both allow is allowed.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

from adapters.docker.firewall import NOT_OUTSIDE
from adapters.docker.host_rules import (
    PLUGINS,
    commands,
    remove_chains,
    replace_chains,
    saved,
)
from adapters.relays.mcp.sandbox import FIRST_UID, MOST_USERS
from application.engines import CannotRun
from domain.errors import Conflict

Net = IPv4Network | IPv6Network

RESOLVERS = Path("/etc/resolv.conf")
# Of IPv6 only what is globally reachable, less what leads to an IPv4 address in disguise.
_OUTSIDE_6 = "2000::/3"
_DISGUISED_6 = ("2001::/23", "2001:db8::/32", "2002::/16")
_REFUSE = {
    "iptables": "REJECT --reject-with icmp-admin-prohibited",
    "ip6tables": "REJECT --reject-with icmp6-adm-prohibited",
}
_VERSIONS = {"iptables": 4, "ip6tables": 6}

log = logging.getLogger(__name__)


class NotFenced(Conflict):
    """No firewall keeps plugins from the manager's network here, and one is required."""

    code = "plugins-cannot-be-fenced"


class PluginFence:
    """The rules of one instance's manager; safe to use from threads."""

    def __init__(
        self, tag: str, *, opened: Sequence[Net] = (), resolvers: Path = RESOLVERS
    ) -> None:
        """`tag` is the instance's in the firewall; `opened` is reached as well."""
        self._chain = f"{PLUGINS}{tag}"
        self._opened = opened
        self._resolvers = resolvers
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """The rules are in force, whoever flushed them; `CannotRun` if they cannot be.

        Where others were in force before, there is no moment without either.
        """
        if os.geteuid() != 0:
            msg = "only root gives plugins a user of their own"
            raise CannotRun("engine-refused", msg)
        with self._lock:
            for command in commands():
                self._ensure(command)

    def remove(self) -> None:
        """Nothing of it is left, if anything of it can be seen from here."""
        with self._lock:
            try:
                for command in commands():
                    remove_chains(self._chain, command)
            except CannotRun as error:
                log.warning("mcp.fence_stays", extra={"failure": error.detail})

    def rules(self, command: str) -> str:
        """All of them, as `iptables-restore --noflush` reads them."""
        mark = sha256("\n".join(self._judging(command)).encode()).hexdigest()[:16]
        owners = f"-m owner --uid-owner {FIRST_UID}-{FIRST_UID + MOST_USERS - 1}"
        jump = f'-I OUTPUT 1 {owners} -m comment --comment "{mark}" -j {self._chain}'
        lines = ["*filter", f":{self._chain} - [0:0]", jump, *self._judging(command)]
        return "\n".join([*lines, "COMMIT\n"])

    def _ensure(self, command: str) -> None:
        rules = self.rules(command)
        wanted = [line for line in rules.splitlines() if line.startswith("-")]
        kept = [one for one in saved(command) if one[0] == "-" and self._chain in one]
        mark = wanted[0].split('"')[1]
        if len(kept) == len(wanted) and sum(mark in one for one in kept) == 1:
            return
        replace_chains(self._chain, rules, command)

    def _judging(self, command: str) -> list[str]:
        version, refuse = _VERSIONS[command], _REFUSE[command]
        to = f"-A {self._chain} -d"
        lines = [
            f"{to} {server} -p {protocol} -m {protocol} --dport 53 -j RETURN"
            for server in _servers(self._resolvers)
            if server.version == version
            for protocol in ("udp", "tcp")
        ]
        lines += [f"{to} {one} -j RETURN" for one in self._opened if one.version == version]
        lines += [f"-A {self._chain} -m addrtype --dst-type LOCAL -j {refuse}"]
        if command == "iptables":
            return [*lines, *(f"{to} {network} -j {refuse}" for network in NOT_OUTSIDE)]
        lines += [f"-A {self._chain} ! -d {_OUTSIDE_6} -j {refuse}"]
        return [*lines, *(f"{to} {network} -j {refuse}" for network in _DISGUISED_6)]


def fenced(fence: PluginFence, *, required: bool) -> Callable[[], None]:
    """To be called before a plugin is started: the fence stands then, if it can.

    Where it cannot, `NotFenced` if it is required, else a line in the log.
    """

    def guard() -> None:
        try:
            fence.ensure()
        except CannotRun as error:
            if required:
                raise NotFenced from error
            log.warning("mcp.not_fenced", extra={"failure": error.detail})

    return guard


def _servers(resolvers: Path) -> Iterator[IPv4Address | IPv6Address]:
    """Those whom this machine asks for names."""
    text = resolvers.read_text() if resolvers.exists() else ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            with suppress(ValueError):  # nobody else can ask there either
                yield ip_address(words[1].partition("%")[0])
