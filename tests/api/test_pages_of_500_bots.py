"""No page about bots is slow in a team that has as many as a team may have."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import anyio
import httpx2
import pytest

from application.bots import ContainerWish, CreateBot
from application.engines import ContainerStats, LogLine
from application.event_log import Caller
from application.workspace_store import ShownFile, ShownWorkspace
from domain.bot_events import ProviderLink, Runtime
from domain.containers import SMALL
from domain.ids import BotId, LinkId, TeamId
from domain.seats import MOST, Seat
from domain.workspace.rendered import Area
from tests.api.front import Front
from tests.api.test_every_route import ROUTES, filled, ids_of
from tests.faults.reckoning import tell
from tests.garbage import as_in_a_process_of_its_own

MOST_MS = 100.0
ASKED = 60  # times each
SELDOM = {"/api/bot/{hostname}/routing/suggest": 10}  # what may not be asked so often
LINES = 1_000
PAGES = sorted(path for method, path in ROUTES if (method, path[:8]) == ("GET", "/api/bot"))
QUERIES = {
    "/api/bot": "?limit=1000",
    "/api/bot/{hostname}/logs": f"?tail={LINES}",
    "/api/bot/{hostname}/usage/breakdown": "?group_by=model",
}
OPERATORS = {"/api/bot/admin/orphans"}  # who sees nothing of a team


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_with_500_bots_every_page_about_bots_is_there_in_100_ms(
    real: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    real.system.runtimes.engines = {Runtime.DOCKER}
    me = real.someone()
    ids = ids_of(real, me)
    skills = f"/api/bot/{ids['hostname']}/skills"
    new = {"skill_id": ids["skill_id"]}
    skill = real.client.post(skills, json=new, headers=me).json()
    team_id = TeamId(UUID(ids["team_id"]))
    for number in range(1, MOST[Seat.BOT]):
        _create(real, team_id, f"bot-{number}")
    real.system.pump()
    rows = real.system.bot_directory.of_team(team_id, after="", limit=1000)
    assert len(rows) == MOST[Seat.BOT]
    watch = real.system.fleet_watch
    watch.taken = {row.bot_id: _taken(row.bot_id) for row in rows}
    mine = next(row.bot_id for row in rows if row.hostname == ids["hostname"])
    watch.lines[mine] = [LogLine(at=None, stream="stdout", text="x" * 80)] * LINES
    file = ShownFile(area=Area.CONFIG, path="config.json", text="{}")
    watch.workspaces[mine] = ShownWorkspace(
        files=(file,), revision="abc", in_step=True, notes=()
    )

    with as_in_a_process_of_its_own():
        slowest = anyio.run(_timed, real, ids | {"skill install_id": skill["id"]}, me)
    with capsys.disabled():  # `make soak` shows them
        for path, ms in sorted(slowest.items(), key=lambda one: -one[1]):
            tell(f"{ms:6.1f} ms at p95 with {len(rows)} bots: GET {path}")
    assert max(slowest.values()) < MOST_MS


async def _timed(front: Front, ids: dict[str, str], me: dict[str, str]) -> dict[str, float]:
    """How long each page takes, in milliseconds at p95, without a network between."""
    slowest = {}
    way = httpx2.ASGITransport(app=front.client.app)
    async with httpx2.AsyncClient(transport=way, base_url="http://testserver") as client:
        for path in sorted(set(PAGES) - OPERATORS):
            own = ids | (
                {"install_id": ids["skill install_id"]} if "/skills/" in path else {}
            )
            url = filled(path, own) + QUERIES.get(path, "")
            took = []
            for _ in range(SELDOM.get(path, ASKED)):
                began = time.perf_counter()
                answer = await client.get(url, headers=me)
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, (path, answer.text)
            slowest[path] = sorted(took)[math.ceil(len(took) * 0.95) - 1]
    return slowest


def _create(front: Front, team_id: TeamId, hostname: str) -> None:
    link = ProviderLink(
        link_id=LinkId(uuid4()),
        provider_key_id=None,
        vendor="openai",
        tag=None,
        models=("*",),
        primary_model=None,
    )
    command = CreateBot(
        bot_id=BotId(uuid4()),
        team_id=team_id,
        hostname=hostname,
        name=hostname,
        tags=("a", "b"),
        links=(link,),
        token_hash=uuid4().hex,
        now=datetime.now(UTC),
        runtime=Runtime.DOCKER,
        container=ContainerWish(image="clawbot/bot:1", resources=SMALL),
    )
    front.system.bus.handle(command, by=Caller("user:a", team_id=team_id))


def _taken(bot_id: UUID) -> ContainerStats:
    return ContainerStats(
        bot_id=bot_id,
        container_id=bot_id.hex,
        cpu_percent=100,
        memory_bytes=2**20,
        memory_limit_bytes=2**29,
        network_rx_bytes=0,
        network_tx_bytes=0,
        disk_read_bytes=0,
        disk_write_bytes=0,
        pids=1,
    )
