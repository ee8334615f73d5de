"""A bundle on disk: `checkpoints.ndjson`, `events.ndjson`, `key.txt`; a folder or a tar."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from domain.errors import BadSetup

FILES = ("checkpoints.ndjson", "events.ndjson", "key.txt")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a bundle holds."""

    checkpoints: int
    events: int
    key: str | None  # of the last checkpoint


def write_bundle(
    out: Path, *, checkpoints: Iterable[bytes], events: Iterable[bytes]
) -> Written:
    """The bundle is there, whole; `BadSetup` if it cannot be, or something is there.

    A name that ends in `.tar` is a tar file, any other a folder.
    """
    if out.exists():
        msg = f"{out} is there already: choose another place with --out."
        raise BadSetup(msg)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            written = _fill(beside, checkpoints, events)
            if out.suffix == ".tar":
                packed = beside / out.name
                with tarfile.open(packed, "w") as tar:
                    for name in FILES:
                        tar.add(beside / name, arcname=name)
                packed.rename(out)
            else:
                out.mkdir(mode=0o700)
                for name in FILES:
                    (beside / name).rename(out / name)
        finally:
            shutil.rmtree(beside)
    except OSError as error:
        msg = f"The bundle {out} cannot be written: {error.strerror}."
        raise BadSetup(msg) from error
    return written


def _fill(folder: Path, checkpoints: Iterable[bytes], events: Iterable[bytes]) -> Written:
    count, last = 0, None
    with (folder / FILES[0]).open("wb") as file:
        for last in checkpoints:
            file.write(last)
            count += 1
    key = None if last is None else str(json.loads(last)["data"]["key"])
    (folder / FILES[2]).write_text(f"{key or ''}\n", encoding="utf-8")
    lines = 0
    with (folder / FILES[1]).open("wb") as file:
        for line in events:
            file.write(line)
            lines += 1
    return Written(checkpoints=count, events=lines, key=key)
