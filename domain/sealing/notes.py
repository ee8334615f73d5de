"""Signed notes (C2SP signed-note): text, and lines under it that say who signed it.

A key is known by its name and four bytes of a hash over name, algorithm and key. Two
algorithms: Ed25519 over the text (0x01), which a log signs with, and Ed25519 over the text
with a time (0x04, C2SP tlog-cosignature), which a witness signs with. The curve itself is
not here: whoever signs or verifies brings a function.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from domain.errors import Invalid

ED25519, COSIGNATURE = 1, 4
KEY_BYTES, ID_BYTES, TIME_BYTES = 32, 4, 8
MOST_BYTES = 100_000
MOST_SIGNATURES = 100
DASH = "\u2014 "

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes, bytes], bool]  # public key, message, signature


class NotANote(Invalid):
    """The text is no signed note, or no key, or is not written in the one right way."""

    code = "not-a-signed-note"


class NotSigned(Invalid):
    """None of the keys asked about signed it, or one of their signatures is false."""

    code = "not-signed"


@dataclass(frozen=True, kw_only=True)
class VerifierKey:
    """A public key that is known by name: `name+hash+key` as text."""

    name: str
    public: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or len(self.name.split()) != 1:
            raise NotANote
        if len(self.public) != KEY_BYTES or self.algorithm not in {ED25519, COSIGNATURE}:
            raise NotANote

    @property
    def id(self) -> bytes:
        """Its four bytes."""
        return sha256(self.name.encode() + b"\n" + self._typed()).digest()[:ID_BYTES]

    @property
    def text(self) -> str:
        """As it is handed to those who verify."""
        return f"{self.name}+{self.id.hex()}+{b64encode(self._typed()).decode()}"

    def _typed(self) -> bytes:
        return bytes([self.algorithm]) + self.public

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """The key of that text; `NotANote`."""
        name, _, rest = text.strip("\n").partition("+")
        _, _, typed = rest.partition("+")
        key = decoded(typed)
        found = cls(name=name, public=key[1:], algorithm=key[0] if key else 0)
        if found.text != text.strip("\n"):
            raise NotANote
        return found


@dataclass(frozen=True, kw_only=True)
class SignedNote:
    """A text that ends in a newline, and the signature lines under it, unverified."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]  # the key's name; its id and the signature

    @classmethod
    def parse(cls, note: str) -> SignedNote:
        """The note of that text; `NotANote`."""
        if len(note.encode(errors="replace")) > MOST_BYTES or not note.endswith("\n"):
            raise NotANote
        if any(ord(one) < ord(" ") and one != "\n" for one in note):
            raise NotANote
        text, blank, lines = note.rpartition("\n\n")
        if not blank:
            raise NotANote
        signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
        if len(signatures) > MOST_SIGNATURES:
            raise NotANote
        return cls(text=f"{text}\n", signatures=signatures)

    def signed_by(self, key: VerifierKey, verify: Verify) -> int | None:
        """When it was signed by the key, in seconds since 1970, or None if the algorithm
        has no time. `NotSigned` if it was not, or if one signature of the key is false."""
        found = [
            one[ID_BYTES:]
            for name, one in self.signatures
            if name == key.name and one[:ID_BYTES] == key.id
        ]
        if not found:
            raise NotSigned
        for signature in found:
            stamp, message = b"", self.text.encode()
            if key.algorithm == COSIGNATURE:
                stamp, signature = signature[:TIME_BYTES], signature[TIME_BYTES:]  # noqa: PLW2901
                message = cosigned(self.text, int.from_bytes(stamp))
            if not verify(key.public, message, signature):
                raise NotSigned
        return int.from_bytes(stamp) if stamp else None


def cosigned(text: str, seconds: int) -> bytes:
    """What a witness signs: the text and the time at which it did."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def signed(text: str, key: VerifierKey, sign: Sign) -> str:
    """The note: the text with one signature under it."""
    return f"{text}\n{signature_line(key, sign(text.encode()))}"


def cosignature_line(text: str, key: VerifierKey, sign: Sign, *, seconds: int) -> str:
    """The line that a witness adds under a note's others."""
    stamp = seconds.to_bytes(TIME_BYTES)
    return signature_line(key, stamp + sign(cosigned(text, seconds)))


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """A signature as a line of a note."""
    return f"{DASH}{key.name} {b64encode(key.id + signature).decode()}\n"


def decoded(text: str) -> bytes:
    """The bytes of padded base64 that is written in the one right way; `NotANote`."""
    try:
        found = b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise NotANote from error
    if b64encode(found).decode() != text:
        raise NotANote
    return found


def _signature(line: str) -> tuple[str, bytes]:
    name, _, text = line.removeprefix(DASH).partition(" ")
    signature = decoded(text)
    if not line.startswith(DASH) or not name or len(signature) <= ID_BYTES:
        raise NotANote
    return name, signature
