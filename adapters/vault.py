"""The vault's envelope: how a secret is sealed, and what it is bound to.

    KEK                = HKDF(master key, salt = instance id, "kek/v1")
    wrapped_dek        = AES-256-GCM(KEK, wrap_nonce, DEK, label + kek_id)
    enc_key ‖ commit   = HKDF(DEK, "dek/v1", 64 bytes)
    ct                 = AES-256-GCM(enc_key, nonce, padded secret, label)

Each record has a data key (DEK) of its own that encrypts once. The label is everything
that a `SecretRef` says: a record moved to another row, team, version, vendor or origin does
not open. The commitment is compared first, because GCM alone does not promise that a
record opens under one key only. `commit` is called `commitment` here and in SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol
from uuid import UUID

from cryptography.hazmat.primitives.padding import PKCS7

from adapters import crypto
from adapters.crypto import DoesNotOpen
from adapters.keyring import Keyring
from application.ports import SecretRef

PADDED_TO_BITS = 64 * 8  # the length of a secret is told in steps of 64 bytes only
FINGERPRINT_BYTES = 16

KeyPurpose = Literal[
    "token", "email", "sign-in", "cursor", "link", "fingerprint", "key-check", "door"
]


class InstanceKeys(Protocol):
    """Random keys of this instance, each for one purpose and the same for ever.

    `token` hashes tokens, `email` hashes addresses, `sign-in` is the Ed25519 seed of access
    tokens, `cursor` signs cursors, `link` signs links that are mailed, `fingerprint` finds
    equal secrets of a team, `key-check` lets the worker ask the proxy to check a provider
    key, and `door` lets api and proxy ask the worker.
    """

    def get(self, purpose: KeyPurpose) -> bytes:
        """32 bytes, made by whoever asks first; `Unavailable` if they cannot be had."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealed:
    """A sealed record, as its row holds it."""

    kek_id: str
    wrap_nonce: bytes
    wrapped_dek: bytes
    nonce: bytes
    ct: bytes
    commitment: bytes


class Envelope:
    """Seals under the keyring's first key; opens under any of them."""

    def __init__(self, keyring: Keyring, instance_id: UUID) -> None:
        self.instance_id = instance_id
        self._primary = keyring.primary
        self._keks = {kek_id: keyring.kek(kek_id, instance_id) for kek_id in keyring.ids}

    def seal(self, ref: SecretRef, secret: bytes) -> Sealed:
        """The record, under a data key of its own."""
        dek, label = crypto.random_key(), _label(ref)
        enc_key, commitment = _split(dek)
        nonce, ct = crypto.seal(enc_key, _pad(secret), label)
        wrap_nonce, wrapped_dek = self._wrap(dek, label)
        return Sealed(
            kek_id=self._primary,
            wrap_nonce=wrap_nonce,
            wrapped_dek=wrapped_dek,
            nonce=nonce,
            ct=ct,
            commitment=commitment,
        )

    def open(self, ref: SecretRef, sealed: Sealed) -> bytes:
        """The secret; `DoesNotOpen` if the record is not what was sealed for `ref`."""
        label = _label(ref)
        enc_key, commitment = _split(self._unwrap(sealed, label))
        if not crypto.equal(commitment, sealed.commitment):
            raise DoesNotOpen
        return _unpad(crypto.unseal(enc_key, sealed.nonce, sealed.ct, label))

    def rewrap(self, ref: SecretRef, sealed: Sealed) -> Sealed:
        """The same record, its data key under the first key. `DoesNotOpen` as in `open`."""
        label = _label(ref)
        wrap_nonce, wrapped_dek = self._wrap(self._unwrap(sealed, label), label)
        return replace(
            sealed, kek_id=self._primary, wrap_nonce=wrap_nonce, wrapped_dek=wrapped_dek
        )

    def _wrap(self, dek: bytes, label: bytes) -> tuple[bytes, bytes]:
        kek = self._keks[self._primary]
        return crypto.seal(kek, dek, label + _field(self._primary.encode()))

    def _unwrap(self, sealed: Sealed, label: bytes) -> bytes:
        kek = self._keks.get(sealed.kek_id)
        if kek is None:
            raise DoesNotOpen
        bound = label + _field(sealed.kek_id.encode())
        return crypto.unseal(kek, sealed.wrap_nonce, sealed.wrapped_dek, bound)


def instance_key_ref(instance_id: UUID, purpose: str) -> SecretRef:
    """What an instance key is bound to. No secret of a team can have such a purpose."""
    return SecretRef(
        team_id=instance_id,
        id=instance_id,
        version=1,
        purpose=f"instance-key/{purpose}",
        vendor="",
        origin="",
    )


def person_ref(instance_id: UUID, user_id: UUID) -> SecretRef:
    """What a person's record is bound to: the user and this instance, but no team."""
    return SecretRef(
        team_id=instance_id, id=user_id, version=1, purpose="subject", vendor="", origin=""
    )


def fingerprint(key: bytes, team_id: UUID, secret: bytes) -> bytes:
    """16 bytes that are equal for equal secrets of one team, and tell nothing else."""
    return crypto.hmac_sha256(key, team_id.bytes + secret)[:FINGERPRINT_BYTES]


def _label(ref: SecretRef) -> bytes:
    """One encoding for each reference: every field has its length in front."""
    fields = (
        ref.team_id.bytes,
        ref.id.bytes,
        ref.version.to_bytes(4),
        ref.purpose.encode(),
        ref.vendor.encode(),
        ref.origin.encode(),
    )
    return b"vault/v1" + b"".join(map(_field, fields))


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def _split(dek: bytes) -> tuple[bytes, bytes]:
    derived = crypto.hkdf_sha256(dek, info=b"dek/v1", length=2 * crypto.KEY_BYTES)
    return derived[: crypto.KEY_BYTES], derived[crypto.KEY_BYTES :]


def _pad(secret: bytes) -> bytes:
    padder = PKCS7(PADDED_TO_BITS).padder()
    return padder.update(secret) + padder.finalize()


def _unpad(padded: bytes) -> bytes:
    unpadder = PKCS7(PADDED_TO_BITS).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise DoesNotOpen from error
