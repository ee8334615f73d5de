"""Reads answers off a connection, one after another: llhttp, and the rules it leaves open.

llhttp (`httptools`) is strict as it comes: it refuses two lengths, a length that is no
number, a length beside a coding, folded headers, bare LF, control bytes. Decided here are
the size of the header block, the transfer codings, interim answers, and how a body ends
(RFC 9112, section 6.3).
"""

from __future__ import annotations

import asyncio
import re

import httptools

from proxy.answer import Answer, Source

MOST_INTERIM_ANSWERS = 8
SWITCHING = 101
_TIMEOUT = re.compile(rb"(?:^|[ ,])timeout=(\d{1,6})(?:$|[ ,])")


class Malformed(Exception):
    """The answer breaks HTTP or a limit; the text says how and quotes nothing of it."""


class AnswerParser:
    """The current answer, as far as it has come.

    `header_bytes` bounds the header block, trailers, and framing that brings no body;
    `answer_bytes` bounds the body, unless it is an event stream.
    """

    def __init__(self, source: Source, *, header_bytes: int, answer_bytes: int) -> None:
        self.head: asyncio.Future[Answer]
        self.answer: Answer | None = None  # from its headers on
        self.complete = False
        self.until_close = False  # the body ends with the connection
        self.may_switch = False  # an upgrade is asked for, so 101 is an answer
        self.switched = False  # to another protocol: nothing more is for this parser
        self.reusable = False  # when complete: another call can follow
        self.keep_alive: int | None = None  # seconds, as the answer says
        self._source = source
        self._header_bytes = header_bytes
        self._answer_bytes = answer_bytes
        self._came: list[bytes] = []  # of the body, in what is being read
        self.on_body = self._came.append  # called by httptools, once for each chunk
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_room = 0
        self._body_room: float = 0
        self._framing = 0  # bytes since the last piece of the body
        self._interim_answers = 0
        self._head_only = False

    def begin(self, head: asyncio.Future[Answer], *, head_only: bool) -> None:
        """Expect the next answer; `head` gets it when its headers are there.

        `head_only`: it has no body whatever its headers say (RFC 9110, HEAD).
        """
        self.head = head
        self.answer = None
        self.complete = self.until_close = self.reusable = False
        self._headers = []
        self._header_room = self._header_bytes
        self._framing = 0
        self._interim_answers = 0
        self._head_only = head_only

    def feed(self, data: bytes) -> None:
        """Read on; raises `Malformed` unless the answer was whole before the fault."""
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as wrong:
            self._put_body()
            if self._switches(wrong, data):
                return
            if not self.complete:
                raise Malformed(_reason(wrong)) from wrong
            self.reusable = False
        if self._came:
            self._put_body()
        if self._framing > self._header_bytes and not self.complete:
            raise Malformed("the headers or the framing are too big")

    def _switches(self, wrong: Exception, data: bytes) -> bool:
        """Whether it is a 101 that was asked for; what is behind it is not HTTP."""
        answer = self.answer
        if answer is None or answer.status != SWITCHING:
            return False
        if not isinstance(wrong, httptools.HttpParserUpgrade):
            raise Malformed("a 101 that does not say to what")
        self.switched = True
        if rest := data[wrong.args[0] :]:
            answer.put(rest)
        return True

    def _put_body(self) -> None:
        """Hand over what came of the body: in one piece, in however many chunks it came."""
        came = self._came
        if not came:
            return
        body = came[0] if len(came) == 1 else b"".join(came)
        came.clear()
        self._framing = 0
        self._body_room -= len(body)
        if self.answer is None:
            raise Malformed("a body where there is none")
        if self._head_only:
            self.reusable = False  # the same, but the answer is whole
            return
        if self._body_room < 0:
            raise Malformed("the answer is too big")
        self.answer.put(body)

    # Called by httptools. What is raised here comes out of feed_data as its context.

    def on_message_begin(self) -> None:
        if self.complete:
            raise Malformed("a second answer follows the first")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_room -= len(name) + len(value) + 4  # the colon, a space, CR and LF
        if self._header_room < 0:
            raise Malformed("the header block is too big")
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        headers = self._headers
        self._headers = []  # trailers come later and go nowhere
        if 100 <= status < 200 and status != SWITCHING:  # noqa: PLR2004  # RFC 9110, 15.2
            self._interim_answers += 1
            if self._interim_answers > MOST_INTERIM_ANSWERS:
                raise Malformed("too many interim answers")
            return
        switches = status == SWITCHING and self.may_switch
        if not (200 <= status <= 599 or switches):  # noqa: PLR2004  # RFC 9110, section 15
            raise Malformed("no such status, or one that was not asked for")
        version = self._parser.get_http_version()
        length, chunked, is_stream, self.keep_alive = _framing(headers, version)
        has_body = not self._head_only and status not in {SWITCHING, 204, 304}
        self.until_close = has_body and length is None and not chunked
        self.reusable = self._parser.should_keep_alive() and not self._head_only
        self.complete = self._head_only
        self._body_room = float("inf") if is_stream else self._answer_bytes
        self._framing = 0
        if self.head.done():
            raise Malformed("nobody waits for the answer any more")
        loop = self.head.get_loop()
        self.answer = Answer(self._source, status, headers, length, loop)
        self.head.set_result(self.answer)

    def on_message_complete(self) -> None:
        # An interim answer was none, and what switches has no end that we see.
        self.complete = self.answer is not None and self.answer.status != SWITCHING


def _framing(
    headers: list[tuple[bytes, bytes]], version: str
) -> tuple[int | None, bool, bool, int | None]:
    """The declared length, whether the body is chunked, whether it is an event stream,
    and how many seconds the connection is kept (`Keep-Alive`)."""
    length = keep_alive = None
    chunked = is_stream = False
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            if chunked or version != "1.1" or value.strip().lower() != b"chunked":
                raise Malformed("a transfer coding other than chunked")
            chunked = True
        elif name == b"content-type":
            is_stream = value.lower().startswith(b"text/event-stream")
        elif name == b"keep-alive" and (said := _TIMEOUT.search(value.lower())):
            keep_alive = int(said[1])
    return length, chunked, is_stream, keep_alive


def _reason(wrong: Exception) -> str:
    """What is wrong in our words if we found it, else in the parser's."""
    found = wrong.__context__
    return str(found) if isinstance(found, Malformed) else str(wrong)
