"""One question over HTTP to whoever may be hostile: so long, and so much, at most.

The time is that of the whole, from the connection to the last byte: a limit for each read
lets an answer's head drip in for days, and a thread waits for it. No redirect is followed,
no proxy of the environment is asked, and nothing is decompressed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from domain.destinations import Origin

CONNECT_SECONDS = 5.0


@dataclass(kw_only=True)
class Heard:
    """What was answered; `whole`: the body ended in time, and was not too large."""

    status: int
    headers: httpx2.Headers
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, and of whom."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes = b""
    name: str = ""  # that TLS is verified for, where the URL has an address


def of_origin(
    origin: Origin, address: str, target: str, headers: Mapping[str, str]
) -> Question:
    """A GET at the one address of the origin that was judged."""
    host = f"[{address}]" if ":" in address else address
    return Question(
        method="GET",
        url=f"{origin.scheme}://{host}:{origin.port}{target}",
        headers={"host": origin.authority, "accept-encoding": "identity", **headers},
        name=origin.host,
    )


def ask(question: Question, *, tls: ssl.SSLContext, most: int, seconds: float) -> Heard:
    """What was answered; a body that has more bytes than `most` is not `whole`.

    `httpx2.HTTPError`, or `TimeoutError`: there was no answer. May be called by threads.
    """
    return asyncio.run(_asked(question, tls, most, seconds))


async def _asked(
    question: Question, tls: ssl.SSLContext, most: int, seconds: float
) -> Heard:
    timeout = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
    heard: Heard | None = None
    try:
        async with (
            asyncio.timeout(seconds),
            httpx2.AsyncClient(
                timeout=timeout, trust_env=False, follow_redirects=False, verify=tls
            ) as client,
            client.stream(
                question.method,
                question.url,
                headers=question.headers,
                content=question.content,
                extensions={"sni_hostname": question.name} if question.name else {},
            ) as answer,
        ):
            heard = Heard(status=answer.status_code, headers=answer.headers)
            async for piece in answer.aiter_raw():
                heard.body += piece
                if len(heard.body) > most:
                    break
            else:
                heard.whole = True
    except (TimeoutError, httpx2.TransportError):
        if heard is None:
            raise
    return heard
