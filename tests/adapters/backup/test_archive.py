"""The file of a backup: whole, or refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.backup.archive import MANIFEST, read, written
from domain.errors import BadSetup


def a_backup(folder: Path) -> Path:
    out = folder / "monday.zip"
    with written(out) as writer:
        for name in ("tables/one", "tables/two"):
            with writer.part(name) as part:
                part.write(name.encode() * 100)
        writer.close_with({"said": 1})
    return out


def test_what_was_written_is_read(tmp_path: Path) -> None:
    out = a_backup(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["monday.zip"]
    with read(out) as reader, reader.part("tables/two") as part:
        assert (reader.told["said"], part.read()) == (1, b"tables/two" * 100)
    with pytest.raises(BadSetup, match="already"), written(out):
        pass


def test_an_attempt_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(TypeError),
        written(tmp_path / "monday.zip") as writer,
        writer.part("one") as part,
    ):
        part.write("no bytes")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BadSetup, match="cannot be written"), written(tmp_path / "a/b.zip"):
        pass


@given(where=st.floats(0, 0.999), how=st.integers(1, 255))
def test_no_byte_of_what_is_kept_changes_unseen(
    tmp_path_factory: pytest.TempPathFactory, where: float, how: int
) -> None:
    out = a_backup(tmp_path_factory.mktemp("backup"))
    content = bytearray(out.read_bytes())
    content[int(len(content) * where)] ^= how
    out.write_bytes(content)
    try:
        with read(out) as reader, reader.part("tables/one") as part:
            assert part.read() == b"tables/one" * 100
            assert reader.told["said"] == 1
    except BadSetup:
        pass  # as it should be; some bytes of a zip are of no account


@pytest.mark.parametrize("manifest", ["{}", "x", '{"form": 1, "parts": {}}', "[1]", None])
def test_what_is_no_backup_is_refused(tmp_path: Path, manifest: str | None) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as other:
        other.writestr(MANIFEST if manifest else "x", manifest or json.dumps({}))
    with pytest.raises(BadSetup), read(path):
        pass
    for content in (b"", b"no zip", a_backup(tmp_path).read_bytes()[:-30]):
        path.write_bytes(content)
        with pytest.raises(BadSetup), read(path):
            pass
    with pytest.raises(BadSetup), read(tmp_path / "nothing"):
        pass
