"""The two images of the tests, made without a registry: `BOT_IMAGE` and `BREAKOUT_IMAGE`.

Their root file system is this machine's Python, the `openai` SDK of our venv with what it
needs, and the programs in `tests/engine/image/`. The first two are packed once and kept in
`.cache/`, under a digest of their versions; the programs are a layer of their own.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
from packaging.requirements import Requirement

BOT_IMAGE = "clawbot/test-bot:1"
BREAKOUT_IMAGE = "clawbot/test-breakout:1"

_BASE = "clawbot/test-base"
_PROGRAMS = Path(__file__).parent / "image"
_CACHE = Path(__file__).parents[2] / ".cache" / "test-images"
_PACKAGES = "/app/packages"
_ID = "/usr/bin/id"  # becomes /usr/local/bin/root-id, which runs as root if it may
_LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip"}
_LEFT_OUT |= {"site-packages", "dist-packages", "distutils", "pydoc_data"}
_NOT_NEEDED = re.compile(r"\.opt-\d\.pyc$|\.a$|^_tkinter\.")
_HEALTH = (
    "HEALTHCHECK --interval=500ms --timeout=5s --start-period=30s "
    'CMD ["python3", "/app/healthy.py"]\n'
)


def load_images(client: docker.DockerClient) -> None:
    """Both images are there under their names."""
    client.api.import_image_from_file(str(root_file_system()), repository=_BASE, tag="1")
    _build(client, BOT_IMAGE, _HEALTH + 'CMD ["python3", "/app/bot.py"]\n')
    _build(client, BREAKOUT_IMAGE, 'CMD ["python3", "/app/breakout.py"]\n')


def root_file_system() -> Path:
    """The packed root file system without the programs; from the cache if it is there."""
    packages = _with_what_they_need("openai")
    versions = sorted(f"{package.name} {package.version}" for package in packages)
    made_from = "\n".join([sys.version, Path(__file__).read_text(), *versions])
    kept = _CACHE / f"{hashlib.sha256(made_from.encode()).hexdigest()[:16]}.tar"
    if not kept.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        beside = kept.with_suffix(f".{os.getpid()}")
        with tarfile.open(beside, "w") as archive:
            _pack(archive, packages)
        beside.rename(kept)
    return kept


def _pack(
    archive: tarfile.TarFile, packages: list[importlib.metadata.Distribution]
) -> None:
    for folder in ("tmp", "workspace", "state", "etc/bot", "run/bot", "home/node"):
        entry = tarfile.TarInfo(folder)
        # An engine gives a tmpfs the mode of what it covers (runc before 1.2).
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
        archive.addfile(entry)
    _add_text(
        archive, "etc/passwd", "root:x:0:0::/:/none\nnode:x:1000:1000::/home/node:/none\n"
    )
    _add_text(archive, "etc/nsswitch.conf", "hosts: files dns\n")

    python = Path(sys.executable).resolve()  # the venv's is a link to it
    standard_library = Path(sysconfig.get_paths()["stdlib"])
    programs = [python, Path(_ID)]
    _add(archive, python)
    link = tarfile.TarInfo("usr/local/bin/python3")
    link.type, link.linkname = tarfile.SYMTYPE, str(python)
    archive.addfile(link)
    _add(archive, Path(_ID), name="usr/local/bin/root-id", mode=0o4755)
    for file in _files_below(standard_library):
        programs += [file] if file.suffix == ".so" else []
        _add(archive, file)
    for package in packages:
        for listed in package.files or ():
            place = Path(str(package.locate_file(listed)))
            if ".." not in listed.parts and place.is_file():
                programs += [place] if ".so" in place.suffixes else []
                _add(archive, place, name=f"{_PACKAGES}/{listed}")
    for library in _libraries_of(programs):
        _add(archive, library)


def _with_what_they_need(*names: str) -> list[importlib.metadata.Distribution]:
    """The packages of those names, and theirs, without extras."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = list(names)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found:
            continue
        found[name] = importlib.metadata.distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    return list(found.values())


def _files_below(folder: Path) -> Iterator[Path]:
    for above, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in _LEFT_OUT and not name.startswith("config-")
        ]
        yield from (Path(above, name) for name in files if not _NOT_NEEDED.search(name))


def _libraries_of(programs: list[Path]) -> list[Path]:
    """Every shared library that the dynamic linker would load for them."""
    listed = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True)
    loaded = set(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed.stdout, re.MULTILINE))
    # Names are looked up by libraries that nothing is linked to.
    resolver = {
        "/lib/x86_64-linux-gnu/libnss_files.so.2",
        "/lib/x86_64-linux-gnu/libnss_dns.so.2",
    }
    return [Path(name) for name in sorted(loaded | resolver) if Path(name).exists()]


def _add(archive: tarfile.TarFile, file: Path, *, name: str = "", mode: int = 0) -> None:
    """The file itself under its own name, for everybody to read; no links."""
    with file.open("rb") as content:
        entry = archive.gettarinfo(arcname=name or str(file), fileobj=content)
        entry.type, entry.linkname = tarfile.REGTYPE, ""
        entry.size = os.fstat(content.fileno()).st_size
        entry.uid = entry.gid = 0
        entry.mode = mode or (0o755 if os.access(file, os.X_OK) else 0o644)
        archive.addfile(entry, content)


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text.encode()))


def _build(client: docker.DockerClient, image: str, instructions: str) -> None:
    """The base with the programs and the instructions, under that name."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for program in _PROGRAMS.iterdir():
            if program.suffix == ".py":
                _add(archive, program, name=f"app/{program.name}", mode=0o644)
        _add_text(
            archive,
            "Dockerfile",
            f"FROM {_BASE}:1\nENV PATH=/usr/local/bin PYTHONPATH={_PACKAGES} "
            f"PYTHONDONTWRITEBYTECODE=1\nCOPY app /app\n{instructions}",
        )
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=image, rm=True)
