"""The host's firewall towards bots: from inside, the proxy's port and nothing else.

An internal Docker network still lets a bot reach every service of the host by its gateway,
and an ordinary one the world. The rules go by the names of the bots' bridges (`naming.py`),
which say what a network is for; no rule names a bot, so that a network is guarded before it
exists, and a thousand bots have as many rules as one.

What a bot sends is judged in `mangle`, before the rules of Docker and of whoever else are
asked, and again in `filter INPUT`. Needs root (CAP_NET_ADMIN) on the engine's machine. A
proxy that listens on the loopback address is reached by DNAT from the gateway's address;
for that, `route_localnet` is on for the bots' bridges and for nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path

from adapters.docker.host_rules import (
    has_version_6,
    remove_chains,
    remove_drop,
    replace_chains,
    run,
    saved,
)
from adapters.docker.naming import Naming, Network
from adapters.docker.setup import EngineSetup
from application.engines import CannotRun
from domain.errors import BadSetup

# Where no bot may go, not even one that may go out: what IANA's registry of special
# addresses does not call globally reachable, and multicast.
NOT_OUTSIDE = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
)
_KNOWN = "-m conntrack --ctstate ESTABLISHED,RELATED"
_OWN_GATEWAY = "-m addrtype --dst-type LOCAL --limit-iface-in"
_ANY = IPv4Address(0)
_SYNONYMS = {"localhost": "127.0.0.1", "::": "0.0.0.0"}  # noqa: S104


class Firewall:
    """The chains of one instance; they can be put up and taken down any number of times."""

    def __init__(self, setup: EngineSetup) -> None:
        self._naming = Naming(setup.instance)
        self._setup = setup
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """The rules are in force, whoever flushed them; `CannotRun` if they cannot be.

        Where others were in force before, there is no moment without either.
        """
        if not self._setup.has_firewall:
            return
        with self._lock:
            if not self._is_in_force():
                replace_chains(self._naming.chain, self.rules())
            self._close_version_6()

    def remove(self) -> None:
        """Nothing of ours is left in the host's firewall."""
        with self._lock:
            self._remove()

    def open_way(self, bridge: str) -> None:
        """The proxy can be reached from that bridge, which is there."""
        if self._setup.has_firewall and self._proxy_is_moved:
            switch = Path(f"/proc/sys/net/ipv4/conf/{bridge}/route_localnet")
            try:
                switch.write_text("1")
            except OSError as error:
                msg = f"the proxy cannot be reached from {bridge}: {error.strerror}"
                raise CannotRun("engine-refused", msg) from error

    def rules(self) -> str:
        """All of them, as `iptables-restore --noflush` reads them."""
        return self._marked(self._mark())

    def _marked(self, mark: str) -> str:
        chain, bridges = self._naming.chain, self._naming.bridges
        out = f"{bridges}{Network.OUT}+"
        to_proxy = f"-p tcp -m tcp --dport {self._setup.proxy_port}"
        jump = f'-m comment --comment "{mark}" -j {chain}'
        mangle = [
            f":{chain} - [0:0]",
            f":{chain}-TO - [0:0]",
            f"-I PREROUTING 1 -i {bridges}+ {jump}",
            f"-I FORWARD 1 -o {bridges}+ {jump}-TO",
            f"-A {chain} {_KNOWN} -j RETURN",
            f"-A {chain} {to_proxy} {_OWN_GATEWAY} -j RETURN",
            *(f"-A {chain} -d {network} -j DROP" for network in NOT_OUTSIDE),
            f"-A {chain} -i {out} -m addrtype --dst-type UNICAST -j RETURN",
            f"-A {chain} -j DROP",
            f"-A {chain}-TO {_KNOWN} -j RETURN",
            f"-A {chain}-TO -j DROP",
        ]
        incoming = [
            f":{chain} - [0:0]",
            f"-I INPUT 1 -i {bridges}+ {jump}",
            f"-A {chain} {_KNOWN} -j ACCEPT",
            f"-A {chain} {to_proxy} -j ACCEPT",
            f"-A {chain} -j DROP",
        ]
        target = f"{self._proxy}:{self._setup.proxy_port}"
        moving = [
            f":{chain} - [0:0]",
            f"-I PREROUTING 1 -i {bridges}+ {jump}",
            f"-A {chain} {to_proxy} {_OWN_GATEWAY} -j DNAT --to-destination {target}",
        ]
        tables = [("mangle", mangle), ("filter", incoming)]
        tables += [("nat", moving)] if self._proxy_is_moved else []
        return "".join(
            "\n".join([f"*{name}", *lines, "COMMIT\n"]) for name, lines in tables
        )

    @property
    def _proxy(self) -> IPv4Address:
        named = self._setup.proxy_address
        try:
            return IPv4Address(_SYNONYMS.get(named, named))
        except ValueError as error:
            msg = f"CLAWBOT_PROXY_HOST={named}: bots in containers need an IPv4 address."
            raise BadSetup(msg) from error

    @property
    def _proxy_is_moved(self) -> bool:
        """Whether it listens elsewhere than on every address, the gateways' among them."""
        return self._proxy != _ANY

    def _mark(self) -> str:
        """Tells these rules from those of another version or other settings."""
        return sha256(self._marked("").encode()).hexdigest()[:16]

    def _is_in_force(self) -> bool:
        wanted = [line for line in self.rules().splitlines() if line.startswith("-")]
        kept = [line for line in saved() if line[0] == "-" and self._naming.chain in line]
        marked = [line for line in kept if self._mark() in line]
        jumps = [line for line in wanted if self._mark() in line]
        return len(kept) == len(wanted) and len(marked) == len(jumps)

    def _remove(self) -> None:
        remove_chains(self._naming.chain)
        if has_version_6():
            remove_drop(self._naming.bridges)

    def _close_version_6(self) -> None:
        """Bots have no IPv6; what came over it all the same would be nobody's."""
        if has_version_6() and not self._is_closed_to_version_6():
            run(*_VERSION_6, "-I", "PREROUTING", "1", *self._nothing())

    def _is_closed_to_version_6(self) -> bool:
        rule = f"-A PREROUTING -i {self._naming.bridges}+"
        return any(line.startswith(rule) for line in saved("ip6tables"))

    def _nothing(self) -> Sequence[str]:
        return ["-i", f"{self._naming.bridges}+", "-j", "DROP"]


_VERSION_6 = ("ip6tables", "--wait", "-t", "mangle")
