"""Looks for a secret in whatever a run left behind, written in any usual way."""

from __future__ import annotations

import subprocess
from base64 import b64encode, urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from adapters.postgres.binaries import find_binaries


def writings(secret: bytes) -> dict[str, bytes]:
    """The secret in eight encodings, base64 at each of its three alignments.

    Of base64 only the middle is looked for, which does not depend on what stands around.
    """
    found = {
        "plain": secret,
        "hex": secret.hex().encode(),
        "hex, upper case": secret.hex().upper().encode(),
        "reversed": secret[::-1],
        "url-encoded": quote(secret, safe="").encode(),
        "all url-encoded": b"".join(b"%%%02X" % byte for byte in secret),
        "utf-16": secret.decode().encode("utf-16-le"),
        "json": b"".join(b"\\u%04x" % byte for byte in secret),
    }
    for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
        for shift in range(3):
            encoded = encode(bytes(shift) + secret)
            found[f"{name}, shifted by {shift}"] = encoded[4:-4]
    return found


def hits(secret: bytes, places: dict[str, bytes]) -> list[str]:
    """Where the secret stands, and how it is written there."""
    return [
        f"{place}: {writing}"
        for place, content in places.items()
        for writing, wanted in writings(secret).items()
        if wanted in content
    ]


def dumped(url: str) -> bytes:
    """The whole database, schema and rows, without the vault."""
    return _dump(url, "--exclude-schema=vault")


def dumped_vault(url: str) -> bytes:
    """What the vault holds: sealed."""
    return _dump(url, "--schema=vault")


def _dump(url: str, *options: str) -> bytes:
    program = find_binaries().folder / "pg_dump"
    command = [str(program), *options, "--dbname", url]
    return subprocess.run(command, check=True, capture_output=True).stdout


def environments(*pids: int) -> dict[str, bytes]:
    """Environment and command line of processes, and of every child that is there."""
    found: dict[str, bytes] = {}
    for pid in pids:
        folder = Path(f"/proc/{pid}")
        found[f"environment of {pid}"] = (folder / "environ").read_bytes()
        found[f"command line of {pid}"] = (folder / "cmdline").read_bytes()
        children = (folder / "task" / str(pid) / "children").read_text().split()
        for child in map(int, children):
            with suppress(ProcessLookupError, FileNotFoundError):  # it has just ended
                found |= environments(child)
    return found
