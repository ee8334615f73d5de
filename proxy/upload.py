"""A form on its way to the vendor: read as far as must be known, then passed on.

Of a form that costs something the model must be known before the call is admitted. Where
it stands before the first file, as clients write it, no more is read by then; else the
form is read to its end like any body. What follows is read along: a second model, or what
another reader could take differently, stops the form before its end, so that the vendor
never has all of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.catalog import Target
from proxy.form import Form
from proxy.incoming import (
    MAX_BODY,
    NOTHING_ASKED,
    Asked,
    BodyTooLarge,
    ClientLeft,
    Receive,
    declared_length,
)

MOST_READ_BEFORE = 64 * 1024  # bytes; by then a form has named its model, or is read whole


class Upload:
    """What is left of a form, with what was read of it in front; it can be read once."""

    def __init__(self, length: int | None, form: Form | None, receive: Receive) -> None:
        self.length = length  # None: it comes in chunks
        self.begun = False  # some of it was handed on
        self.held = b""  # read, and not handed on
        self.whole = False  # nothing more will come
        self._form = form
        self._receive = receive
        self._came = 0

    @property
    def asked(self) -> Asked:
        """What the form asks for, as far as it was read."""
        return NOTHING_ASKED if self._form is None else self._form.asked

    @property
    def size(self) -> int:
        """Its bytes, as declared or else as they have come."""
        return self._came if self.length is None else self.length

    @property
    def most(self) -> int:
        """The bytes that it can have."""
        return MAX_BODY if self.length is None else self.length

    async def read(self) -> bytes:
        """The next piece, b"" at the end.

        Raises `ClientLeft`, `BodyTooLarge` and `NotReadable`, all before its last byte.
        """
        self.begun = True
        while not (self.held or self.whole):
            await self.read_on()
        piece, self.held = self.held, b""
        return piece

    async def read_on(self) -> None:
        """More of it is held."""
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientLeft
        piece: bytes = message.get("body", b"")
        self._came += len(piece)
        if self._came > MAX_BODY:
            raise BodyTooLarge
        last = not message.get("more_body")
        if self._form is not None:
            self._form.feed(piece)
            if last:
                self._form.end()
        self.held += piece
        self.whole = last

    def names_its_model(self) -> bool:
        """Whether the model was read, if there is anybody who reads it."""
        return self._form is None or self._form.model is not None

    def may_name_it_soon(self) -> bool:
        """Whether it is worth reading on for the model, a little."""
        if self.whole or self._form is None or self._form.file_begun:
            return False
        return self._came < MOST_READ_BEFORE


async def begun(target: Target, headers: Mapping[bytes, bytes], receive: Receive) -> Upload:
    """The form, read until it is known what it asks for; `Refused` or `ClientLeft`."""
    length = declared_length(headers)
    if not target.endpoint.metered:
        return Upload(length, None, receive)
    upload = Upload(length, Form(headers.get(b"content-type", b"")), receive)
    while upload.may_name_it_soon():
        await upload.read_on()
    if target.model is None and not upload.names_its_model():
        pieces = [await upload.read()]
        while not upload.whole:
            pieces.append(await upload.read())
        upload.held, upload.begun = b"".join(pieces), False
    return upload
