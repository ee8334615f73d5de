"""Whatever is done to the database, the verifier says where it first shows."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from adapters.sealing import bundle
from domain.log import CALLS
from domain.sealing.checkpoints import LogWasForked
from tests.adapters.sealing.given import (
    ask,
    attack,
    back_up,
    export,
    kept_note,
    restore,
    seal_all,
    sign,
    signing,
    write,
)
from tests.projections.given import calls
from tests.projections.given_logs import record, recorded
from verifier.verify_log import INTACT, Wrong, lines_of, verify


@dataclass(frozen=True, kw_only=True)
class Case:
    """A sealed and signed log, and the checkpoint that its auditor kept."""

    url: str
    folder: Path
    size: int

    def judge(self, *kept: str) -> tuple[str, int]:
        """What the verifier says of an export made now."""
        out = export(self.url, self.folder / "bundle")
        try:
            return verify(lines_of(out), kept=kept)
        finally:
            shutil.rmtree(out)

    def found_at(self, *kept: str) -> int:
        """The first wrong index."""
        with pytest.raises(Wrong) as wrong:
            self.judge(*kept)
        return wrong.value.index

    def index_of(self, log: str, position: int) -> int:
        query = "SELECT log_index FROM log_leaf WHERE log = %s AND position = %s"
        return int(ask(self.url, query, log, position)[0][0])


@pytest.fixture
def case(database_url: str, tmp_path: Path) -> Case:
    write(database_url, some_calls=40)
    ask(database_url, "SELECT nextval('calls_events_notification_id_seq')")  # a gap
    write(database_url, some_calls=40, seed=2, fleet=False)
    size = seal_all(database_url)
    sign(database_url, tmp_path / "signer")
    return Case(url=database_url, folder=tmp_path, size=size)


def test_a_log_that_nobody_touched_is_intact(case: Case) -> None:
    said, code = case.judge(kept_note(case.folder / "signer"))
    assert code == INTACT, said
    assert said.startswith(f"intact: {case.size} events, the whole log, signed up to size")


@dataclass(frozen=True, kw_only=True)
class Row:
    """An event as it is stored."""

    table: str
    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes

    def one_byte_changed(self, dice: random.Random) -> tuple[str, int]:
        """What is to be SET so that one byte of it is another; its position then."""
        mask, place = dice.randrange(1, 256), self.position
        match dice.choice(["state", "state", "topic", "stream", "version", "position"]):
            case "state":
                at = dice.randrange(len(self.state))
                new = f"state = set_byte(state, {at}, get_byte(state, {at}) # {mask})"
            case "topic":
                at = dice.randrange(len(self.topic)) + 1
                new = f"topic = overlay(topic PLACING '{dice.choice('#~X')}' FROM {at})"
            case "stream":
                other = self.stream.int ^ mask << 8 * dice.randrange(16)
                new = f"originator_id = '{UUID(int=other)}'"
            case "version":
                new = f"originator_version = {self.version ^ mask << 8 * dice.randrange(7)}"
            case _:
                place ^= mask << 8 * dice.randrange(7)
                new = f"notification_id = {place}"
        return (
            f"UPDATE {self.table} SET {new} WHERE notification_id = {self.position}",
            place,
        )

    def put_back(self, place: int) -> tuple[str, str]:
        """The statements that make it what it was."""
        return (
            f"DELETE FROM {self.table} WHERE notification_id = {place}",
            (
                f"INSERT INTO {self.table} VALUES ('{self.stream}', {self.version}, "
                f"'{self.topic}', '\\x{self.state.hex()}', {self.position})"
            ),
        )


def rows_of(url: str, log: str) -> list[Row]:
    """A log as it is stored, in order."""
    stored = ask(
        url,
        "SELECT notification_id, originator_id, originator_version, topic, state "
        f"FROM {log}_events ORDER BY 1",
    )
    return [
        Row(
            table=f"{log}_events",
            position=position,
            stream=stream,
            version=version,
            topic=topic,
            state=state,
        )
        for position, stream, version, topic, state in stored
    ]


@pytest.mark.parametrize(
    "changes", [50, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_every_byte_that_is_changed_is_found(case: Case, changes: int) -> None:
    dice = random.Random(20261122)
    logs = {log: rows_of(case.url, log) for log in ("fleet", "calls")}
    found = 0
    while found < changes:
        log = dice.choice(["fleet", "calls"])
        row = dice.choice(logs[log])
        change, place = row.one_byte_changed(dice)
        index = case.index_of(log, row.position)
        # An event in another place shows there, if that comes first.
        behind = [one.position for one in logs[log] if one.position > place != row.position]
        if behind:
            index = min(index, case.index_of(log, behind[0]))
        if place != row.position and any(one.position == place for one in logs[log]):
            continue  # another event has that place: see below
        try:
            attack(case.url, change)
        except psycopg.errors.UniqueViolation:
            continue  # another event of its stream has that version
        assert case.found_at() == index, change
        attack(case.url, *row.put_back(place))
        found += 1
    assert case.judge()[1] == INTACT


def test_an_event_that_was_deleted_is_missed(case: Case) -> None:
    attack(case.url, "DELETE FROM calls_events WHERE notification_id = 17")
    assert case.found_at() == case.index_of("calls", 17)


def test_an_event_that_was_put_in_between_is_found(case: Case) -> None:
    ((gap,),) = ask(
        case.url,
        "SELECT notification_id + 1 FROM calls_events AS a WHERE NOT EXISTS (SELECT FROM "
        "calls_events AS b WHERE b.notification_id = a.notification_id + 1) AND "
        "notification_id < (SELECT max(notification_id) FROM calls_events)",
    )
    attack(
        case.url,
        "INSERT INTO calls_events SELECT gen_random_uuid(), 1, topic, state, "
        f"{gap} FROM calls_events WHERE notification_id = 1",
    )
    seal_all(case.url)  # no sealer takes it for a new one
    assert case.found_at() == case.index_of("calls", gap + 1)


@pytest.mark.parametrize("stream", [UUID(int=0), UUID(int=2**128 - 1)])
def test_an_event_that_was_put_in_anothers_place_is_found(
    case: Case, stream: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "PAGE", 20)  # the two are read one by one
    attack(
        case.url,
        f"INSERT INTO calls_events SELECT '{stream}', 1, topic, state, "
        "20 FROM calls_events WHERE notification_id = 1",
    )
    assert case.found_at() == case.index_of("calls", 20)


def test_an_event_that_is_gone_is_found_before_one_that_is_wrong(case: Case) -> None:
    attack(
        case.url,
        "DELETE FROM calls_events WHERE notification_id = 17",
        "UPDATE calls_events SET topic = 'x' WHERE notification_id = 30",
    )
    assert case.found_at() == case.index_of("calls", 17)


def test_two_events_that_were_swapped_are_found(case: Case) -> None:
    attack(
        case.url,
        "UPDATE calls_events SET notification_id = -1 WHERE notification_id = 21",
        "UPDATE calls_events SET notification_id = 21 WHERE notification_id = 34",
        "UPDATE calls_events SET notification_id = 34 WHERE notification_id = -1",
    )
    assert case.found_at() == case.index_of("calls", 21)


def test_a_tail_that_was_cut_off_is_missed_by_who_kept_a_checkpoint(case: Case) -> None:
    back_up(case.url)  # the leaner log, sealed and signed as well as the longer one
    with recorded(case.url) as logs:
        record(logs[CALLS], calls(10, 3))
    longer = seal_all(case.url)
    sign(case.url, case.folder / "signer")
    kept = kept_note(case.folder / "signer")
    assert case.judge(kept)[1] == INTACT
    attack(case.url, "DELETE FROM calls_events WHERE notification_id > 30")
    assert case.found_at() == case.index_of("calls", 31)
    restore(case.url)
    assert case.judge()[1] == INTACT  # by itself nothing is wrong with it
    assert case.found_at(kept) == case.size < longer


def test_a_log_that_was_restored_and_went_another_way_is_found(case: Case) -> None:
    back_up(case.url)
    with recorded(case.url) as logs:
        record(logs[CALLS], calls(10, 3))
    seal_all(case.url)
    sign(case.url, case.folder / "signer")
    kept = kept_note(case.folder / "signer")
    restore(case.url)
    with recorded(case.url) as logs:
        record(logs[CALLS], calls(30, 4))
    assert seal_all(case.url) > case.size
    with signing(case.url, case.folder / "signer") as signer, pytest.raises(LogWasForked):
        signer.turn()
    assert case.found_at(kept) == case.size


def test_who_changes_the_tree_with_the_event_is_found_as_well(case: Case) -> None:
    attack(
        case.url,
        "UPDATE log_leaf SET header = overlay(header PLACING '\\x78' FROM 12) "
        "WHERE log_index = 40",
    )
    assert case.found_at() == 40
    attack(case.url, "DELETE FROM log_leaf WHERE log_index = 33")
    assert case.found_at() == 33
    flipped = "set_byte(hashes, 640, get_byte(hashes, 640) # 1)"
    attack(case.url, f"UPDATE log_tile SET hashes = {flipped} WHERE level = 0")
    assert case.found_at() == 20
    attack(case.url, "DELETE FROM log_tile")
    assert case.found_at() == 0
