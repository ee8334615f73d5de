"""Archives that somebody uploaded: a few plain files come out, or a refusal does.

Nothing is written to a disk and nothing is believed of what an archive says of itself:
sizes are counted while the bytes come out, so that a bomb is noticed when it is a few
kilobytes over the limit.
"""

from __future__ import annotations

import io
import re
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from domain.errors import InvalidFields

MOST_FILES = 500
LARGEST_WHOLE = 4 * 1024 * 1024  # bytes of all files
LONGEST_PATH = 200
DEEPEST = 8
TAR_SPARE = 1536 * MOST_FILES  # headers and padding

_SEGMENT = re.compile(r"[^\W.][\w .+@()=,-]{0,99}|\.[\w][\w.+@-]{0,99}")
_KIND = 0o170000  # the bits of a mode that say what a file is
_REGULAR = 0o100000
_LEFT_OUT = ("__MACOSX/", ".git/", ".clawhub/")  # no content of a skill
_LEFT_OUT_NAMES = (".DS_Store", "Thumbs.db")


class NotAnArchive(InvalidFields):
    """The upload is no zip, tar or tar.gz of plain files within the limits."""

    code = "not-an-archive"

    def __init__(self, code: str) -> None:
        super().__init__(archive=code)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file."""

    path: str
    content: bytes


def opened(archive: bytes) -> list[Member]:
    """The files in it, by path; `NotAnArchive` says why not.

    Holds for each path: relative, `/` between plain names, no `.` or `..`, at most 8 deep,
    no two alike but for case, none a folder of another. No links, devices or encryption.
    """
    if archive.startswith(b"PK\x03\x04"):
        found = list(_of_zip(archive))
    elif archive.startswith(b"\x1f\x8b"):
        found = list(_of_tar(_gunzipped(archive)))
    else:
        found = list(_of_tar(archive))
    files = [one for one in found if not _is_left_out(one.path)]
    if not files:
        raise NotAnArchive("empty")
    _check_paths([one.path for one in files])
    return sorted(files, key=lambda one: one.path)


def _of_zip(archive: bytes) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as whole:
            infos = whole.infolist()
            if len(infos) > MOST_FILES:
                raise NotAnArchive("too-many-files")
            left = LARGEST_WHOLE
            for info in infos:
                kind = (info.external_attr >> 16) & _KIND
                if kind not in {0, _REGULAR, 0o040000} or info.flag_bits & 1:
                    raise NotAnArchive("not-plain-files")
                if info.is_dir():
                    continue
                if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                    raise NotAnArchive("unknown-compression")
                with whole.open(info) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise NotAnArchive("too-large")
                yield Member(path=info.filename, content=content)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise NotAnArchive("damaged") from error
    except (NotImplementedError, RuntimeError, OSError) as error:
        raise NotAnArchive("not-plain-files") from error


def _gunzipped(archive: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(archive, LARGEST_WHOLE + TAR_SPARE)
    except zlib.error as error:
        raise NotAnArchive("damaged") from error
    if unpacker.unconsumed_tail:
        raise NotAnArchive("too-large")
    if not unpacker.eof:
        raise NotAnArchive("damaged")
    return content


def _of_tar(content: bytes) -> Iterator[Member]:
    if len(content) > LARGEST_WHOLE + TAR_SPARE:
        raise NotAnArchive("too-large")
    left = LARGEST_WHOLE
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as whole:
            for count, info in enumerate(whole):
                if count >= MOST_FILES:
                    raise NotAnArchive("too-many-files")
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    raise NotAnArchive("not-plain-files")
                file = whole.extractfile(info)
                inside = b"" if file is None else file.read(left + 1)
                left -= len(inside)
                if left < 0:
                    raise NotAnArchive("too-large")
                if len(inside) != info.size:
                    raise NotAnArchive("damaged")
                yield Member(path=info.name.removeprefix("./"), content=inside)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError) as error:
        raise NotAnArchive("damaged") from error


def _is_left_out(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in _LEFT_OUT_NAMES or any(f"/{path}".find(f"/{o}") >= 0 for o in _LEFT_OUT)


def _check_paths(paths: Iterable[str]) -> None:
    taken: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        segments = path.split("/")
        plain = all(map(_SEGMENT.fullmatch, segments)) and len(segments) <= DEEPEST
        if not plain or len(path) > LONGEST_PATH:
            raise NotAnArchive("path-not-allowed")
        same = [unicodedata.normalize("NFC", one).casefold() for one in segments]
        whole = "/".join(same)
        above = {"/".join(same[:depth]) for depth in range(1, len(same))}
        if whole in taken or whole in folders or above & taken:
            raise NotAnArchive("path-twice")
        taken.add(whole)
        folders |= above


def by_folder(files: Iterable[Member], marker: str) -> Mapping[str, list[Member]]:
    """The files below each folder that holds a file of that name, paths from there.

    A folder inside another such folder is one of its own.
    """
    files = list(files)
    roots = sorted(
        (f.path[: -len(marker)] for f in files if f.path.rpartition("/")[2] == marker),
        key=len,
        reverse=True,
    )
    found: dict[str, list[Member]] = {root.rstrip("/"): [] for root in roots}
    for file in files:
        root = next((one for one in roots if file.path.startswith(one)), None)
        if root is not None:
            inside = Member(path=file.path[len(root) :], content=file.content)
            found[root.rstrip("/")].append(inside)
    return found
