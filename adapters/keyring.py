"""The keyring: the master keys by id, how they are written, and which are refused.

`k2:<key>,k1:<key>`: the first seals from now on, the others open what they sealed. A key is
32 random bytes, as base64 or as 64 hex digits. A single key may stand without an id; its
id is then `k` and the first eight hex digits of its SHA-256, and it has to be listed under
that id once a newer key stands in front of it.

A refusal says what is wrong and with which entry, and never a part of what it read.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from adapters import crypto
from domain.errors import BadSetup

FEWEST_DIFFERENT: Final = 8  # bytes; 32 random ones have about 30 different values
AN_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,15}")
A_HEX_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")
PRINTABLE: Final = range(0x20, 0x7F)

_HASHED_WORDS: Final = (
    *(b"", b"changeme", b"change-me", b"clawbot", b"default", b"example", b"key"),
    *(b"master", b"masterkey", b"password", b"sample", b"secret", b"test"),
)

# Keys that are printed somewhere. Text and runs of numbers are refused by rule, below.
SAMPLES: Final = frozenset(
    {
        # FIPS 197 and SP 800-38A, the AES-256 examples
        bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
        # the GCM specification, test cases 15 and 16
        bytes.fromhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
        # our README: the SHA-256 of this sentence
        crypto.sha256(b"ClawBotManager sample key: make your own"),
        *map(crypto.sha256, _HASHED_WORDS),
    }
)


class Keyring:
    """The master keys by id; the first one seals. Its keys are not printed."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self.primary = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._keys)})"

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def kek(self, kek_id: str, instance_id: UUID) -> bytes:
        """The key that wraps data keys in this instance."""
        return self._derive(kek_id, instance_id, b"kek/v1", crypto.KEY_BYTES)

    def check_value(self, kek_id: str, instance_id: UUID) -> bytes:
        """16 bytes that tell this key from another, and nothing about it."""
        return self._derive(kek_id, instance_id, b"kcv/v1", 16)

    def _derive(self, kek_id: str, instance_id: UUID, info: bytes, length: int) -> bytes:
        master = self._keys[kek_id]
        return crypto.hkdf_sha256(master, salt=instance_id.bytes, info=info, length=length)


def parse(text: str, source: str) -> Keyring:
    """The keyring that the text says; `BadSetup` names the source and the entry."""
    entries = [entry.strip() for entry in text.strip().split(",")]
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"{source}, entry {number} of {len(entries)}:"
        name, colon, value = entry.rpartition(":")
        key = _decoded(value.strip(), where)
        _refuse_guessable(key, where)
        if not colon and len(entries) == 1:
            name = f"k{crypto.sha256(key).hex()[:8]}"
        _refuse_unclear(name, key, keys, where)
        keys[name] = key
    return Keyring(keys)


def _refuse_unclear(
    name: str, key: bytes, earlier: Mapping[str, bytes], where: str
) -> None:
    if not name:
        msg = f"{where} each of several keys needs an id in front, as in `k2:`."
        raise BadSetup(msg)
    if not AN_ID.fullmatch(name):
        msg = (
            f"{where} the id before the colon must be at most 16 lower-case letters, "
            "digits and hyphens, and start with a letter."
        )
        raise BadSetup(msg)
    if name in earlier:
        msg = f"{where} its id stands before another key too."
        raise BadSetup(msg)
    if any(crypto.equal(key, other) for other in earlier.values()):
        msg = f"{where} the same key stands under another id."
        raise BadSetup(msg)


def _decoded(value: str, where: str) -> bytes:
    if not value:
        msg = f"{where} there is no key."
        raise BadSetup(msg)
    if A_HEX_KEY.fullmatch(value):
        return bytes.fromhex(value)
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        msg = f"{where} the key is neither base64 nor 64 hex digits."
        raise BadSetup(msg) from None  # the cause may quote what it read
    if len(key) < crypto.KEY_BYTES:
        msg = f"{where} the key is too short: {len(key)} bytes, not {crypto.KEY_BYTES}."
        raise BadSetup(msg)
    if len(key) > crypto.KEY_BYTES:
        msg = f"{where} the key is too long: {len(key)} bytes, not {crypto.KEY_BYTES}."
        raise BadSetup(msg)
    return key


def _refuse_guessable(key: bytes, where: str) -> None:
    steps = {(after - before) % 256 for before, after in itertools.pairwise(key)}
    if steps == {0}:
        reason = "one byte over and over"
    elif key in SAMPLES or len(steps) == 1:
        reason = "a published sample"
    elif all(byte in PRINTABLE for byte in key):
        reason = "text, not random bytes"
    elif len(set(key)) < FEWEST_DIFFERENT:
        reason = "too few different bytes to be random"
    else:
        return
    msg = f"{where} the key is {reason}. `openssl rand -base64 32` makes a good one."
    raise BadSetup(msg)
