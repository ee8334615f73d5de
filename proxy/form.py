"""Reads along in a form (multipart/form-data, RFC 7578): which model, and whether a stream.

The vendor will read the same bytes with a reader of its own. What two readers could take
differently is refused, not mended: text around the parts, a delimiter that is not on a line
of its own, folded or repeated headers, names in quotes of quotes, codings of a value, a
name that stands twice. Files pass through unread, but for the delimiter.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from proxy.incoming import Asked, NotReadable, is_name

LONGEST_HEAD = 8 * 1024  # bytes of one part's headers
LONGEST_VALUE = 1024  # bytes of a value that we read
MOST_PARTS = 1000

_MODEL, _STREAM = b"model", b"stream"
_READ = frozenset({_MODEL, _STREAM})
_TYPE = re.compile(
    rb"multipart/form-data((?:; ?[a-z-]+=(?:[\w'+.-]+|\"[\w'()+,./:=?-]+\"))+)",
    re.IGNORECASE,
)
_PARAMETER = re.compile(rb"; ?([a-zA-Z-]+)=\"?([^\";]+)")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")
_DISPOSITION = re.compile(
    rb"form-data; ?name=\"([^\"\\%]*)\""
    rb"(; ?filename=\"(?:[^\"\\]|\\.)*\")?(; ?filename\*=[!-:<-~]+)?",
    re.IGNORECASE,
)
_TEXT = re.compile(rb"text/plain(; ?charset=\"?(utf-8|us-ascii)\"?)?", re.IGNORECASE)
_AS_IT_IS = frozenset({b"7bit", b"8bit", b"binary"})
_SAID = {b"true": True, b"1": True, b"false": False, b"0": False}
_LINE_END, _BLANK_LINE = b"\r\n", b"\r\n\r\n"


class _State(Enum):
    BEGINNING = auto()
    HEAD = auto()
    BODY = auto()
    BEHIND = auto()  # the delimiter: another part, or the end
    END = auto()


class Form:
    """A form, fed piece by piece; holds no more than a part's head and a short value."""

    def __init__(self, content_type: bytes) -> None:
        """`NotReadable` if that is not the type of a form."""
        self.file_begun = False  # what follows may be long
        self.model: str | None = None
        self.stream: bool | None = None
        self._dashes = b"--" + _boundary(content_type)
        self._state = _State.BEGINNING
        self._held = bytearray()  # not looked at yet
        self._name: bytes | None = None  # of the part, if its value is read
        self._value = bytearray()
        self._seen: set[bytes] = set()
        self._parts = 0

    @property
    def asked(self) -> Asked:
        """What the form asks for, as far as it was read."""
        return Asked(model=self.model, stream=self.stream)

    def feed(self, data: bytes) -> None:
        """Read on; `NotReadable`, and then nothing more of it must reach the vendor."""
        self._held += data
        while self._step():
            pass

    def end(self) -> None:
        """There is no more; `NotReadable` if the form is not whole."""
        if self._state is not _State.END:
            raise NotReadable

    def _step(self) -> bool:
        """Take one thing in; False when more bytes are needed for it."""
        match self._state:
            case _State.BEGINNING:
                return self._first_line()
            case _State.HEAD:
                return self._head()
            case _State.BODY:
                return self._body()
            case _State.BEHIND:
                return self._behind()
            case _State.END:
                if not _LINE_END.startswith(bytes(self._held)):
                    raise NotReadable
                return False

    def _first_line(self) -> bool:
        first = self._dashes + _LINE_END
        if not first.startswith(bytes(self._held[: len(first)])):
            raise NotReadable
        return self._took(len(first), _State.HEAD)

    def _behind(self) -> bool:
        if len(self._held) < len(_LINE_END):
            return False
        if self._held.startswith(b"--"):
            return self._took(2, _State.END)
        if not self._held.startswith(_LINE_END):
            raise NotReadable
        return self._took(2, _State.HEAD)

    def _took(self, size: int, state: _State) -> bool:
        if len(self._held) < size:
            return False
        del self._held[:size]
        self._state = state
        return True

    def _head(self) -> bool:
        end = self._held.find(_BLANK_LINE, 0, LONGEST_HEAD)
        if end < 0:
            if len(self._held) >= LONGEST_HEAD:
                raise NotReadable
            return False
        self._begin(bytes(self._held[:end]))
        return self._took(end + len(_BLANK_LINE), _State.BODY)

    def _body(self) -> bool:
        """Pass over the part's body, up to the delimiter or to where one may begin."""
        held, dashes = self._held, self._dashes
        at = held.find(dashes)
        if at < 0:
            safe = max(0, len(held) - len(dashes) - len(_LINE_END) + 1)
            if self._name is not None:
                self._keep(held[:safe])
            del held[:safe]
            return False
        if held[max(0, at - 2) : at] != _LINE_END:
            raise NotReadable
        if self._name is not None:
            self._keep(held[: at - 2])
            self._read()
        return self._took(at + len(dashes), _State.BEHIND)

    def _begin(self, head: bytes) -> None:
        """A part with these headers begins."""
        self._parts += 1
        named: dict[bytes, bytes] = {}
        if self._dashes in head:
            raise NotReadable
        for line in head.split(_LINE_END):
            found = _HEADER.fullmatch(line)
            if found is None or found[1].lower() in named:
                raise NotReadable
            named[found[1].lower()] = found[2].strip(b" \t")
        disposition = _DISPOSITION.fullmatch(named.get(b"content-disposition", b""))
        if disposition is None or self._parts > MOST_PARTS:
            raise NotReadable
        name, is_file = disposition[1], bool(disposition[2] or disposition[3])
        self.file_begun = self.file_begun or is_file
        plain_name = name.strip().lower().partition(b"[")[0]
        self._name = None
        if plain_name in _READ:
            coding = named.get(b"content-transfer-encoding", b"binary").lower()
            is_text = _TEXT.fullmatch(named.get(b"content-type", b"text/plain"))
            if is_file or name in self._seen or name != plain_name:
                raise NotReadable
            if coding not in _AS_IT_IS or is_text is None:
                raise NotReadable
            self._name = name
            self._seen.add(name)
        elif plain_name == b"_charset_":
            raise NotReadable

    def _keep(self, data: bytes | bytearray) -> None:
        self._value += data
        if len(self._value) > LONGEST_VALUE:
            raise NotReadable

    def _read(self) -> None:
        """The part is over: what it said, if that is read."""
        value = bytes(self._value)
        self._value.clear()
        if self._name == _STREAM:
            self.stream = _SAID.get(value.lower())
        elif self._name == _MODEL:
            try:
                self.model = value.decode()
            except UnicodeDecodeError as error:
                raise NotReadable from error
            if not is_name(self.model):
                raise NotReadable


def is_form(content_type: bytes) -> bool:
    """Whether the body calls itself a form, readable or not."""
    return content_type.lstrip()[:19].lower() == b"multipart/form-data"


def _boundary(content_type: bytes) -> bytes:
    found = _TYPE.fullmatch(content_type.strip())
    parameters = _PARAMETER.findall(found[1]) if found else []
    named: dict[bytes, bytes] = {name.lower(): value for name, value in parameters}
    charset = named.pop(b"charset", b"utf-8").lower()
    boundary = named.pop(b"boundary", b"")
    if not 0 < len(boundary) <= 70 or named or charset != b"utf-8":  # noqa: PLR2004  # RFC 2046
        raise NotReadable
    if len(parameters) != len({name.lower() for name, _ in parameters}):
        raise NotReadable
    return boundary
