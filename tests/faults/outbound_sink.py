"""The world inside the namespace: a sink at every address, and a scripted name server.

In there every address is local, so whatever connects, to anywhere, is seen by the sink;
`ActiveOpens` of the kernel counts besides what went to a port on which nobody listens.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from domain.destinations import DEFAULT_PORTS
from tests.faults.outbound_table import METADATA, NAMES, PUBLIC, PUBLIC_V6

PORTS = (22, 25, 53, 80, 443, 2375, 3306, 5432, 6379, 8000, 8080, 8443, 9200, 11434)
A, AAAA = 1, 28

Seen = dict[str, object]


class Sink:
    """Notes the address that every connection was made to.

    At a public address it is a vendor that sends everybody to the metadata service;
    elsewhere it hangs up.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._reached: list[str] = []
        self._opened = _active_opens()

    def seen(self) -> Seen:
        """The addresses reached, and connections begun, since this was asked last."""
        before, self._opened = self._opened, _active_opens()
        reached, self._reached = self._reached, []
        return {"reached": reached, "begun": self._opened - before}

    async def take(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(
            ("::", port), family=socket.AF_INET6, dualstack_ipv6=True
        ) as server:
            server.settimeout(0)
            while True:
                client, _ = await loop.sock_accept(server)
                address = ip_address(client.getsockname()[0])
                led_to = str(getattr(address, "ipv4_mapped", None) or address)
                self._reached.append(led_to)
                if port == DEFAULT_PORTS["https"] and led_to in {PUBLIC, PUBLIC_V6}:
                    await self._answer(client)
                else:
                    client.close()

    async def _answer(self, client: socket.socket) -> None:
        """As a vendor, if the caller likes our certificate."""
        answering = asyncio.StreamReaderProtocol(asyncio.StreamReader(), _send_inside)
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: answering, client, ssl=self._tls, ssl_handshake_timeout=2
            )


async def _send_inside(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
    status = line.split(b"/")[1] or b"302"
    location = f"http://{METADATA}/latest/meta-data/".encode()
    writer.write(
        b"HTTP/1.1 %s Elsewhere\r\nlocation: %s\r\ncontent-length: 0\r\n"
        b"connection: close\r\n\r\n" % (status, location)
    )
    writer.close()


class Names(asyncio.DatagramProtocol):
    """Answers what the table says (RFC 1035, one question a packet); never to be kept."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12)
        name, kind = _name(data[12:end]), int.from_bytes(data[end + 1 : end + 3])
        turns = NAMES.get(name)
        records = []
        if turns is not None:
            turn = turns[min(self.asked[name], len(turns) - 1)]
            self.asked[name] += kind == A
            addresses = [ip_address(address) for address in turn]
            version = {A: 4, AAAA: 6}.get(kind)
            records = [one.packed for one in addresses if one.version == version]
        flags = b"\x81\x80" if turns is not None else b"\x81\x83"
        counts = b"\0\1" + len(records).to_bytes(2) + b"\0\0\0\0"
        head = data[:2] + flags + counts + data[12 : end + 5]
        answers = [
            b"\xc0\x0c" + kind.to_bytes(2) + b"\0\1\0\0\0\0" + len(r).to_bytes(2) + r
            for r in records
        ]
        self._transport.sendto(head + b"".join(answers), addr)


def _name(labels: bytes) -> str:
    found = []
    while labels:
        found.append(labels[1 : 1 + labels[0]])
        labels = labels[1 + labels[0] :]
    return b".".join(found).decode("latin-1").lower()


def _active_opens() -> int:
    """Connections that anybody in this namespace has begun (RFC 4022)."""
    lines = Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(dict(zip(names, values, strict=True))["ActiveOpens"])
