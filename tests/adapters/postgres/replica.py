"""A primary and a streaming replica of it, as an operator would set them up."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.postgres.binaries import find_binaries
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.postgres.server_account import existing, server_account


@contextmanager
def primary_and_replica() -> Iterator[tuple[str, str, EmbeddedPostgres]]:
    """The superuser's URLs of both, migrated, and the replica's server."""
    root = Path(tempfile.mkdtemp(prefix="clawbot-test-"))
    root.chmod(0o755)  # run by root, the servers are another user and must get in
    try:
        with EmbeddedPostgres(root / "first") as primary:
            migrate(primary.url)
            with EmbeddedPostgres(_copied(root, primary.url)) as replica:
                yield primary.url, replica.url, replica
    finally:
        shutil.rmtree(root)


def _copied(root: Path, url: str) -> Path:
    account = existing(server_account())
    assert account.uid is not None
    assert account.gid is not None
    folder = root / "second"
    folder.mkdir()
    folder.chmod(0o755)
    shutil.copy(root / "first" / "password", folder / "password")
    for path in (folder, folder / "password"):
        os.chown(path, account.uid, account.gid)
    subprocess.run(
        [
            str(find_binaries().folder / "pg_basebackup"),
            *("--dbname", url, "--pgdata", str(folder / "data")),
            *("--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast"),
        ],
        user=None if account.is_ours else account.uid,
        group=None if account.is_ours else account.gid,
        extra_groups=None if account.is_ours else [],
        check=True,
        timeout=60,
    )
    return folder
