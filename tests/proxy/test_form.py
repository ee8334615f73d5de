"""Forms: what is read of them, and what two readers could take differently is refused."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.form import LONGEST_HEAD, LONGEST_VALUE, MOST_PARTS, Form, is_form
from proxy.incoming import Asked, NotReadable

TYPE = b"multipart/form-data; boundary=b"
FILE = b'content-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'


def read_form(content_type: bytes, body: bytes) -> Asked:
    form = Form(content_type)
    form.feed(body)
    form.end()
    return form.asked


def part(name: str, value: bytes, *headers: str) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{name}"', *headers]
    return b"--b\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(parts) + end


SOUND = b"--b\r\n" + FILE + b"\0\r\n-\r\n--\xff" * 50 + b"\r\n"
WHISPER = form(part("model", b"whisper-1"), part("stream", b"true"), SOUND)


def test_model_and_stream_are_read_wherever_they_stand() -> None:
    expected = Asked(model="whisper-1", stream=True)
    assert read_form(TYPE, WHISPER) == expected
    behind = form(SOUND, part("stream", b"TRUE"), part("model", b"whisper-1"))
    assert read_form(TYPE, behind) == expected
    assert read_form(TYPE, form(SOUND, end=b"--b--")) == Asked()
    said = form(part("stream", b"false"), part("prompt", b"model"))
    assert read_form(TYPE, said) == Asked(stream=False)


def test_what_http_clients_send_is_read() -> None:
    request = httpx.Request(
        "POST",
        "http://a/",
        data={"model": "gpt-4o-transcribe", "timestamp_granularities[]": "word"},
        files={"file": ('so"und.mp3', b"\x00" * 100, "audio/mpeg")},
    )
    request.read()
    kind = request.headers["content-type"].encode()
    assert read_form(kind, request.content) == Asked(model="gpt-4o-transcribe")


@pytest.mark.parametrize(
    "headers",
    [
        ("content-type: text/plain",),
        ("content-type: text/plain; charset=utf-8", "content-transfer-encoding: 8bit"),
        ("Content-Type: TEXT/PLAIN;charset=UTF-8", "Content-Length: 5"),
    ],
)
def test_a_value_may_say_that_it_is_text(headers: tuple[str, ...]) -> None:
    assert read_form(TYPE, form(part("model", "zä".encode(), *headers))).model == "zä"


@given(st.data())
def test_a_form_reads_alike_however_it_is_cut(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(WHISPER)), max_size=30)))
    reader, start = Form(TYPE), 0
    for cut in [*cuts, len(WHISPER)]:
        reader.feed(WHISPER[start:cut])
        start = cut
    reader.end()
    assert reader.asked == Asked(model="whisper-1", stream=True)
    assert reader.file_begun


MODEL = part("model", b"m")
REFUSED = {
    "text before": b"x" + form(MODEL),
    "a line before": b"\r\n" + form(MODEL),
    "json": b'{"model":"m"}',
    "text behind": form(MODEL) + b"x",
    "a second form behind": form(MODEL) + form(MODEL),
    "no end": MODEL,
    "nothing": b"",
    "the name twice": form(MODEL, part("model", b"n")),
    "stream twice": form(part("stream", b"true"), SOUND, part("stream", b"false")),
    "a model behind the file": form(MODEL, SOUND, MODEL),
    "another case": form(part("Model", b"m")),
    "a list": form(part("model[]", b"m")),
    "blanks": form(part(" model", b"m")),
    "a percent sign": form(part("%6dodel", b"m")),
    "a backslash": form(part("mo\\del", b"m")),
    "another charset": form(part("_charset_", b"utf-16")),
    "a value in base64": form(part("model", b"bQ==", "content-transfer-encoding: base64")),
    "a value in UTF-16": form(part("model", b"m\0", "content-type: text/plain; charset=x")),
    "a value in JSON": form(part("model", b'"m"', "content-type: application/json")),
    "a file": b"--b\r\n" + FILE.replace(b"file", b"model", 1) + b"m\r\n--b--",
    "not UTF-8": form(part("model", b"\xff")),
    "not printable": form(part("model", b"a\nb")),
    "a long name": form(part("model", b"m" * (LONGEST_VALUE + 1))),
    "no name": b"--b\r\ncontent-disposition: form-data\r\n\r\nm\r\n--b--",
    "no quotes": b"--b\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n--b--",
    "no headers": b"--b\r\n\r\nm\r\n--b--",
    "a repeated header": form(part("a", b"m", 'content-disposition: form-data; name="b"')),
    "a folded header": form(part("a", b"m", "content-type: a", " b")),
    "a bare LF in the head": form(part("a", b"m", "x: y\nz: a")),
    "a delimiter behind a bare LF": form(part("a", b'x\n--b\nx; name="model"\n\nm')),
    "a delimiter in a line": form(part("a", b"x --b")),
    "a delimiter with more behind it": form(part("a", b"x\r\n--bc")),
    "a delimiter with blanks behind it": form(part("a", b"x\r\n--b \r\n")),
    "a delimiter right behind the head": b"--b\r\n" + FILE + b"--b--",
    "a delimiter in the head": form(part("a", b"x", "--b: x")),
    "an endless head": form(part("a", b"x", "y: " + "z" * LONGEST_HEAD)),
    "very many parts": form(part("a", b"") * (MOST_PARTS + 1)),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read_form(TYPE, body)


@pytest.mark.parametrize(
    ("kind", "is_read"),
    [
        (b"multipart/form-data; boundary=b", True),
        (b"Multipart/Form-Data;boundary=b", True),
        (b'multipart/form-data; boundary="b"; charset=utf-8', True),
        (b"multipart/form-data", False),
        (b"multipart/form-data; boundary=", False),
        (b"multipart/form-data; boundary=b; boundary=c", False),
        (b"multipart/form-data; boundary=b; Boundary=c", False),
        (b"multipart/form-data; boundary=b, multipart/form-data; boundary=c", False),
        (b"multipart/form-data; boundary=b; charset=utf-16", False),
        (b"multipart/form-data; boundary*=utf-8''b", False),
        (b"multipart/form-data; boundary=" + b"b" * 71, False),
        (b"multipart/mixed; boundary=b", False),
    ],
)
def test_the_delimiter_is_what_the_header_says_in_one_way(
    kind: bytes, *, is_read: bool
) -> None:
    assert is_form(kind) == (b"mixed" not in kind)
    if is_read:
        assert read_form(kind, WHISPER).model == "whisper-1"
    else:
        with pytest.raises(NotReadable):
            read_form(kind, WHISPER)


@given(st.binary(max_size=80) | st.text('-b\r\n:;="model', max_size=80).map(str.encode))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    for start in (b"", b"--b\r\n", b"--b\r\n" + FILE):
        try:
            read_form(TYPE, start + body)
        except NotReadable:
            continue
        assert (start + body).rstrip(b"\r\n").endswith(b"--b--")


def test_a_long_file_is_not_held() -> None:
    reader = Form(TYPE)
    reader.feed(part("model", b"m") + b"--b\r\n" + FILE)
    for _ in range(100):
        reader.feed(b"x" * 100_000)
    assert len(reader._held) < 100  # noqa: SLF001
    reader.feed(b"\r\n--b--")
    reader.end()
