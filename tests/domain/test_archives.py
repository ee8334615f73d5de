"""Archives: plain files come out, or a refusal does; whatever the bytes are."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given as supposing
from hypothesis import strategies as st

from domain.archives import LARGEST_WHOLE, MOST_FILES, NotAnArchive, by_folder, opened

Files = dict[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", method) as whole:
        for path, content in files.items():
            whole.writestr(zipfile.ZipInfo(path), content, compress_type=method)
    return into.getvalue()


def tarred(files: Files) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as whole:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            whole.addfile(info, io.BytesIO(content))
    return into.getvalue()


def gzipped(files: Files) -> bytes:
    return gzip.compress(tarred(files))


every_format = pytest.mark.parametrize("pack", [zipped, tarred, gzipped])


def refused(archive: bytes) -> str:
    with pytest.raises(NotAnArchive) as caught:
        opened(archive)
    return caught.value.codes["archive"]


@every_format
def test_plain_files_come_out_by_path(pack: Callable[[Files], bytes]) -> None:
    files = {"b/SKILL.md": b"x", "b/scripts/run me.py": b"y" * 5000, "a.txt": b""}
    found = opened(pack(files))
    assert {one.path: one.content for one in found} == files
    assert [one.path for one in found] == sorted(files)


def test_what_is_no_content_is_left_out() -> None:
    files = {
        "a/x": b"1",
        "__MACOSX/a/._x": b"2",
        "a/.DS_Store": b"3",
        "a/.git/config": b"4",
    }
    assert [one.path for one in opened(zipped(files))] == ["a/x"]
    assert [one.path for one in opened(tarred({"./a/x": b"1"}))] == ["a/x"]


@every_format
@pytest.mark.parametrize(
    "path",
    [
        *(
            "../x",
            "/etc/passwd",
            "a/../../x",
            "a//b",
            "a/./b",
            "a\\b",
            "C:/x",
            "a\nb",
            "..",
        ),
        *(
            "a/" * 9 + "x",
            "a" * 101,
            "-rf",
            "a/\u202eb",
            " x",
            "~/x",
            "a:b",
            "$(id)",
            "a;b",
        ),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(
    pack: Callable[[Files], bytes], path: str
) -> None:
    assert refused(pack({"ok": b"1", path: b"2"})) == "path-not-allowed"


@every_format
@pytest.mark.parametrize("other", ["a/B", "A/b", "a/b/c", "a"])
def test_two_files_never_share_a_place(pack: Callable[[Files], bytes], other: str) -> None:
    assert refused(pack({"a/b": b"1", other: b"2"})) == "path-twice"


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE),
        *(tarfile.BLKTYPE, tarfile.GNUTYPE_SPARSE),
    ],
)
def test_links_and_devices_are_refused(kind: bytes) -> None:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as whole:
        info = tarfile.TarInfo("a")
        info.type, info.linkname = kind, "/etc/passwd"
        whole.addfile(info)
    assert info.linkname
    assert refused(into.getvalue()) in {"not-plain-files", "damaged"}


def test_a_link_in_a_zip_is_refused() -> None:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as whole:
        info = zipfile.ZipInfo("a")
        info.external_attr = 0o120777 << 16
        whole.writestr(info, "/etc/passwd")
    assert refused(into.getvalue()) == "not-plain-files"


@every_format
def test_a_bomb_is_noticed(pack: Callable[[Files], bytes]) -> None:
    half = LARGEST_WHOLE // 2
    assert refused(pack({"a": bytes(half), "b": bytes(half + 1)})) == "too-large"
    whole = {"a": bytes(half), "b": bytes(half)}
    assert len(opened(pack(whole))) == 2
    assert refused(pack({"a": bytes(20 * LARGEST_WHOLE)})) == "too-large"
    many = {f"f{number}": b"" for number in range(MOST_FILES + 1)}
    assert refused(pack(many)) == "too-many-files"


def test_a_zip_that_lies_about_sizes_or_compresses_otherwise_is_refused() -> None:
    honest = zipped({"a": b"x" * 1000}, zipfile.ZIP_STORED)
    lied = honest.replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert refused(lied) == "damaged"
    assert refused(zipped({"a": b"x"}, zipfile.ZIP_LZMA)) == "unknown-compression"
    assert refused(zipped({"a": b"x"}, zipfile.ZIP_BZIP2)) == "unknown-compression"


@every_format
def test_half_an_archive_is_refused(pack: Callable[[Files], bytes]) -> None:
    archive = pack({"a": bytes(range(256)) * 40})
    assert refused(archive[: len(archive) // 2]) == "damaged"
    assert refused(b"no archive") == "damaged"
    assert refused(pack({})) in {"empty", "damaged"}


@supposing(st.binary(max_size=300), st.sampled_from([b"PK\x03\x04", b"\x1f\x8b\x08", b""]))
def test_any_bytes_are_an_archive_or_are_refused(noise: bytes, start: bytes) -> None:
    try:
        opened(start + noise)
    except NotAnArchive:
        return


SAMPLES = [
    zipped({"a/SKILL.md": b"x" * 30}),
    gzipped({"a": b"y" * 30}),
    tarred({"a": b"z"}),
]


@supposing(st.sampled_from(SAMPLES), st.data())
def test_a_bent_archive_is_refused_or_still_plain(
    sample: bytes, data: st.DataObject
) -> None:
    bent = bytearray(sample)
    for _ in range(3):
        place = data.draw(st.integers(0, min(len(bent) - 1, 700)))
        bent[place] = data.draw(st.integers(0, 255))
    try:
        found = opened(bytes(bent))
    except NotAnArchive:
        return
    assert all(".." not in one.path.split("/") for one in found)


def test_files_belong_to_the_nearest_folder_with_the_marker() -> None:
    files = {
        "one/SKILL.md": b"1",
        "one/scripts/a.py": b"2",
        "one/inner/SKILL.md": b"3",
        "one/inner/b.py": b"4",
        "README.md": b"5",
    }
    found = by_folder(opened(tarred(files)), "SKILL.md")
    paths = {folder: [one.path for one in inside] for folder, inside in found.items()}
    assert paths == {
        "one": ["SKILL.md", "scripts/a.py"],
        "one/inner": ["SKILL.md", "b.py"],
    }
