"""What is answered about calls whose month was taken out of the calls log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.backup.writing import owner_of
from adapters.months.months import detach
from application import event_log
from application.calls_months import DetachCallsMonth
from application.event_log import Caller, acting
from domain.calls import Call, CallEvent
from domain.calls_months import CallsMonthDetached
from tests.adapters.sealing.given import ask, seal_all, sign
from tests.api.calls import Calls, admitted, settled
from tests.api.front import Front

MONTH = "2026-01"
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
SUMMARY, TREND, CALLS = (f"/api/usage/{one}" for one in ("summary", "trend", "calls"))
STATISTICS = "/api/routing/statistics"
IN_JANUARY = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
IN_DECEMBER = {"from": "2025-12-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A position, a time at which the log stood there, and what was answered."""

    position: str
    time: str
    told: list[Any]


class Clock:
    """Plays `datetime` for whatever is recorded: a second passes each time."""

    def __init__(self) -> None:
        self.time = JANUARY - timedelta(days=1)

    def now(self, _: tzinfo) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


class Scene:
    """A team with calls of months that are long over."""

    def __init__(self, front: Front, url: str, folder: Path, clock: Clock) -> None:
        self.front, self.url, self.folder, self.clock = front, url, folder, clock
        me = front.registered()
        self.headers, self.team = front.bearer(me), UUID(me["team"]["id"])
        self.calls = Calls(front, me["team"]["id"])
        ask(url, "SELECT make_calls_month(%s)", JANUARY)

    def call(self, at: datetime, *, settle: bool = True) -> UUID:
        """A call of that time, by its id too."""
        self.clock.time = at
        call_id = UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62)
        facts = self.calls.facts(at)
        self.record(call_id, admitted(facts))
        if settle:
            self.record(call_id, settled(facts, 10))
        return call_id

    def quota(self, window: str) -> str:
        """A new one of the team, by its id."""
        team = {"kind": "team", "id": str(self.team)}
        new = {"scope": team, "metric": "requests", "window": window, "limit": 100}
        answer = self.front.client.post("/api/quota", json=new, headers=self.headers)
        assert answer.status_code == 201, answer.text
        quota_id: str = answer.json()["id"]
        return quota_id

    def record(self, call_id: UUID, *events: CallEvent) -> None:
        log = self.front.system.calls
        with acting(Caller("bot:test", self.team, "request-7")):
            log.append(log.look(Call(), call_id), events)
        self.front.system.pump()

    def get(self, path: str, **query: str) -> Any:
        return self.front.client.get(path, params=query, headers=self.headers)

    def now(self) -> Moment:
        answers = [self.get(path) for path in (SUMMARY, TREND, CALLS)]
        (position,) = {one.headers["x-log-position"] for one in answers}
        return Moment(
            position=position,
            time=self.clock.time.isoformat().replace("+00:00", "Z"),
            told=[one.json() for one in answers],
        )

    def then(self, at: str) -> list[Any]:
        answers = [self.get(path, at=at) for path in (SUMMARY, TREND, CALLS)]
        assert {one.status_code for one in answers} == {200}, answers[0].text
        return [one.json() for one in answers]

    def january_goes(self) -> None:
        seal_all(self.url)
        sign(self.url, self.folder / "signer")

        def tell(found: Any) -> int:
            said = CallsMonthDetached(month=MONTH, **vars(found))
            by = Caller("system:test")
            position = self.front.system.bus.handle(DetachCallsMonth(said=said), by=by)
            seal_all(self.url)
            return position

        with owner_of(self.url) as owner:
            detach(owner, MONTH, self.folder / "january.ndjson", tell)


@pytest.fixture
def scene(
    real: Front, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    clock = Clock()
    scene = Scene(real, database_url, tmp_path, clock)
    monkeypatch.setattr(event_log, "datetime", clock)
    return scene


def test_what_was_is_told_still_or_refused_where_a_month_that_is_out_was_in_the_middle(
    scene: Scene,
) -> None:
    scene.call(JANUARY - timedelta(hours=3))
    before = scene.now()
    scene.call(JANUARY + timedelta(hours=3))
    long_one = scene.call(JANUARY + timedelta(days=3), settle=False)
    amid = scene.now()
    scene.record(long_one, settled(scene.calls.facts(JANUARY + timedelta(days=3)), 20))
    over = scene.now()
    scene.january_goes()
    later: list[Moment] = []
    for _ in range(2):  # with nothing behind the month, and with a call of March
        assert scene.now().told == (later or [over])[-1].told
        for moment in (before, over, *later):
            assert scene.then(moment.position) == moment.told
            assert scene.then(moment.time) == moment.told
        for at in (amid.position, amid.time):
            for path in (SUMMARY, TREND, CALLS, STATISTICS):
                refused = scene.get(path, at=at)
                assert (refused.status_code, refused.json()["code"]) == (
                    409,
                    "month-is-out",
                )
        gone = scene.get(STATISTICS, at=over.position, **IN_JANUARY)
        assert (gone.status_code, gone.json()["code"]) == (409, "month-is-out")
        kept = scene.get(STATISTICS, at=over.position, **IN_DECEMBER)
        assert kept.json()["calls"] == 1
        scene.call(datetime(2026, 3, 2, tzinfo=UTC))
        later.append(scene.now())


def test_a_balance_is_folded_of_months_that_are_there_or_refused(scene: Scene) -> None:
    total, minute = (scene.quota(window) for window in ("total", "minute"))
    scene.call(JANUARY - timedelta(hours=3))
    before = scene.now()
    scene.call(JANUARY + timedelta(hours=3))
    over = scene.now()
    scene.january_goes()
    scene.call(datetime(2026, 3, 2, tzinfo=UTC))
    later = scene.now()
    for moment, of_total, of_minute in (
        (before, 200, 200),
        (over, 409, 409),
        (later, 409, 200),
    ):
        for quota, status in ((total, of_total), (minute, of_minute)):
            for at in (moment.time, f"fleet={scene.front.system.fleet.head()}"):
                at = f"{at},{moment.position}" if "=" in at else at  # noqa: PLW2901
                answer = scene.get(f"/api/quota/{quota}/balance", at=at)
                assert answer.status_code == status, (moment, quota == total, at)


def test_the_audit_trail_tells_of_events_that_are_out_all_but_what_they_say(
    scene: Scene,
) -> None:
    scene.call(JANUARY - timedelta(hours=3))
    scene.call(JANUARY + timedelta(hours=3))
    asked = {"kind": "call"}
    before = scene.get("/api/audit/events", **asked).json()["items"]
    scene.january_goes()
    answer = scene.get("/api/audit/events", **asked)
    assert answer.status_code == 200, answer.text
    out, left = before[:2], before[2:]
    assert answer.json()["items"] == [*(one | {"event": None} for one in out), *left]
    for kind in ("ndjson", "csv", "parquet"):
        exported = scene.get("/api/audit/events", format=kind)
        assert exported.status_code == 200
        assert exported.content
    replay = scene.get(f"/api/audit/stream/call/{out[0]['stream_id']}")
    assert replay.status_code == 404
