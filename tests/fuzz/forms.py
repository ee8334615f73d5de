"""What must hold of a form: cut anywhere it reads alike, and as the library reads it."""

from __future__ import annotations

from collections.abc import Iterable
from email.parser import BytesParser
from email.policy import HTTP
from itertools import pairwise

from proxy.form import Form
from proxy.incoming import Asked, NotReadable

KIND = b"multipart/form-data; boundary=b"
# A form is spelled in words: bytes that are none would hardly ever come to a second part.
WORDS = (
    *(b"--b\r\n", b"\r\n--b\r\n", b"\r\n--b--", b"\r\n", b"\r\n\r\n", b"\n", b"--b", b" "),
    *(b'Content-Disposition: form-data; name="model"\r\n\r\n', b"m", b"true", b"\0\xff"),
    *(b'Content-Disposition: form-data; name="stream"\r\n\r\n', b'; filename="a"', b'"'),
    *(b'Content-Disposition: form-data; name="', b"model", b"Content-Type: text/plain"),
    b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n',
)  # fmt: skip


def form(data: bytes) -> None:
    """Bytes: two places to cut at; then words."""
    if len(data) < 2:
        return
    text = b"--b\r\n" + b"".join(WORDS[byte % len(WORDS)] for byte in data[2:])
    places = sorted({0, data[0] % (len(text) + 1), data[1] % (len(text) + 1), len(text)})
    found = _read([text])
    assert _read(text[start:end] for start, end in pairwise(places)) == found
    assert _read(bytes([byte]) for byte in text) == found
    if found is not None:
        assert found.model == _by_the_library(text)


def _read(pieces: Iterable[bytes]) -> Asked | None:
    reader = Form(KIND)
    try:
        for piece in pieces:
            reader.feed(piece)
        reader.end()
    except NotReadable:
        return None
    return reader.asked


def _by_the_library(text: bytes) -> str | None:
    message = BytesParser(policy=HTTP).parsebytes(
        b"content-type: " + KIND + b"\r\n\r\n" + text
    )
    models = [
        part.get_payload(decode=True)
        for part in message.iter_parts()
        if part.get_param("name", header="content-disposition") == "model"
    ]
    assert len(models) <= 1
    return models[0].decode() if models and isinstance(models[0], bytes) else None
