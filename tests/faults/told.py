"""What the processes of a test's instance are told."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlsplit

from adapters.settings import Settings

ROOT = Path(__file__).parents[2]


def by_socket(url: str, sockets: Path) -> str:
    """The database's URL for whoever sees its folder and not its network."""
    parts = urlsplit(url)
    place = f"host={quote(str(sockets), safe='')}&port={parts.port}"
    return f"postgresql://{parts.username}:{parts.password}@/{parts.path[1:]}?{place}"


def environment_of(settings: Settings, url: str) -> dict[str, str]:
    """That of a process of ours: these settings, and no others."""
    told = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    told["PYTHONPATH"] = str(ROOT)
    for name, value in settings:
        if value is not None:
            is_list = isinstance(value, tuple)
            told[name.upper()] = ",".join(map(str, value)) if is_list else str(value)
    return told | {"DATABASE_URL": url}
