"""The `signer` process: puts the log's name to what follows what it signed before.

It reads the tiles and nothing else, under a role that can write checkpoints and nothing
else. What it signed last is in a file of its own (`kept.py`), so that it is the log's first
witness: a database that was restored, or changed behind the tree's back, finds no
signature any more until an operator has recorded the fork, which gives the log a new name.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from pathlib import Path

from adapters import crypto
from adapters.bootstrap.instance import refuse_unmigrated
from adapters.postgres.database import Database
from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.sealing import key_file
from adapters.sealing.kept import FILE, KeptCheckpoint, held
from adapters.settings import Settings
from adapters.stopping import told_to_stop
from application.sealing import SignedCheckpoint
from domain.errors import BadSetup, ConcurrentChange, Unavailable
from domain.sealing.checkpoints import Checkpoint, LogWasForked, signed_checkpoint
from domain.sealing.notes import NotANote, NotSigned, signed
from domain.sealing.tiles import Tree, TreeIsDamaged

ROLE = "clawbot_signer"
KEY = "key"
EVERY_SECONDS = 1.0
THIN_SECONDS = 600.0
REFUSING_SECONDS = 10.0
WHAT_TO_DO = (
    "What is in the database does not begin with what was signed last. If a backup was "
    "restored: stop the signer, run `clawbot audit fork --because TEXT`, start it again, "
    "and tell auditors the new key. If not, the log was changed behind our back: keep the "
    "database and the signer's folder as they are, and compare with `clawbot audit verify`."
)

log = logging.getLogger(__name__)


def folder_of(settings: Settings) -> Path:
    """Where the signer keeps its key and what it signed last."""
    return settings.clawbot_data_dir.expanduser().absolute() / "signer"


def run(settings: Settings, url: str) -> None:
    """Sign until SIGTERM or SIGINT; `BadSetup` if that is impossible."""
    sign_on(folder_of(settings), url, told_to_stop())


def sign_on(
    folder: Path, url: str, stop: threading.Event, *, every: float = EVERY_SECONDS
) -> None:
    """Sign what there is, every second, until `stop` is set; what is away is waited for."""
    refuse_unmigrated(url)
    database = Database(url, role=ROLE, size=1)
    database.open()
    try:
        with held(folder):
            signer: Signer | None = None
            while not stop.is_set():
                try:
                    signer = signer or Signer(PostgresSealedLog(database), folder)
                    signer.turn()
                    signer.thin()
                except Unavailable as error:
                    log.warning("signer.waits", extra={"error": str(error)})
                except (LogWasForked, TreeIsDamaged, ConcurrentChange) as error:
                    log.error(  # noqa: TRY400  # not a bug of ours
                        "signer.refuses",
                        extra={"error": repr(error), "reason": WHAT_TO_DO},
                    )
                    stop.wait(REFUSING_SECONDS)
                stop.wait(every)
    finally:
        database.close()


class Signer:
    """One log's name, and what it was put to last. Its folder must be `held`."""

    def __init__(self, sealed_log: PostgresSealedLog, folder: Path) -> None:
        """`BadSetup`: what was signed before is in the database and not in the folder."""
        self._log = sealed_log
        self._thin_at = 0.0
        latest = sealed_log.latest()
        self._key = _key_of(folder, latest)
        self._kept = KeptCheckpoint(folder)
        kept = -1 if self._kept.checkpoint is None else self._kept.checkpoint.size
        if (
            latest is not None
            and latest.key == self._key.public.text
            and latest.size > kept
        ):
            msg = (
                f"{folder / FILE} is gone, or older than what was signed last, which is of "
                f"size {latest.size}: bring it back, or record a fork."
            )
            raise BadSetup(msg)
        if self._kept.note is None:
            return
        try:
            found = signed_checkpoint(
                self._kept.note, self._key.public, crypto.ed25519_verifies
            )
        except (NotANote, NotSigned) as error:
            msg = f"{folder / FILE} was not signed by the key beside it."
            raise BadSetup(msg) from error
        # Perhaps it was signed and no more: then it is published now.
        self._publish(found, self._kept.note)

    def turn(self) -> Checkpoint | None:
        """What there is now is signed; None if that was signed before.

        Raises `LogWasForked` if it does not begin with what was signed before.
        """
        size, last = self._log.size(), self._kept.checkpoint
        if last is not None and size == last.size:
            return None
        tree = self._log.tree(size)
        checkpoint = Checkpoint(origin=self._key.name, size=size, root=tree.root())
        if last is not None:
            self._refuse_fork(checkpoint, last, tree)
        note = signed(checkpoint.text, self._key.public, self._key.sign)
        self._kept.save(note)
        self._publish(checkpoint, note)
        return checkpoint

    def thin(self) -> None:
        """Now and then: of every hour that is over, the last checkpoint stays published."""
        if time.monotonic() >= self._thin_at:
            self._log.thin()
            self._thin_at = time.monotonic() + THIN_SECONDS

    def _refuse_fork(self, now: Checkpoint, last: Checkpoint, tree: Tree) -> None:
        try:
            now.follows(last, tree)
        except LogWasForked as error:
            msg = (
                f"The log, of size {now.size} now, does not begin with what was signed "
                f"when its size was {last.size}: it was restored from a backup or changed. "
                "Nothing is signed until `clawbot audit fork --because …` has recorded why."
            )
            raise LogWasForked(msg) from error

    def _publish(self, checkpoint: Checkpoint, note: str) -> None:
        self._log.keep(
            SignedCheckpoint(size=checkpoint.size, key=self._key.public.text, note=note)
        )


def _key_of(folder: Path, latest: SignedCheckpoint | None) -> key_file.SigningKey:
    """The key of the folder; a new one only where nothing was ever signed."""
    path = folder / KEY
    if path.exists():
        return key_file.read(path)
    recorded = sorted(folder.glob("fork-*"))
    if latest is not None and not recorded:
        msg = (
            f"This log was signed before, and its key is not here: there is no {path}. "
            "Bring the folder back, or record a fork with `clawbot audit fork`."
        )
        raise BadSetup(msg)
    return key_file.write_new(path, f"clawbot/log/{secrets.token_hex(8)}")


def record_fork(folder: Path, why: str) -> Path:
    """The key and the last checkpoint are put aside with the reason; the folder of that.

    The signer starts again under a new name, which auditors have to be told. `BadSetup`
    while a signer runs.
    """
    with held(folder):
        aside = folder / f"fork-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        aside.mkdir(mode=0o700)
        (aside / "why").write_text(f"{why}\n", encoding="utf-8")
        for name in (KEY, FILE):
            if (folder / name).exists():
                (folder / name).rename(aside / name)
    return aside
