"""A Docker Engine for tests: our own `dockerd` in a room of its own, one a session.

A test that asks for `engine_room` sees the engine's network as its own: its bridges, its
firewall, and 127.0.0.1 inside. A server that bots shall reach must be started there. What
is to reach the outside (a database of the session) must be opened before, or be passed by
Unix socket. The images of `tests/engine/images.py` are loaded.

The engine can be killed and started again (`kill`, `start`), as a machine's is; containers
outlive it only as they do there (`live_restore`). Where `dockerd` is missing the tests
fail: nothing about containers is proved without one.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from tests.engine.images import load_images
from tests.engine.room import Room

START_SECONDS = 60


class Dockerd:
    """One engine. `url` is what DOCKER_HOST would hold; `folder` may be mounted from."""

    def __init__(self, room: Room, folder: Path, *, live_restore: bool = False) -> None:
        self.room = room
        self.folder = folder
        self.url = f"unix://{folder}/docker.sock"
        self._options = ["--live-restore"] if live_restore else []
        self._running: tuple[subprocess.Popen[bytes], int] | None = None

    def start(self) -> None:
        """It answers."""
        with (self.folder / "dockerd.log").open("ab") as log:
            self._running = self.room.start(
                # Whatever it wants of a registry is refused at once.
                *("env", "HTTPS_PROXY=http://127.0.0.1:9", "HTTP_PROXY=http://127.0.0.1:9"),
                *("dockerd", "--bridge=none", "--storage-driver=overlay2"),
                *("--host", self.url, "--pidfile", f"{self.folder}/pid"),
                *(
                    "--data-root",
                    f"{self.folder}/data",
                    "--exec-root",
                    f"{self.folder}/run",
                ),
                *("--cgroup-parent", f"/clawbot-test-{os.getpid()}", *self._options),
                output=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._running[0].poll() is not None or time.monotonic() > deadline:
                output = (self.folder / "dockerd.log").read_text()
                pytest.fail(f"dockerd did not start:\n{output[-2000:]}")
            time.sleep(0.05)

    def new_folder(self) -> Path:
        """A folder that containers may mount from, gone with the engine."""
        made = Path(tempfile.mkdtemp(dir=self.folder))
        made.chmod(0o755)
        return made

    def kill(self) -> None:
        """It ends without a chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """It ends as it does when a machine is shut down; containers are stopped."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """It takes connections and answers nothing, until it goes on."""
        assert self._running is not None
        os.kill(self._running[1], signal.SIGSTOP)

    def go_on(self) -> None:
        """Whoever was paused answers again."""
        if self._running is None:
            return
        self._running[0].send_signal(signal.SIGCONT)  # `nsenter` stops with its child
        os.kill(self._running[1], signal.SIGCONT)

    @contextmanager
    def client(self) -> Iterator[docker.DockerClient]:
        """The SDK's client, as a test looks behind the engine's back."""
        client = docker.DockerClient(base_url=self.url, timeout=60)
        try:
            yield client
        finally:
            client.close()

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            try:
                connection.connect(self.url.removeprefix("unix://"))
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(100)
            except OSError:
                return False

    def _end(self, how: signal.Signals) -> None:
        if self._running is None:
            return
        waiting, pid = self._running
        os.kill(pid, how)
        waiting.send_signal(signal.SIGCONT)
        waiting.wait()
        self._running = None
        # The engine's own containerd dies a moment later, and keeps its socket till then.
        (self.folder / "pid").unlink(missing_ok=True)


@contextmanager
def running_dockerd(*, live_restore: bool = False) -> Iterator[Dockerd]:
    """An engine with the images, alone in a new room; nothing of it is left."""
    if shutil.which("dockerd") is None:
        pytest.fail("dockerd is not installed (Debian: apt-get install docker.io)")
    folder = Path(tempfile.mkdtemp(prefix="clawbot-dockerd-"))
    folder.chmod(0o755)  # bots are another user than root, and mount folders from here
    room = Room()
    engine = Dockerd(room, folder, live_restore=live_restore)
    try:
        engine.start()
        with engine.client() as client:
            load_images(client)
        yield engine
    finally:
        engine.kill()
        room.close()
        _remove_control_groups()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """The engine that all tests of a session share."""
    with running_dockerd() as engine:
        yield engine


@pytest.fixture
def engine_room(dockerd: Dockerd) -> Iterator[Dockerd]:
    """The same engine, and the test stands in its network."""
    with dockerd.room.inside():
        yield dockerd


def _remove_control_groups() -> None:
    """Those of killed containers stay behind, empty."""
    for group in Path("/sys/fs/cgroup").glob(f"*/clawbot-test-{os.getpid()}"):
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
