"""The file: a zip whose parts are streamed, and last a manifest with the SHA-256 of each.

A file without its manifest is no backup: what was cut short or changed is refused before
it is used. It is written beside its place and renamed once it is whole and on disk.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import RawIOBase
from pathlib import Path
from typing import IO, Any

from adapters.folders import names_to_disk
from domain.errors import BadSetup

FORM = 2
MANIFEST = "manifest.json"
CHUNK = 1 << 18
LEVEL = 1  # ciphertexts and hashes cannot be pressed much; the rest gives way at once
# What a zip that is odd somewhere is told by; RuntimeError: it claims to be encrypted.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError)
ODD = (*UNREADABLE, RuntimeError, zipfile.BadZipFile, zlib.error)

Written = bytes | bytearray | memoryview


class Writer:
    """Parts one after another; `close_with` makes them a backup."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._hashes: dict[str, str] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[HashedPart]:
        """A part to write to, whose length nobody knows yet."""
        with self._file.open(name, "w", force_zip64=True) as opened:
            hashed = HashedPart(opened)
            yield hashed
        self._hashes[name] = hashed.digest

    def close_with(self, told: dict[str, Any]) -> None:
        """The manifest is the last part."""
        manifest = {"form": FORM, "parts": self._hashes} | told
        self._file.writestr(MANIFEST, json.dumps(manifest, indent=1))


class HashedPart(RawIOBase):
    """Writes on, and knows the hash of what it wrote."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._hash = sha256()

    def write(self, data: Written, /) -> int:  # type: ignore[override]  # no arrays
        self._hash.update(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        """In hex digits."""
        return self._hash.hexdigest()


@contextmanager
def written(out: Path) -> Iterator[Writer]:
    """The backup is there in the end, for its owner's eyes only; not at all after an error.

    `BadSetup` if something is there already, or it cannot be written.
    """
    if out.exists():
        raise BadSetup(f"{out} is there already: choose another place with --out.")
    half = out.with_name(f".{out.name}.half")
    try:
        descriptor = os.open(half, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "r+b") as raw:
            packed = zipfile.ZipFile(
                raw, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL, allowZip64=True
            )
            with packed as file:
                yield Writer(file)
            raw.flush()
            os.fsync(raw.fileno())
        half.rename(out)
        names_to_disk(out.absolute().parent)
    except OSError as error:
        raise BadSetup(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


class Reader:
    """A backup, once every part of it was compared with the manifest."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.told: dict[str, Any] = json.loads(file.read(MANIFEST))
        if self.told["form"] != FORM:
            raise ValueError(self.told["form"])
        self.sizes = {one.filename: one.file_size for one in file.infolist()}
        for name, digest in self.told["parts"].items():
            if self._digest(name) != digest:
                raise ValueError(name)

    def _digest(self, name: str) -> str:
        found = sha256()
        with self._file.open(name) as part:
            while chunk := part.read(CHUNK):
                found.update(chunk)
        return found.hexdigest()

    @contextmanager
    def part(self, name: str) -> Iterator[IO[bytes]]:
        """A part to read from its beginning."""
        with self._file.open(name) as opened:
            yield opened


@contextmanager
def read(path: Path) -> Iterator[Reader]:
    """The backup in that file; `BadSetup` if it is none, or not whole."""
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise BadSetup(f"There is no {path}.") from error
    except ODD as error:
        raise BadSetup(f"{path} is no backup, or was cut short.") from error
    with file:
        try:
            reader = Reader(file)
        except ODD as error:
            msg = f"{path} is no backup that this version reads, or was changed."
            raise BadSetup(msg) from error
        yield reader
