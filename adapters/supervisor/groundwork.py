"""What has to be there before anything is started; refused with nothing changed."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg

from adapters import master_key
from adapters.bootstrap.instance import key_file, keyring_of
from adapters.serving import bound
from adapters.settings import Settings
from domain.errors import BadSetup, Unavailable

CONNECT_SECONDS = 5


def refuse_busy_ports(settings: Settings) -> None:
    """The three ports are free, or `BadSetup` names the one that is not."""
    places: dict[tuple[str, int], str] = {}
    for setting, host, port in (
        ("CLAWBOT_PORT", settings.clawbot_host, settings.clawbot_port),
        ("CLAWBOT_PROXY_PORT", settings.clawbot_proxy_host, settings.clawbot_proxy_port),
        ("CLAWBOT_WORKER_PORT", settings.clawbot_worker_host, settings.clawbot_worker_port),
    ):
        other = places.setdefault((host, port), setting)
        if other != setting:
            msg = (
                f"{other} and {setting} are both {port}: the control plane, the proxy and "
                "the worker need a port each."
            )
            raise BadSetup(msg)
    with ExitStack() as held:
        for (host, port), setting in places.items():
            held.enter_context(closing(bound(host, port, setting=setting)))


def refuse_bad_key(settings: Settings) -> None:
    """A master key that is configured, or that we wrote earlier, is good; `BadSetup`."""
    if _has_key(settings):
        keyring_of(settings)


def made_folder(folder: Path) -> Path:
    """The folder exists. Made by root it can be entered by the database's own user."""
    missing = [step for step in (folder, *folder.parents) if not step.exists()]
    try:
        for step in reversed(missing):
            step.mkdir(exist_ok=True)
            step.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        msg = (
            f"The data folder {folder} cannot be made: {error.strerror}. Choose another "
            "with CLAWBOT_DATA_DIR."
        )
        raise BadSetup(msg) from error
    if not folder.is_dir():
        msg = f"{folder} is not a folder: choose another with CLAWBOT_DATA_DIR."
        raise BadSetup(msg)
    return folder


def own_master_key(settings: Settings, url: str) -> Path | None:
    """There is a master key; the file's path if it was written just now.

    `BadSetup` if there is none and the database's vault was sealed under one: a new key
    would open nothing in it.
    """
    if _has_key(settings):
        return None
    path = key_file(settings)
    if _vault_has_known_a_key(url):
        msg = (
            f"The vault in this database is sealed under a master key that is not here: "
            f"there is no {path}, and neither BOT_MASTER_KEY_FILE nor BOT_MASTER_KEY is "
            "set. Bring the key back; nothing was changed."
        )
        raise BadSetup(msg)
    master_key.write_new(path)
    return path


def _has_key(settings: Settings) -> bool:
    given = settings.bot_master_key or settings.bot_master_key_file
    return bool(given) or key_file(settings).exists()


def _vault_has_known_a_key(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            there = connection.execute("SELECT to_regclass('vault.kek')").fetchone()
            if there is None or there[0] is None:
                return False
            row = connection.execute("SELECT EXISTS (SELECT FROM vault.kek)").fetchone()
            return row == (True,)
    except psycopg.ProgrammingError:
        # Without its cause, which quotes what it could not read, password and all.
        msg = "The database URL cannot be read: check DATABASE_URL."
        raise BadSetup(msg) from None
    except psycopg.OperationalError as error:
        msg = "the database at DATABASE_URL does not answer"
        raise Unavailable(msg) from error
