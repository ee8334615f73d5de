"""Passwords: argon2id, at most four at once, and none of the common ones.

The only rule about their content is the list: what is on it, with or without digits and
signs around, or written twice, is refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from threading import BoundedSemaphore

from pwdlib.hashers.argon2 import Argon2Hasher

from domain.errors import InvalidFields, Unavailable

LENGTH = range(12, 1025)  # bytes in UTF-8
AT_ONCE = 4
WAIT_SECONDS = 5
MEMORY_KIB = 19456

_hasher = Argon2Hasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
_slots = BoundedSemaphore(AT_ONCE)


def check_password(password: str) -> None:
    """Refuse a password that is too short, too long or too common."""
    if len(password.encode()) < LENGTH.start:
        raise InvalidFields(password="too-short")  # noqa: S106 - a code, no password
    if len(password.encode()) not in LENGTH:
        raise InvalidFields(password="too-long")  # noqa: S106
    if is_common(password):
        raise InvalidFields(password="too-common")  # noqa: S106


def is_common(password: str) -> bool:
    """Whether many others have it, or nearly."""
    text = password.casefold()
    return any(
        core in _common() or core in _twice()
        for core in (text, text.strip("0123456789!?.,;:_-+*#@$%&=/ "))
    )


def hash_password(password: str) -> str:
    """What is kept of it; `Unavailable` if too many ask at once."""
    with _slot():
        return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the one; takes as long when there is none to compare it with."""
    if len(password.encode()) not in LENGTH:
        password, password_hash = "", None
    with _slot():
        nobodys = _nobodys()  # first, so that it is never made for one of them only
        return _hasher.verify(password, password_hash or nobodys) and bool(password_hash)


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_SECONDS):
        msg = "too many sign-ins at once"
        raise Unavailable(msg)
    try:
        yield
    finally:
        _slots.release()


@cache
def _nobodys() -> str:
    return _hasher.hash(secrets.token_urlsafe())


@cache
def _common() -> frozenset[str]:
    text = files("api").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.split())


@cache
def _twice() -> frozenset[str]:
    return frozenset(word + word for word in _common()) | frozenset(
        word * 3 for word in _common()
    )
