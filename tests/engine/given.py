"""Bots on a real engine, for tests: one instance of ours and what it makes."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from adapters.docker.engine import DockerEngine
from adapters.docker.setup import EngineSetup
from adapters.docker.transport import EngineAddress
from adapters.memory_workspaces import MemoryWorkspaces
from domain.bots import Bot
from domain.containers import ContainerSpec, NetworkPolicy, Resources, SeenContainer
from tests.engine.dockerd import Dockerd
from tests.engine.images import BREAKOUT_IMAGE
from tests.engine.world import INTERNET

SMALL = Resources(memory_mb=128, cpu_millis=1000, pids=64)


@dataclass(frozen=True)
class Bots:
    """One instance on the engine of the tests."""

    dockerd: Dockerd
    setup: EngineSetup
    engine: DockerEngine

    def spec(self, **wishes: Any) -> ContainerSpec:
        """What a bot may be made from; its folders are there."""
        spec = ContainerSpec(
            bot_id=uuid4(),
            team_id=uuid4(),
            hostname="ada",
            generation=1,
            image=BREAKOUT_IMAGE,
            resources=SMALL,
            network=NetworkPolicy.ISOLATED,
        )
        spec = replace(spec, **wishes)
        own = self.setup.data_dir / str(spec.bot_id)
        secrets = self.setup.secrets_dir / str(spec.bot_id)
        for folder in (own / "config", own / "workspace", own / "state", secrets):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, *self.setup.user)
        (secrets / "token").write_text("cbt_of-a-test")
        return spec

    def running(self, **wishes: Any) -> str:
        """The id of a container that runs."""
        made = self.engine.create(self.spec(**wishes))
        self.engine.start(made)
        return made

    def seen(self, container_id: str) -> SeenContainer:
        return next(
            one for one in self.engine.containers() if one.container_id == container_id
        )

    def asks(self, container_id: str, *arguments: str) -> Any:
        """What `breakout.py` finds in the container, or `None` if it was killed."""
        with self.dockerd.client() as client:
            container = client.containers.get(container_id)
            code, output = container.exec_run(["python3", "/app/breakout.py", *arguments])
        assert isinstance(output, bytes)
        return json.loads(output) if code == 0 else None

    def inspected(self, container_id: str) -> dict[str, Any]:
        with self.dockerd.client() as client:
            found: dict[str, Any] = client.api.inspect_container(container_id)
            return found


class Folders(MemoryWorkspaces):
    """Folders that a container can mount; what is in them does not matter here."""

    def __init__(self, bots: Bots) -> None:
        super().__init__()
        self._bots = bots

    def prepare(self, bot_id: UUID, bot: Bot, token: str) -> str:
        self._bots.spec(bot_id=bot_id)
        return super().prepare(bot_id, bot, token)


@contextmanager
def instance(dockerd: Dockerd, folder: Path, **settings: Any) -> Iterator[Bots]:
    """A new instance; all that it has made is gone afterwards, and its firewall too."""
    setup = EngineSetup(
        instance=uuid4(),
        data_dir=folder / "data",
        secrets_dir=folder / "secrets",
        images_allowed=("clawbot/*",),
        dns=(INTERNET,),
        timeout_seconds=30,
    )
    setup = replace(setup, **settings)
    engine = DockerEngine(setup, EngineAddress(host=dockerd.url))
    try:
        yield Bots(dockerd, setup, engine)
    finally:
        for orphan in engine.orphans(frozenset()):
            engine.discard(orphan)
        engine.firewall.remove()
        engine.close()


@contextmanager
def answering(address: tuple[str, int]) -> Iterator[int]:
    """A server that answers every question alike, as a proxy might: its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(address, Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            serving.join()


def until(is_so: Callable[[], object], *, seconds: float = 20) -> None:
    """It is so within that time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "It did not come to pass"
        time.sleep(0.05)


ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "The proxy says hello."},
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}
