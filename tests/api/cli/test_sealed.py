"""`clawbot audit`: an auditor's day at the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from domain.sealing.notes import SignedNote, VerifierKey
from domain.sealing.proofs import Addition
from tests.adapters.sealing.given import ask, attack, seal_all, sign, write
from tests.api.cli.running import Ran, Shell
from tests.projections.given import TEAM


class Instance:
    """A shell beside a database whose log is sealed and signed."""

    def __init__(self, shell: Shell, url: str) -> None:
        self._shell, self._url = shell, url
        self.signer = shell.folder / "data" / "signer"
        self.signer.parent.mkdir()

    def grow(self, seed: int = 1) -> int:
        write(self._url, seed=seed, fleet=seed == 1)
        size = seal_all(self._url)
        sign(self._url, self.signer)
        return size

    def audit(self, *arguments: str | Path) -> Ran:
        return self._shell.run("audit", *map(str, arguments), DATABASE_URL=self._url)

    def asked(self, *arguments: str | Path) -> Any:
        ran = self.audit(*arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.document


@pytest.fixture
def instance(shell: Shell, database_url: str) -> Instance:
    return Instance(shell, database_url)


def test_an_instance_verifies_its_own_log(instance: Instance, database_url: str) -> None:
    unsigned = instance.audit("verify", "--json")
    assert (unsigned.code, unsigned.document["code"]) == (1, 2)  # nothing covers it
    size = instance.grow()
    ran = instance.audit("verify")
    assert ran.code == 0
    assert ran.out.startswith(f"intact: {size} events, the whole log, signed up to size")
    attack(database_url, "UPDATE calls_events SET topic = 'x' WHERE notification_id = 3")
    ((index,),) = ask(
        database_url,
        "SELECT log_index FROM log_leaf WHERE log = 'calls' AND position = 3",
    )
    ran = instance.audit("verify", "--json")
    assert (ran.code, ran.document["code"]) == (1, 1)
    assert ran.document["verdict"].startswith(f"TAMPERED at index {index}: ")


def test_what_the_signer_kept_tells_that_the_log_was_cut(
    instance: Instance, database_url: str
) -> None:
    size = instance.grow()
    attack(
        database_url,
        *(f"TRUNCATE {name}" for name in ("log_leaf", "log_tile", "log_checkpoint")),
        "TRUNCATE log_team, fleet_events, calls_events",
        "UPDATE log_state SET size = 0, fleet_position = 0, calls_position = 0",
    )
    ran = instance.audit("verify")
    assert (ran.code, ran.out) == (
        1,
        f"TAMPERED at index 0: the log ends here, but was signed at size {size}\n",
    )


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_a_bundle_is_written_and_verified(
    instance: Instance, tmp_path: Path, name: str
) -> None:
    size = instance.grow()
    out = tmp_path / name
    written = instance.asked("export", "--out", out)
    assert (written["events"], written["checkpoints"]) == (size, 1)
    (tmp_path / "log.key").write_text(written["key"])
    kept = instance.signer / "checkpoint"
    ran = instance.audit("verify", out, "--key", tmp_path / "log.key", "--checkpoint", kept)
    assert (ran.code, ran.out) == (
        0,
        f"intact: {size} events, the whole log, signed up to size {size}\n",
    )
    assert instance.audit("export", "--out", out).code == 2  # nothing is written over
    assert instance.audit("verify", tmp_path / "log.key").code == 2  # no bundle


def test_a_teams_bundle_holds_its_own_events_only(
    instance: Instance, tmp_path: Path
) -> None:
    size = instance.grow()
    out = tmp_path / "team"
    written = instance.asked("export", "--out", out, "--team", str(TEAM))
    assert 0 < written["events"] < size
    ran = instance.audit("verify", out)
    assert ran.out.startswith(f"intact: {written['events']} events of one team")
    lines = (out / "events.ndjson").read_bytes().splitlines()
    assert {json.loads(line)["data"]["team_id"] for line in lines} == {str(TEAM)}


def test_an_event_and_the_logs_growth_are_proved(instance: Instance) -> None:
    first = instance.grow()
    second = instance.grow(2)
    proof = instance.audit("prove", "3")
    assert proof.out.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")
    asked = Addition.parse(instance.audit("prove", "--from", str(first)).out)
    assert asked.old == first
    assert instance.asked("prove", "--from", str(first))["size"] == second
    for wrong in (("prove",), ("prove", "1", "--from", "1"), ("prove", "--from", "9999")):
        assert instance.audit(*wrong).code == 2
    beyond = instance.audit("prove", "9999")
    assert (beyond.code, "no checkpoint yet that covers it" in beyond.err) == (1, True)


def test_a_witness_signs_what_follows_and_refuses_a_fork(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cosign(text: str, *more: str) -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        return instance.audit("cosign", "--state", tmp_path / "witness", *more)

    first = instance.grow()
    begun = instance.asked("prove", "--from", "0")
    key = ("--key", begun["key"])
    ran = cosign(begun["text"], *key, "--name", "witness.example/w1", "--json")
    witness = VerifierKey.parse(ran.document["key"])
    note = SignedNote.parse(begun["checkpoint"] + ran.document["cosignature"])
    assert [name for name, _ in note.signatures][1] == witness.name
    assert cosign(begun["text"], *key).code == 1  # it has seen another size last
    instance.grow(2)
    grown = instance.audit("prove", "--from", str(first)).out
    assert cosign(grown, *key).out.startswith("\u2014 witness.example/w1 ")
    assert cosign("x", *key).code == 1
    assert cosign(grown).code == 2  # of which log?


def test_a_fork_is_recorded_with_its_reason(instance: Instance) -> None:
    instance.grow()
    aside = Path(instance.asked("fork", "--because", "the disk failed")["aside"])
    assert (aside / "why").read_text() == "the disk failed\n"
    assert not (instance.signer / "key").exists()
