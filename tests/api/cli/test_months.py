"""A month of calls is taken out and brought back; the sealed log says intact throughout."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from adapters.backup.writing import owner_of
from adapters.months.file import MonthFile
from adapters.months.months import MonthIsNeeded, attach, detach
from adapters.sealing.sealer import keep_sealing
from domain.calls_months import CallsMonthDetached
from domain.errors import Unavailable
from domain.log import CALLS
from tests.adapters.sealing.given import ask, attack, export, seal_all, sealing, sign
from tests.api.cli.running import A_KEY, Ran, Shell
from tests.projections.given import FLEET_HISTORY, admitted, calls, facts
from tests.projections.given_logs import record, recorded
from verifier.verify_log import INTACT, TAMPERED, judge, lines_of

MONTH, PART = "2026-01", "calls_events_2026_01"
STORED = "SELECT * FROM calls_events ORDER BY notification_id"


def in_january(number: int) -> UUID:
    """A UUIDv7 of that month."""
    at = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp() * 1000) + number
    return UUID(int=at << 80 | 7 << 76 | 2 << 62 | number)


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance with calls of January, and of no month, sealed and signed."""

    shell: Shell
    url: str

    @property
    def file(self) -> Path:
        return self.shell.folder / "january.ndjson"

    def calls(self, *arguments: str) -> Ran:
        return self.shell.run(
            *("calls", *arguments), DATABASE_URL=self.url, BOT_MASTER_KEY=A_KEY
        )

    def detach(self, *, sealing: bool = True) -> Ran:
        arguments = ("detach", MONTH, "--out", str(self.file), "--json")
        with sealed_meanwhile(self.url) if sealing else nullcontext():
            return self.calls(*arguments)

    def sealed(self) -> None:
        seal_all(self.url)
        sign(self.url, self.shell.folder / "data" / "signer")

    def verdict(self, *files: Path) -> tuple[str, int]:
        out = self.shell.folder / f"bundle-{len(list(self.shell.folder.iterdir()))}"
        export(self.url, out)
        return judge(lines_of(out), "", [], [], [lines_of(one) for one in files])

    def read(self) -> None:
        """Whatever follows the calls has read them."""
        head = "(SELECT max(notification_id) FROM calls_events)"
        ask(
            self.url,
            "INSERT INTO view_position (view, log, position) "
            f"VALUES ('call_log', 'calls', {head}) ON CONFLICT (view, log) "
            f"DO UPDATE SET position = {head}",
        )


@contextmanager
def sealed_meanwhile(url: str) -> Iterator[None]:
    """The sealer of a projector is at work."""
    over = threading.Event()
    with sealing(url) as sealer, ThreadPoolExecutor(1) as pool:
        running = pool.submit(keep_sealing, sealer, over)
        try:
            yield
        finally:
            over.set()
        running.result()


@pytest.fixture
def instance(shell: Shell, database_url: str) -> Instance:
    (shell.folder / "data").mkdir()
    ask(database_url, "SELECT make_calls_month('2026-01-31T23:00:00Z')")
    streams: dict[UUID, UUID] = {}
    with recorded(database_url, fleet=FLEET_HISTORY) as logs:
        for number, (stream, events) in enumerate(calls(30)):
            streams.setdefault(stream, in_january(len(streams)) if number % 3 else stream)
            record(logs[CALLS], [(streams[stream], events)])
    one = Instance(shell=shell, url=database_url)
    assert one.calls("months").code == 0
    settle_all(database_url)
    one.sealed()
    one.read()
    return one


def settle_all(url: str) -> None:
    """Calls of January without an end get one, as the reaper would see to."""
    ask(
        url,
        "INSERT INTO calls_events (originator_id, originator_version, topic, state) "
        "SELECT originator_id, max(originator_version) + 1, 'call.abandoned', '{}' "
        f"FROM {PART} GROUP BY originator_id "
        "HAVING NOT bool_or(topic = ANY('{call.settled,call.abandoned,call.refused}'))",
    )


def test_a_month_is_taken_out_verified_and_brought_back(instance: Instance) -> None:
    before = ask(instance.url, STORED)
    ((count,),) = ask(instance.url, f"SELECT count(*) FROM {PART}")
    assert 0 < count < len(before)
    out = instance.detach()
    assert (out.code, out.document["events"]) == (0, count), out.err
    assert ask(instance.url, "SELECT to_regclass(%s)", PART) == [(None,)]
    assert len(ask(instance.url, STORED)) == len(before) - count
    assert instance.verdict()[1] == INTACT  # at once
    instance.sealed()
    verdict, code = instance.verdict(instance.file)
    assert code == INTACT, verdict
    assert f"{MONTH} was taken out whole; {MONTH} is in its file" in verdict
    listed = {
        one["month"]: one["here"]
        for one in instance.calls("months", "--json").document["items"]
    }
    assert listed[MONTH] is False
    refused = instance.shell.run("rebuild", "call_log", DATABASE_URL=instance.url)
    assert (refused.code, MONTH in refused.err) == (2, True), refused.err

    back = instance.calls("attach", MONTH, str(instance.file), "--json")
    assert (back.code, back.document["root"]) == (0, out.document["root"]), back.err
    assert ask(instance.url, STORED) == before
    instance.sealed()
    assert instance.verdict()[1] == INTACT
    assert instance.calls("attach", MONTH, str(instance.file)).code == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(instance.url, f"DELETE FROM {PART}")


def test_one_event_more_or_less_than_a_month_is_found(instance: Instance) -> None:
    ((position, index),) = ask(
        instance.url,
        "SELECT e.notification_id, l.log_index FROM calls_events_other AS e "
        "JOIN log_leaf AS l ON l.log = 'calls' AND l.position = e.notification_id "
        "ORDER BY 1 LIMIT 1",
    )
    ((inside, first),) = ask(
        instance.url,
        f"SELECT e.notification_id, l.log_index FROM {PART} AS e "
        "JOIN log_leaf AS l ON l.log = 'calls' AND l.position = e.notification_id "
        "ORDER BY 1 LIMIT 1",
    )
    attack(instance.url, f"DELETE FROM calls_events WHERE notification_id = {inside}")
    verdict, code = instance.verdict()
    assert code == TAMPERED
    assert verdict.startswith(f"TAMPERED at index {first}: "), "no month was taken out"
    attack(instance.url, f"DELETE FROM calls_events WHERE notification_id = {position}")
    verdict, code = instance.verdict()
    assert (code, f"index {min(first, index)}" in verdict) == (TAMPERED, True), verdict


def test_a_month_that_was_taken_out_hides_nothing_behind_it(instance: Instance) -> None:
    assert instance.detach().code == 0
    instance.sealed()
    ((position, index),) = ask(
        instance.url,
        "SELECT position, log_index FROM log_leaf WHERE log = 'calls' "
        "AND position IN (SELECT notification_id FROM calls_events) "
        "ORDER BY 1 DESC LIMIT 1",
    )
    change = "UPDATE calls_events SET topic = 'x' WHERE notification_id ="
    attack(instance.url, f"{change} {position}")
    verdict, code = instance.verdict()
    assert code == TAMPERED
    assert verdict.startswith(f"TAMPERED at index {index}: "), "the month is no fault"


def test_a_file_that_was_changed_is_not_that_month(instance: Instance) -> None:
    assert instance.detach().code == 0
    instance.sealed()
    content = bytearray(instance.file.read_bytes())
    at = content.index(b'"call.')
    content[content.index(b'"at":', at) + 8] ^= 1
    instance.file.write_bytes(content)
    assert instance.verdict(instance.file)[1] == TAMPERED
    assert instance.calls("attach", MONTH, str(instance.file)).code == 1
    instance.file.write_bytes(
        b"".join(instance.file.read_bytes().splitlines(keepends=True)[1:])
    )
    assert instance.verdict(instance.file)[1] != INTACT
    assert instance.calls("attach", MONTH, str(instance.file)).code == 1


def test_a_file_of_something_else_is_refused_in_a_sentence(instance: Instance) -> None:
    assert instance.detach().code == 0
    for odd in ("{}", "[]", "x", '{"leafheader": "{}"}', '{"id": 1, "leafheader": 2}'):
        instance.file.write_text(f"{odd}\n")
        refused = instance.calls("attach", MONTH, str(instance.file))
        assert (refused.code, "Traceback" in refused.err) == (1, False), refused.err


@pytest.mark.parametrize("odd", ["november", "2026-13", "2026-1"])
def test_what_is_no_month_is_wrong_use(shell: Shell, odd: str) -> None:
    for command in (("detach", odd, "--out", "x"), ("attach", odd, "x")):
        ran = shell.run("calls", *command)
        assert ran.code == 2
        assert f"'{odd}' is not a month like 2026-01" in ran.err


def test_what_comes_in_late_keeps_the_month_where_it_is(instance: Instance) -> None:
    def late(_: MonthFile) -> int:
        ask(
            instance.url,
            "INSERT INTO calls_events (originator_id, originator_version, topic, state) "
            f"SELECT originator_id, 99, 'call.corrected', '{{}}' FROM {PART} LIMIT 1",
        )
        return 1  # which is sealed

    with owner_of(instance.url) as owner:
        with pytest.raises(MonthIsNeeded, match="1 of its events"):
            detach(owner, MONTH, instance.file, late)
        assert ask(instance.url, "SELECT to_regclass(%s)", PART) != [(None,)]


def test_a_month_stays_until_the_word_of_its_going_is_sealed(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.months.months.SEALING_SECONDS", 0.2)
    unsealed = instance.detach(sealing=False)
    assert (unsealed.code, "Nobody seals" in unsealed.err) == (1, True), unsealed.err
    assert instance.verdict()[1] == INTACT
    assert instance.detach().code == 0
    assert instance.verdict(instance.file)[1] == INTACT


def test_what_broke_off_before_the_log_was_told_is_finished_by_the_next_try(
    instance: Instance,
) -> None:
    before, out = ask(instance.url, STORED), instance.detach().document
    said = CallsMonthDetached(
        month=MONTH, events=out["events"], root=out["root"], sha256=out["sha256"]
    )

    def breaks(_: MonthFile) -> int:
        raise Unavailable

    with owner_of(instance.url) as owner, pytest.raises(Unavailable):
        attach(owner, said, instance.file, breaks)
    for code in (0, 1):  # it is there then, and the log knows
        assert instance.calls("attach", MONTH, str(instance.file)).code == code
    assert ask(instance.url, STORED) == before


def test_a_month_that_is_needed_stays(instance: Instance) -> None:
    url = instance.url
    ask(url, "UPDATE view_position SET position = 0 WHERE view = 'call_log'")
    behind = instance.detach(sealing=False)
    assert (behind.code, "not read past it" in behind.err) == (1, True), behind.err
    instance.read()
    with recorded(url) as logs:
        record(logs[CALLS], [(in_january(999), [admitted(facts(1))])])
    instance.read()
    opened = instance.detach(sealing=False)
    assert (opened.code, "no end yet" in opened.err) == (1, True), opened.err
    settle_all(url)
    instance.read()
    unsealed = instance.detach(sealing=False)
    assert (unsealed.code, "sealed" in unsealed.err) == (1, True), unsealed.err
    this = datetime.now(UTC).strftime("%Y-%m")
    for month in (this, "2020-01", "2026-13", "x"):
        assert instance.calls("detach", month, "--out", "x").code in {1, 2}, month
    instance.sealed()
    assert instance.detach().code == 0


def test_calls_go_to_the_part_of_their_month(database_url: str) -> None:
    now = datetime.now(UTC)
    ((part,),) = ask(
        database_url,
        "INSERT INTO calls_events (originator_id, originator_version, topic, state) "
        "VALUES (first_uuid7(now()), 1, 'x', '') RETURNING tableoid::regclass::text",
    )
    assert part == f"calls_events_{now:%Y_%m}"
    ask(database_url, "SELECT make_calls_month(now())")  # it is there: nothing happens
