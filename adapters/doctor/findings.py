"""What a check of the installation finds, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is; `clawbot doctor` leaves with 1 if something failed."""

    OK = "ok"
    SKIPPED = "skipped"  # it is not used here, or cannot be looked at
    WARNING = "warning"  # it works, and something better is known
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; the advice says what to do about it."""

    name: str
    level: Level
    message: str
    advice: str = ""


Findings = Iterator[Finding]


def fine(name: str, message: str) -> Finding:
    return Finding(name=name, level=Level.OK, message=message)


def skipped(name: str, message: str) -> Finding:
    return Finding(name=name, level=Level.SKIPPED, message=message)


def warned(name: str, message: str, advice: str) -> Finding:
    return Finding(name=name, level=Level.WARNING, message=message, advice=advice)


def failed(name: str, message: str, advice: str) -> Finding:
    return Finding(name=name, level=Level.FAILED, message=message, advice=advice)
