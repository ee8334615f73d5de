"""`/api/audit/…`: what an auditor of one team gets, and verifies without us."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters import crypto
from adapters.postgres.sealed_log import PostgresSealedLog
from application.sealing import SignedCheckpoint
from domain.sealing.checkpoints import signed_checkpoint
from domain.sealing.merkle import is_consistent, is_included, leaf_hash
from domain.sealing.notes import VerifierKey
from domain.sealing.proofs import Addition
from tests.adapters.sealing.given import attack, opened, seal_all, sign
from tests.api.front import Front, a_bot, front_of
from tests.api.system import on_postgres
from verifier.verify_log import INTACT, Wrong, verify


@dataclass(frozen=True, kw_only=True)
class Audited:
    """An instance with two teams, and one who may audit each."""

    front: Front
    url: str
    folder: Path
    mine: dict[str, str]
    theirs: dict[str, str]

    def sealed(self) -> int:
        """All that is recorded by now is sealed and signed; how much that is."""
        size = seal_all(self.url)
        sign(self.url, self.folder)
        return size

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.front.client.get(
            f"/api/audit/{path}", headers=self.mine, params=query or None
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    def exported(self, headers: dict[str, str] | None = None) -> list[bytes]:
        answer = self.front.client.get("/api/audit/export", headers=headers or self.mine)
        assert answer.headers["content-type"] == "application/x-ndjson"
        return [line + b"\n" for line in answer.content.splitlines()]

    def my_indexes(self) -> list[int]:
        return [int(json.loads(line)["logindex"]) for line in self.exported()[1:]]


@pytest.fixture
def audited(database_url: str, tmp_path: Path) -> Iterator[Audited]:
    with on_postgres(database_url) as system, front_of(system) as front:
        mine, theirs = front.someone(), front.someone()
        a_bot(front, mine)
        a_bot(front, theirs)
        a_bot(front, mine, hostname="ada-2")
        yield Audited(
            front=front,
            url=database_url,
            folder=tmp_path / "signer",
            mine=mine,
            theirs=theirs,
        )


def test_before_anything_is_signed_there_is_nothing_to_prove_it_with(
    audited: Audited,
) -> None:
    assert audited.get("checkpoint", 409)["code"] == "nothing-is-signed-yet"
    assert audited.get("consistency", 409, **{"from": 0})["code"] == "nothing-is-signed-yet"
    seal_all(audited.url)
    (line, *_) = audited.exported()
    assert json.loads(line)["inclusionproof"] is None


def test_the_checkpoint_is_signed_by_the_key_that_comes_with_it(audited: Audited) -> None:
    size = audited.sealed()
    found = audited.get("checkpoint")
    key = VerifierKey.parse(found["key"])
    checkpoint = signed_checkpoint(found["note"], key, crypto.ed25519_verifies)
    assert checkpoint.size == found["size"] == size


class SignedMeanwhile(PostgresSealedLog):
    """Each look at the last checkpoint sees one that is the last no more."""

    audited: Audited

    def latest(self) -> SignedCheckpoint | None:
        found = super().latest()
        self.audited.front.someone()
        self.audited.sealed()
        return found


def test_a_proof_leads_to_the_checkpoint_beside_it_though_another_is_signed_meanwhile(
    audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = audited.sealed()
    with opened(audited.url, "clawbot_api") as database:
        log = SignedMeanwhile(database)
        log.audited = audited
        monkeypatch.setattr(audited.front.system, "sealed_log", log)
        found = audited.get("consistency", **{"from": old - 1})
    assert found["to"] == found["checkpoint"]["size"]
    assert Addition.parse(found["add_checkpoint"]).note == found["checkpoint"]["note"]


def test_each_event_of_the_team_is_proved_and_none_of_anothers(audited: Audited) -> None:
    size = audited.sealed()
    mine = audited.my_indexes()
    for index in range(size):
        if index not in mine:
            assert audited.get(f"proof/{index}", 404)["code"] == "not-found"
            continue
        found = audited.get(f"proof/{index}")
        key = VerifierKey.parse(found["checkpoint"]["key"])
        signed = signed_checkpoint(
            found["checkpoint"]["note"], key, crypto.ed25519_verifies
        )
        assert found["leaf_hash"] == leaf_hash(found["header"].encode()).hex()
        assert is_included(
            bytes.fromhex(found["leaf_hash"]),
            index=index,
            size=signed.size,
            root=signed.root,
            proof=[bytes.fromhex(step) for step in found["proof"]],
        )
        assert found["tlog_proof"].endswith(found["checkpoint"]["note"])
    assert 3 < len(mine) < size


def test_an_event_that_came_after_the_checkpoint_is_not_proved_yet(
    audited: Audited,
) -> None:
    audited.sealed()
    a_bot(audited.front, audited.mine, hostname="ada-3")
    seal_all(audited.url)
    last = audited.my_indexes()[-1]
    assert audited.get(f"proof/{last}", 409)["code"] == "nothing-is-signed-yet"


def test_two_checkpoints_are_proved_to_be_of_one_log(audited: Audited) -> None:
    old = audited.sealed()
    before = audited.get("checkpoint")
    a_bot(audited.front, audited.mine, hostname="ada-3")
    new = audited.sealed()
    found = audited.get("consistency", **{"from": old})
    assert (found["from"], found["to"]) == (old, new)
    key = VerifierKey.parse(before["key"])
    first, second = (
        signed_checkpoint(one["note"], key, crypto.ed25519_verifies)
        for one in (before, found["checkpoint"])
    )
    proof = [bytes.fromhex(step) for step in found["proof"]]
    assert is_consistent(
        old=old, old_root=first.root, new=new, new_root=second.root, proof=proof
    )
    assert Addition.parse(found["add_checkpoint"]).proof == proof
    assert audited.get("consistency", **{"from": 1, "to": old})["add_checkpoint"] is None


def test_what_cannot_be_asked_is_refused_and_no_fault_of_ours(audited: Audited) -> None:
    audited.sealed()
    sizes: list[tuple[dict[str, object], str]] = [
        ({}, "from"),
        ({"from": -1}, "from"),
        ({"from": "x"}, "from"),
        ({"from": 2**63}, "from"),
        ({"from": 3, "to": 2}, "from"),
        ({"from": 3, "to": 100_000}, "to"),
        ({"from": 3, "size": 1}, "size"),
    ]
    for query, field in sizes:
        refused = audited.get("consistency", 422, **query)
        assert field in json.dumps(refused)
    for index in ("-1", "x", "1.5", str(2**64)):
        audited.get(f"proof/{index}", 422)
    audited.get(f"proof/{2**53 - 1}", 404)


def test_the_teams_export_is_verified_offline(audited: Audited) -> None:
    size = audited.sealed()
    lines = audited.exported()
    said, code = verify(iter(lines))
    assert code == INTACT
    assert said.startswith(f"intact: {len(lines) - 1} events of one team, signed up to")
    assert len(lines) - 1 < size
    assert {json.loads(line)["data"]["team_id"] for line in lines[1:]} == {
        audited.front.client.get("/api/auth/me", headers=audited.mine).json()["team"]["id"]
    }
    assert "bot.created" in {json.loads(line)["type"] for line in lines}


def test_every_line_of_the_export_is_a_cloud_event(audited: Audited) -> None:
    audited.sealed()
    for line in audited.exported():
        event = json.loads(line)
        assert event["specversion"] == "1.0"
        assert {"id", "source", "type"} <= set(event)
        assert all(name.isalnum() or name == "data_base64" for name in event)


def test_an_event_that_is_left_out_of_the_export_is_missed(audited: Audited) -> None:
    audited.sealed()
    lines = audited.exported()
    with pytest.raises(Wrong, match="team_seq") as wrong:
        verify(iter(lines[:3] + lines[4:]))
    assert wrong.value.index == int(json.loads(lines[4])["logindex"])


def test_an_event_that_is_changed_in_the_export_or_below_it_is_found(
    audited: Audited,
) -> None:
    audited.sealed()
    lines = audited.exported()
    index = int(json.loads(lines[3])["logindex"])
    lines[3] = lines[3].replace(b'"data":{"at":"2', b'"data":{"at":"3')
    with pytest.raises(Wrong, match="state") as wrong:
        verify(iter(lines))
    assert wrong.value.index == index
    attack(
        audited.url,
        "UPDATE log_leaf SET header = convert_to(replace(convert_from(header, 'UTF8'), "
        f"'user:', 'bot:'), 'UTF8') WHERE log_index = {index}",
    )
    with pytest.raises(Wrong) as wrong:
        verify(iter(audited.exported()))
    assert wrong.value.index == index


def test_a_proof_of_another_tree_leads_nowhere(audited: Audited) -> None:
    audited.sealed()
    lines = audited.exported()
    first, second = json.loads(lines[2]), json.loads(lines[3])
    swapped = first["inclusionproof"].encode(), second["inclusionproof"].encode()
    lines[2] = lines[2].replace(swapped[0], swapped[1])
    with pytest.raises(Wrong, match="signed root"):
        verify(iter(lines))
