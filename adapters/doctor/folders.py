"""The data folder, the space on its disk, and the master key."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from adapters.bootstrap.instance import keyring_of
from adapters.doctor.findings import Findings, failed, fine, skipped, warned
from adapters.settings import Settings
from domain.errors import BadSetup

GIB = 2**30
LITTLE_SPACE = 5 * GIB
NO_SPACE = GIB // 2


def look_at_folders(settings: Settings) -> Findings:
    """The data folder is ours and has room; the master key can be read and is hidden."""
    yield from _data_folder(settings.clawbot_data_dir)
    yield from _space(settings.clawbot_data_dir)
    yield from _master_key(settings)


def _data_folder(path: Path) -> Findings:
    name = "data-folder"
    if not path.exists():
        yield skipped(name, f"{path} is not there yet: `clawbot up` makes it.")
    elif not os.access(path, os.W_OK | os.X_OK):
        yield failed(name, f"{path} cannot be written.", f"Give it to uid {os.getuid()}.")
    else:
        yield fine(name, f"{path} is there.")


def _space(path: Path) -> Findings:
    name = "disk-space"
    there = next(one for one in (path, *path.parents) if one.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / GIB:.1f} GiB are free on the disk of {there}."
    advice = "Make room: a full disk stops commands and calls until there is some."
    if free < NO_SPACE:
        yield failed(name, said, advice)
    elif free < LITTLE_SPACE:
        yield warned(name, said, advice)
    else:
        yield fine(name, said)


def _master_key(settings: Settings) -> Findings:
    name = "master-key"
    try:
        keyring = keyring_of(settings)
    except BadSetup as error:
        known = settings.bot_master_key or settings.bot_master_key_file
        if not known and not settings.clawbot_data_dir.exists():
            yield skipped(name, "There is none yet: `clawbot up` makes one.")
        else:
            yield failed(name, str(error), "Set BOT_MASTER_KEY_FILE to the key's file.")
        return
    file = settings.bot_master_key_file or settings.clawbot_data_dir / "master.key"
    if settings.bot_master_key:
        advice = "Prefer BOT_MASTER_KEY_FILE: an environment is easily shown."
        yield warned(name, f"{keyring.primary} comes from the environment.", advice)
    elif file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield failed(name, f"Others may read {file}.", f"chmod 0600 {file}")
    else:
        yield fine(name, f"{keyring.primary} seals; keep a copy of it apart.")
