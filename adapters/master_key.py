"""The master key: where it is read from, how one is made, whether it is the right one.

`BOT_MASTER_KEY_FILE` (preferred) or `BOT_MASTER_KEY` holds a keyring, written as
`adapters/keyring.py` says. The file must be its owner's alone.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from adapters import crypto
from adapters.folders import names_to_disk
from adapters.keyring import Keyring, parse
from adapters.settings import Settings
from domain.errors import BadSetup

LARGEST_FILE: Final = 64 * 1024  # bytes


def load(settings: Settings) -> Keyring:
    """The keyring of the settings; `BadSetup` if there is none or it is no good."""
    if settings.bot_master_key_file is not None:
        return parse(text_of(settings), "BOT_MASTER_KEY_FILE")
    return parse(text_of(settings), "BOT_MASTER_KEY")


def text_of(settings: Settings) -> str:
    """The keyring as it is written down; `BadSetup` if there is none."""
    if settings.bot_master_key_file is not None:
        return _read(settings.bot_master_key_file)
    if settings.bot_master_key is not None:
        return settings.bot_master_key
    msg = (
        "There is no master key. Set BOT_MASTER_KEY_FILE to a file of mode 0400 that holds "
        "one: `openssl rand -base64 32` makes it."
    )
    raise BadSetup(msg)


def write_new(path: Path) -> Keyring:
    """A new keyring, safely on disk in a file that only its owner can read.

    `BadSetup` if the file exists: a master key is never replaced.
    """
    key = crypto.random_key()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        msg = f"{path} exists already, and a master key is never replaced."
        raise BadSetup(msg) from error
    except OSError as error:
        msg = f"The master key cannot be written to {path}: {error.strerror}."
        raise BadSetup(msg) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"k1:" + base64.b64encode(key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    names_to_disk(path.parent)
    return Keyring({"k1": key})


def check(connection: psycopg.Connection[Any], keyring: Keyring) -> UUID:
    """The instance's id, once it is sure that the keyring is the one this vault needs.

    Call it at start, on an idle connection, in any role that may use the schema. Check
    values of new keys are stored if the role may. `BadSetup`: a key is another than the one
    that had its id, or one that the vault still needs is not there.
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute("SELECT id FROM vault.instance").fetchone()
        if row is None:
            msg = "The vault has lost its instance id; none of its keys works without it."
            raise BadSetup(msg)
        values = {kek_id: keyring.check_value(kek_id, row[0]) for kek_id in keyring.ids}
        _refuse_wrong(values, cursor)
        may = cursor.execute("SELECT has_table_privilege('vault.kek', 'INSERT')").fetchone()
        if may == (True,):
            cursor.executemany(
                "INSERT INTO vault.kek (kek_id, check_value) VALUES (%s, %s) "
                "ON CONFLICT DO NOTHING",
                list(values.items()),
            )
            _refuse_wrong(values, cursor)  # another process may have been first
        instance_id: UUID = row[0]
    return instance_id


def _refuse_wrong(values: Mapping[str, bytes], cursor: psycopg.Cursor[Any]) -> None:
    rows = cursor.execute("SELECT kek_id, check_value FROM vault.kek").fetchall()
    known: dict[str, bytes] = dict(rows)
    for kek_id, value in values.items():
        if kek_id in known and not crypto.equal(value, known[kek_id]):
            msg = (
                f"The master key {kek_id} is not the one that the vault knows by this id. "
                "Bring back the right one; nothing was changed."
            )
            raise BadSetup(msg)
    in_use = cursor.execute("SELECT vault.keks_in_use()").fetchall()
    missing = sorted({kek_id for (kek_id,) in in_use} - values.keys())
    if not missing:
        return
    if not known.keys() & values.keys():
        msg = (
            f"The vault holds data sealed under {', '.join(missing)}, and knows none of "
            "the master keys given: this is a new key, or that of another installation."
        )
        raise BadSetup(msg)
    msg = (
        f"The vault still needs the master key {', '.join(missing)}: put it back behind "
        "the first one, run `clawbot vault rewrap`, and only then take it out."
    )
    raise BadSetup(msg)


def _read(path: Path) -> str:
    """The text of a key file that belongs to its owner alone."""
    try:
        # Not blocking: a pipe in its place must not hold up the start.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        msg = f"BOT_MASTER_KEY_FILE cannot be opened ({path}): {error.strerror}."
        raise BadSetup(msg) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            msg = f"BOT_MASTER_KEY_FILE is not a plain file ({path})."
            raise BadSetup(msg)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            msg = (
                f"BOT_MASTER_KEY_FILE is open to others than its owner ({path}): run "
                "`chmod 400` on it, and take a new key if somebody may have read it."
            )
            raise BadSetup(msg)
        return os.read(descriptor, LARGEST_FILE).decode("ascii", "replace")
    finally:
        os.close(descriptor)
