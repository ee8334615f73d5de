"""Answers to writes, kept in memory. A write that is running counts as carried out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from application.idempotency import (
    Answer,
    Carried,
    KeyIsInUse,
    KeyIsReused,
    Write,
    is_told_of,
)


@dataclass
class _Record:
    """One write while it runs, and what it was answered."""

    request_hash: bytes
    answer: Answer | None = None
    committed: bool = False  # units of work are not told apart here

    def keep(self, answer: Answer) -> None:
        self.answer = answer


class MemoryIdempotency:
    """Plays `IdempotencyStore`."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}
        self._lock = threading.Lock()

    def find(self, write: Write) -> Answer | None:
        record = self._records.get((write.scope, write.key))
        if record is None:
            return None
        if record.request_hash != write.request_hash:
            raise KeyIsReused
        if record.answer is None:
            raise KeyIsInUse
        return record.answer

    def forget(self, principal: str) -> None:
        for place in [one for one in self._records if is_told_of(one[0], principal)]:
            del self._records[place]

    @contextmanager
    def along(self, write: Write) -> Iterator[Carried]:
        place, record = (write.scope, write.key), _Record(write.request_hash)
        with self._lock:
            if place in self._records:
                raise KeyIsInUse
            self._records[place] = record
        try:
            yield record
        finally:
            if record.answer is None:
                self._records.pop(place, None)
