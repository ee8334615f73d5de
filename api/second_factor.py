"""The second factor: codes of half a minute (TOTP, RFC 6238), and spare ones.

SHA-1, six digits: what every authenticator app reads. A code counts half a minute early or
late, and once.
"""

from __future__ import annotations

import secrets
from base64 import b32decode, b32encode

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from api.tokens import token_hash

SECRET_BYTES = 20
DIGITS = 6
STEP_SECONDS = 30
ISSUER = "Clawbot"
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # sixteen letters and digits


def new_secret() -> str:
    """Base32, as apps take it."""
    return b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def provisioning_uri(secret: str, account: str) -> str:
    """What an app reads from a QR code."""
    return _totp(secret).get_provisioning_uri(account, ISSUER)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The half minute since 1970 that the code is of, near now; None: it is wrong."""
    this = int(now // STEP_SECONDS)
    given, found = code.encode(), None
    for step in (this - 1, this, this + 1):
        right = _totp(secret).generate(step * STEP_SECONDS)
        if secrets.compare_digest(right, given):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Shown once; each is good once."""
    return [
        b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]


def recovery_hash(key: bytes, code: str) -> str:
    """What is kept of a recovery code, however it is written."""
    plain = code.replace("-", "").replace(" ", "").lower()
    return token_hash(key, f"recovery {plain}")


def _totp(secret: str) -> TOTP:
    return TOTP(b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - RFC 6238
