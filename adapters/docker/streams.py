"""Answers of an engine that come piece by piece, and can be closed from any thread."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from docker import APIClient
from docker.errors import create_api_error_from_http_exception
from requests import Response
from requests.exceptions import HTTPError as RefusedRequest

from adapters.docker.failures import asked
from adapters.docker.seen import moment
from application.engines import LogLine

Item = TypeVar("Item")

READ = 64 * 1024
HEADER = 8
STDERR = 2
# One line as the engine keeps it; a longer one comes in pieces, and we keep the first.
LONGEST = 16 * 1024


class Stream:
    """One answer that is being read."""

    def __init__(
        self, client: APIClient, path: str, params: Mapping[str, str], *, waits: bool
    ) -> None:
        """`waits`: no time limit between two pieces. `NotFound`, `EngineUnavailable`."""
        self.is_closed = False
        limit = (client.timeout, None if waits else client.timeout)
        with asked():
            answer = client.get(
                f"{client.base_url}/v{client.api_version}{path}",
                params=params,
                stream=True,
                timeout=limit,
            )
            self._answer = accepted(answer)

    def pieces(self) -> Iterator[bytes]:
        """Until the engine ends it or somebody closes it."""
        try:
            with asked():
                yield from self._answer.raw.stream(READ, decode_content=True)
        except Exception:
            if not self.is_closed:  # what a closed connection says does not matter
                raise
        finally:
            self._answer.close()

    def close(self) -> None:
        """Whoever is reading gets no more."""
        self.is_closed = True
        connection: Any = self._answer.raw.connection
        # Closing alone would leave a thread that reads to wait for ever.
        with suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)
        self._answer.close()


def accepted(answer: Response) -> Response:
    """The answer, or what the SDK raises for one that says no."""
    try:
        answer.raise_for_status()
    except RefusedRequest as error:
        create_api_error_from_http_exception(error)
    return answer


class Reading(Iterator[Item]):
    """What is read from a stream, as an iterator that any thread may close."""

    def __init__(self, stream: Stream, items: Iterator[Item]) -> None:
        self._stream = stream
        self._items = items

    def __next__(self) -> Item:
        return next(self._items)

    def close(self) -> None:
        """It has no more items."""
        self._stream.close()


def entries(pieces: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    """JSON objects, a line each."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from (json.loads(line) for line in lines if line.strip())


def frames(pieces: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """What a container without a terminal wrote: the stream's name and the bytes.

    Engine API, "Stream format": a byte for the stream, three zeros, the length in four.
    A frame that was cut off by the end is left out.
    """
    held = b""
    for piece in pieces:
        held += piece
        at = 0
        while len(held) - at >= HEADER:
            start = at + HEADER
            end = start + int.from_bytes(held[at + 4 : start])
            if len(held) < end:
                break
            yield "stderr" if held[at] == STDERR else "stdout", held[start:end]
            at = end
        held = held[at:]


def log_lines(pieces: Iterator[bytes]) -> Iterator[LogLine]:
    """Frames that begin with a time, as lines; of a line in several frames, the first."""
    goes_on = dict.fromkeys(("stdout", "stderr"), False)
    for stream, frame in frames(pieces):
        is_first, goes_on[stream] = not goes_on[stream], not frame.endswith(b"\n")
        if is_first:
            time, _, text = frame.partition(b" ")
            yield LogLine(
                at=moment(time.decode()),
                stream=stream,
                text=text[:LONGEST].decode(errors="replace").rstrip("\r\n"),
            )
