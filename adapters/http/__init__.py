"""The HTTP server: uvicorn's process around a connection of our own.

    limits.py      how much and how long
    head.py        one grammar for the request line and the headers, and nothing beside it
    bodies.py      the two ways in which a body may be framed
    opening.py     which requests may open a WebSocket
    refusals.py    what is said to bytes that are no request
    exchange.py    one request and its answer, as ASGI sees it
    upgrade.py     one that may become a WebSocket: then bytes both ways
    flow.py        how fast a line may be written to and read from
    alarm.py       what is expected until when
    connection.py  bytes in, one exchange after another
    peers.py       how many connections there are, and from whom

Why not a ready parser: those we tried mend what they should refuse. httptools takes no Host
or two, any blanks about a header's value, an absolute target, and has no limit of its own.
What this grammar accepts, llhttp reads in the same way; a test compares them.

It speaks HTTP/1.1 (RFC 9112) and 1.0, and upgrades to nothing but WebSockets on paths that
it is told; TLS is for what stands in front.
"""

from adapters.http.connection import Connection
from adapters.http.limits import HttpLimits
from adapters.http.peers import Peers

__all__ = ["Connection", "HttpLimits", "Peers"]
