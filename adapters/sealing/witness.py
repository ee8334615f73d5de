"""A witness: says of a log that what it is shown follows all it was shown before.

It runs where the log's operator has no hand in it: on a second host, or as an auditor's
cron job. It keeps its key and the last checkpoint it saw in a folder, and speaks C2SP
tlog-witness: asked with the body of an `add-checkpoint`, it answers with the line that goes
under the note (C2SP tlog-cosignature).
"""

from __future__ import annotations

import time
from pathlib import Path

from adapters import crypto
from adapters.sealing import key_file
from adapters.sealing.kept import KeptCheckpoint
from domain.errors import BadSetup, Conflict
from domain.sealing.checkpoints import Checkpoint, signed_checkpoint
from domain.sealing.notes import COSIGNATURE, VerifierKey, cosignature_line
from domain.sealing.proofs import Addition

KEY = "key"


class NotWhatWasSeenLast(Conflict):
    """The witness has seen another size last, and needs a proof from there."""

    code = "not-what-was-seen-last"

    def __init__(self, size: int) -> None:
        super().__init__(f"The last checkpoint seen here is of size {size}.")
        self.size = size


class Witness:
    """Of one log. Its folder must be `held`."""

    def __init__(self, folder: Path, log_key: VerifierKey, *, name: str | None) -> None:
        """A name makes a new key where there is none; `BadSetup`."""
        path = folder / KEY
        if path.exists():
            self._key = key_file.read(path)
        elif name is None:
            msg = f"There is no {path}: give the witness a name, and it is made."
            raise BadSetup(msg)
        else:
            self._key = key_file.write_new(path, name, algorithm=COSIGNATURE)
        self._log_key = log_key
        self._kept = KeptCheckpoint(folder)

    @property
    def public(self) -> VerifierKey:
        """What others verify its cosignatures with."""
        return self._key.public

    def cosign(self, asked: Addition) -> str:
        """The line under the note; what was shown is the last seen from now on.

        Raises `NotANote` and `NotSigned` (by the log), `NotWhatWasSeenLast`, and
        `LogWasForked`: what is shown now cannot follow what was shown before.
        """
        shown = signed_checkpoint(asked.note, self._log_key, crypto.ed25519_verifies)
        last = self._kept.checkpoint
        if asked.old != (last.size if last else 0):
            raise NotWhatWasSeenLast(last.size if last else 0)
        if last is not None:
            shown.begins_with(last, asked.proof)
        self._kept.save(asked.note)
        return self._line(shown)

    def _line(self, shown: Checkpoint) -> str:
        seconds = int(time.time())
        return cosignature_line(shown.text, self.public, self._key.sign, seconds=seconds)
