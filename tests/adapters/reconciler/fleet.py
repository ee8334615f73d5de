"""Bots in a real database, with a projector and a worker's loop in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from uuid import UUID, uuid4

from adapters.bootstrap.followers import event_logs
from adapters.bootstrap.reconciling import register_reconciling
from adapters.follower import Reader, ViewFollower
from adapters.following import follow
from adapters.memory_engine import MemoryEngine
from adapters.memory_workspaces import MemoryReaders, MemoryWorkspaces
from adapters.parking import parking_in
from adapters.postgres.database import Database
from adapters.postgres.fleet_views import PostgresBotDirectory
from adapters.reconciler.locks import PostgresBotLocks
from adapters.reconciler.loop import PASS_SECONDS, ReconcilerLoop
from adapters.reconciler.roll import DirectoryRoll
from application.bus import Bus
from application.container_tokens import ContainerTokens
from application.event_log import Caller, EventLog, acting
from application.reconciling import Reconciler
from domain.bot_events import BotEvent, BotStarted, BotStopped, ProviderLink, Runtime
from domain.bots import Bot
from domain.container_plans import wanted_of
from domain.containers import SMALL, NetworkPolicy
from domain.ids import TeamId
from domain.log import FLEET
from domain.reconciling import decide
from domain.runs import NOT_SEEN, Run, run_of
from projections.bot_directory import BotDirectoryProjector, BotRow
from projections.bot_status import BotStatus
from tests.projections.given_logs import database

TEAM = TeamId(uuid4())
ALICE = Caller(actor="user:alice", team_id=TEAM)


@dataclass(kw_only=True)
class Fleet:
    """The write side, the directory, a scripted engine and a worker's parts."""

    url: str
    log: EventLog
    directory: PostgresBotDirectory
    engine: MemoryEngine
    workspaces: MemoryWorkspaces
    readers: MemoryReaders
    worker_database: Database

    def create(self, count: int, *, started: bool = False) -> list[UUID]:
        """So many bots, each with a container that was configured."""
        streams = [self.log.begin(Bot(), uuid4()) for _ in range(count)]
        with acting(ALICE):
            self.log.append_all(
                *(
                    (one, _born(f"bot-{n}", started=started))
                    for n, one in enumerate(streams)
                )
            )
        eventually(lambda: len(self.rows()) >= count, 30)
        return [one.id for one in streams]

    def create_running(self, count: int) -> None:
        """So many bots that have been running for a while, at rest."""
        changes = []
        for bot_id in self.create(count, started=True):
            bot = self.log.read(Bot(), bot_id).state
            spec = wanted_of(bot_id, bot).spec
            self.engine.start(self.engine.create(spec))
            (seen,) = self.engine.of(bot_id)
            note = decide(wanted_of(bot_id, bot), [seen], NOT_SEEN, datetime.now(UTC)).note
            run = self.log.look(Run(), run_of(bot_id))
            changes.append((run, run.state.observe(bot_id, note)))
        with acting(ALICE):
            self.log.append_all(*changes)
        eventually(lambda: self.statuses() == {BotStatus.RUNNING: count}, 30)

    def start(self, bot_ids: Sequence[UUID]) -> None:
        with acting(ALICE):
            for bot_id in bot_ids:
                stream = self.log.read(Bot(), bot_id)
                self.log.append(stream, stream.state.start())

    def stop(self, bot_ids: Sequence[UUID]) -> None:
        with acting(ALICE):
            for bot_id in bot_ids:
                self.log.append(self.log.read(Bot(), bot_id), [BotStopped()])

    def rows(self) -> dict[UUID, BotRow]:
        return {row.bot_id: row for row in self.directory.every()}

    def statuses(self) -> dict[BotStatus, int]:
        counted: dict[BotStatus, int] = {}
        for row in self.rows().values():
            counted[row.status] = counted.get(row.status, 0) + 1
        return counted

    def reconciler(self, locks: PostgresBotLocks) -> Reconciler:
        worker = self.worker_database
        log, directory = event_logs(worker)[FLEET], PostgresBotDirectory(worker)
        bus = Bus(worker.unit_of_work)
        register_reconciling(bus, log)
        tokens = ContainerTokens(
            workspaces=self.workspaces,
            bus=bus,
            make=lambda: f"cbt_{uuid4().hex}",
            hash_of=lambda token: sha256(token.encode()).hexdigest(),
        )
        return Reconciler(
            engine=self.engine,
            workspaces=self.workspaces,
            readers=self.readers,
            tokens=tokens,
            roll=DirectoryRoll(partial(directory.of_runtime, "docker"), "docker"),
            locks=locks,
            event_log=log,
            bus=bus,
            clock=lambda: datetime.now(UTC),
        )

    @contextmanager
    def worker(self, *, pass_seconds: float = PASS_SECONDS) -> Iterator[ReconcilerLoop]:
        """A worker's loop at work, until the block ends."""
        stop = threading.Event()
        locks = PostgresBotLocks(self.url, role="clawbot_worker")
        loop = ReconcilerLoop(
            self.reconciler(locks), self.engine, stop=stop, pass_seconds=pass_seconds
        )
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield loop
        finally:
            stop.set()
            thread.join()
            locks.close()


def _born(hostname: str, *, started: bool) -> list[BotEvent]:
    bot, events = Bot(), list[BotEvent]()

    def also(decided: Sequence[BotEvent]) -> None:
        nonlocal bot
        for event in decided:
            bot = bot.evolve(event)
        events.extend(decided)

    also(
        bot.create(
            team_id=TEAM, hostname=hostname, name="Ada", tags=(), runtime=Runtime.DOCKER
        )
    )
    link = ProviderLink(
        link_id=uuid4(),
        provider_key_id=uuid4(),
        vendor=None,
        tag=None,
        models=("*",),
        primary_model=None,
    )
    also(bot.link(link))
    isolated = NetworkPolicy.ISOLATED
    also(bot.configure(image="clawbot/t:1", resources=SMALL, network=isolated, port=None))
    if started:
        also([BotStarted(generation=bot.generation + 1)])
    return events


@contextmanager
def fleet(url: str) -> Iterator[Fleet]:
    """The parts, with a projector that keeps the directory up to date."""
    with ExitStack() as stack:
        api = stack.enter_context(database(url, "clawbot_api"))
        projector = stack.enter_context(database(url, "clawbot_projector"))
        worker = stack.enter_context(database(url, "clawbot_worker"))
        over = threading.Event()
        reader = Reader(event_logs(projector)[FLEET])
        follower = ViewFollower(BotDirectoryProjector(), PostgresBotDirectory(projector))
        thread = threading.Thread(
            target=follow,
            args=(follower, {FLEET: reader}, parking_in(projector)),
            kwargs={"wake": threading.Event(), "stop": over, "poll_seconds": 0.1},
        )
        thread.start()
        engine = MemoryEngine()
        try:
            yield Fleet(
                url=url,
                log=event_logs(api)[FLEET],
                directory=PostgresBotDirectory(worker),
                engine=engine,
                workspaces=MemoryWorkspaces(),
                readers=MemoryReaders(),
                worker_database=worker,
            )
        finally:
            engine.leave()
            over.set()
            thread.join()


def eventually(true: Callable[[], bool], seconds: float) -> float:
    """It becomes true within that time; after how many seconds."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - started
