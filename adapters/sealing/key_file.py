"""The private key of a log or a witness, in a file of its own.

One line, as the Go implementation of signed notes writes it:
`PRIVATE+KEY+<name>+<hash>+<base64 of the algorithm's byte and the 32 bytes of the key>`.
The key is not in the database on purpose: who can change what is sealed must not be able
to sign it as well.
"""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from adapters import crypto
from adapters.folders import names_to_disk
from domain.errors import BadSetup
from domain.sealing.notes import ED25519, NotANote, VerifierKey, decoded

PREFIX = "PRIVATE+KEY+"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key and the name it signs under."""

    name: str
    private: bytes
    algorithm: int = ED25519

    def __repr__(self) -> str:
        return f"SigningKey({self.name})"

    @property
    def public(self) -> VerifierKey:
        """What others verify with."""
        return VerifierKey(
            name=self.name,
            public=crypto.ed25519_public(self.private),
            algorithm=self.algorithm,
        )

    def sign(self, message: bytes) -> bytes:
        """The key's signature."""
        return crypto.ed25519_sign(self.private, message)


def write_new(path: Path, name: str, *, algorithm: int = ED25519) -> SigningKey:
    """A fresh key, for its owner's eyes only; raises `BadSetup` if a file is there."""
    key = SigningKey(name=name, private=crypto.random_key(), algorithm=algorithm)
    typed = b64encode(bytes([algorithm]) + key.private).decode()
    line = f"{PREFIX}{name}+{key.public.id.hex()}+{typed}\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w") as opened:
            opened.write(line)
            opened.flush()
            os.fsync(opened.fileno())
        names_to_disk(path.parent)
    except OSError as error:
        msg = f"The signing key {path} cannot be written: {error.strerror}."
        raise BadSetup(msg) from error
    return key


def read(path: Path) -> SigningKey:
    """The key of that file; `BadSetup` if it is none, or if others may read it."""
    try:
        text = path.read_text()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        msg = f"The signing key {path} cannot be read."
        raise BadSetup(msg) from error
    if mode & 0o077:
        msg = f"Others may read the signing key {path}: `chmod 600` it."
        raise BadSetup(msg)
    try:
        return _parsed(text)
    except (NotANote, ValueError):
        msg = f"{path} is no signing key, or was cut short."
        raise BadSetup(msg) from None  # without its cause, which may quote the key


def _parsed(text: str) -> SigningKey:
    name, _, rest = text.removeprefix(PREFIX).removesuffix("\n").partition("+")
    key_id, _, encoded = rest.partition("+")
    typed = decoded(encoded)
    key = SigningKey(name=name, private=typed[1:], algorithm=typed[0] if typed else 0)
    if not text.startswith(PREFIX) or key_id != key.public.id.hex():
        raise NotANote
    return key
