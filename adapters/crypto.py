"""Cryptography: the one module that touches primitives. Everything else asks here.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces, HKDF-SHA256 (RFC 5869),
HMAC-SHA256 (RFC 2104), Ed25519 (RFC 8032), and the operating system's random bytes. Nothing
here is our own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16


class DoesNotOpen(Exception):
    """Not what was sealed, or not under this key. Never says which."""


def random_key() -> bytes:
    """32 fresh random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def random_token(prefix: str) -> str:
    """A fresh token: the prefix, then 32 random bytes in base64url (43 characters)."""
    return prefix + secrets.token_urlsafe(KEY_BYTES)


def hkdf_sha256(key: bytes, *, info: bytes, length: int, salt: bytes = b"") -> bytes:
    """`length` bytes for one use (`info`), derived from a key that was random already."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(key)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """The keyed hash of a message: 32 bytes."""
    return hmac.digest(key, message, "sha256")


def sha256(message: bytes) -> bytes:
    """The plain hash of a message: 32 bytes."""
    return hashlib.sha256(message).digest()


def equal(one: bytes, other: bytes) -> bool:
    """Whether they are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def seal(key: bytes, plaintext: bytes, label: bytes) -> tuple[bytes, bytes]:
    """A fresh nonce and the ciphertext, which opens only under the same key and label."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce, _cipher(key).encrypt(nonce, plaintext, label)


def unseal(key: bytes, nonce: bytes, ciphertext: bytes, label: bytes) -> bytes:
    """What was sealed. `DoesNotOpen` if one bit of anything is another."""
    if len(nonce) != NONCE_BYTES or len(ciphertext) < TAG_BYTES:
        raise DoesNotOpen
    try:
        return _cipher(key).decrypt(nonce, ciphertext, label)
    except InvalidTag as error:
        raise DoesNotOpen from error


def ed25519_public(private: bytes) -> bytes:
    """The public key of a private one: 32 bytes each."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def ed25519_sign(private: bytes, message: bytes) -> bytes:
    """The signature: 64 bytes, the same for the same key and message."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(message)


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):  # ValueError: no point of the curve
        return False
    return True


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        # The library would take 16 and 24 bytes for AES-128 and AES-192.
        msg = f"a key has {KEY_BYTES} bytes"
        raise ValueError(msg)
    return AESGCM(key)
