"""A little HTTP server that has what it was given, by path and query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.little_server import Answering, little_server


@dataclass
class FileServer:
    """Where it answers, what it has, and what it was asked."""

    url: str
    files: Mapping[str, bytes]
    asked: list[str] = field(default_factory=list)


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[FileServer]:
    """A server on this machine, until the block ends."""

    class Handler(Answering):
        def get(self) -> None:
            known.asked.append(self.path)
            content = known.files.get(self.path)
            self.answer(404 if content is None else 200, content or b"")

    with little_server(Handler) as url:
        known = FileServer(url=url, files=files)
        yield known
