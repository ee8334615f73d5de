"""A fleet in memory with a scripted engine, looked after step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from uuid import UUID, uuid4

from adapters.bootstrap.reconciling import register_reconciling
from adapters.event_store import EventMapper
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory import MemoryBotDirectory, MemoryRecorder, no_unit_of_work
from adapters.memory_engine import MemoryEngine
from adapters.memory_workspaces import MemoryReaders, MemoryWorkspaces
from adapters.reconciler.roll import DirectoryRoll
from application.bus import Bus
from application.container_tokens import ContainerTokens
from application.engines import Engine
from application.event_log import Caller, EventLog, acting
from application.reconciling import Look, Reconciler
from domain.bot_events import BotEvent, ProviderLink, Runtime
from domain.bots import Bot
from domain.containers import SMALL, NetworkPolicy
from domain.ids import TeamId
from domain.log import FLEET
from domain.runs import Observation, Run, run_of
from projections.bot_directory import BotDirectoryProjector, BotRow

TEAM = TeamId(uuid4())
ALICE = Caller(actor="user:alice", team_id=TEAM)
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
IMAGE = "clawbot/tiny:1"


def hash_of(token: str) -> str:
    return sha256(token.encode()).hexdigest()


@dataclass
class OneAtATime:
    """Locks on bots, in memory."""

    held: set[UUID] = field(default_factory=set)

    @contextmanager
    def holding(self, bot_id: UUID) -> Iterator[bool]:
        if bot_id in self.held:
            yield False
            return
        self.held.add(bot_id)
        try:
            yield True
        finally:
            self.held.discard(bot_id)


class Scene:
    """What people, time and the engine can do to bots, and a worker for them."""

    def __init__(
        self,
        *,
        engine: Engine | None = None,
        workspaces: MemoryWorkspaces | None = None,
        now: datetime = START,
        image: str = IMAGE,
    ) -> None:
        """On a real engine, or on a scripted one."""
        self.now = now
        self.image = image
        self.log = EventLog(FLEET, MemoryRecorder(), EventMapper())
        self.bus = Bus(no_unit_of_work)
        register_reconciling(self.bus, self.log)
        self.directory = MemoryBotDirectory()
        self._follower = ViewFollower(BotDirectoryProjector(), self.directory)
        self.engine = MemoryEngine(clock=lambda: self.now)  # if it is not another one
        self._engine: Engine = engine or self.engine
        self.workspaces = workspaces or MemoryWorkspaces()
        self.readers = MemoryReaders()
        self.locks = OneAtATime()
        self.token_life: timedelta | None = None
        self._tokens = count(1)
        self.worker = self.new_worker()

    def new_worker(self) -> Reconciler:
        tokens = ContainerTokens(
            workspaces=self.workspaces,
            bus=self.bus,
            make=lambda: f"cbt_{next(self._tokens)}",
            hash_of=hash_of,
            life=self.token_life,
        )
        self.locks.held.clear()
        return Reconciler(
            engine=self._engine,
            workspaces=self.workspaces,
            readers=self.readers,
            tokens=tokens,
            roll=DirectoryRoll(self.directory.rows.values, self._engine.name),
            locks=self.locks,
            event_log=self.log,
            bus=self.bus,
            clock=lambda: self.now,
        )

    def project(self) -> None:
        """The directory is up to date."""
        catch_up(self._follower, Reader(self.log))

    def create(self, *, image: str = "", runtime: Runtime = Runtime.DOCKER) -> UUID:
        bot_id = uuid4()
        link = ProviderLink(
            link_id=uuid4(),
            provider_key_id=uuid4(),
            vendor=None,
            tag=None,
            models=("*",),
            primary_model=None,
        )
        self.ask(
            bot_id,
            lambda bot: bot.create(
                team_id=TEAM,
                hostname=f"bot-{bot_id.hex[:8]}",
                name="Ada",
                tags=(),
                runtime=runtime,
            ),
        )
        self.ask(bot_id, lambda bot: bot.link(link))
        if runtime is not Runtime.EXTERNAL:
            self.configure(bot_id, image or self.image)
        return bot_id

    def running(self) -> UUID:
        """A bot that was started, and runs."""
        bot_id = self.create()
        self.ask(bot_id, lambda bot: bot.start())
        self.settle()
        return bot_id

    def configure(
        self, bot_id: UUID, image: str, network: NetworkPolicy = NetworkPolicy.ISOLATED
    ) -> None:
        self.ask(
            bot_id,
            lambda bot: bot.configure(
                image=image, resources=SMALL, network=network, port=None
            ),
        )

    def ask(self, bot_id: UUID, decide: Callable[[Bot], Sequence[BotEvent]]) -> None:
        """Somebody decides something about the bot; `Refused` as ever."""
        stream = self.log.look(Bot(), bot_id)
        with acting(ALICE):
            self.log.append_all((stream, decide(stream.state)))

    def bot(self, bot_id: UUID) -> Bot:
        return self.log.look(Bot(), bot_id).state

    def seen(self, bot_id: UUID) -> Observation:
        """What is on record of the bot's container."""
        return self.log.look(Run(), run_of(bot_id)).state.last

    def row(self, bot_id: UUID) -> BotRow:
        self.project()
        return self.directory.rows[(bot_id,)]

    def make_pass(self, *, forgiven: bool = False) -> int:
        """One pass over all bots; how many needed a hand."""
        look, due = self.worker.look_at_all(forgiven=forgiven)
        for bot_id in due:
            self.look_after(bot_id, look)
        return len(due)

    def look_after(self, bot_id: UUID, look: Look | None = None) -> datetime | None:
        return self.worker.look_after(bot_id, look or self.worker.look_at([bot_id]))

    def settle(self, passes: int = 8) -> None:
        """As many passes as it takes for one change, with no time between them."""
        for _ in range(passes):
            self.project()
            self.make_pass()
        self.project()

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def ids(self, bot_id: UUID) -> list[str]:
        return [one.container_id for one in self.engine.of(bot_id)]
