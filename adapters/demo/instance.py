"""An instance for one demonstration: started with `clawbot up`, then thrown away."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from adapters.postgres.tied_process import tied
from adapters.supervisor.programs import bare_environment, clawbot
from domain.errors import BadSetup

END_SECONDS = 25


@contextmanager
def throwaway_instance(*, egress_allow: str) -> Iterator[str]:
    """The URL of a control plane whose proxy may call `egress_allow`; gone at the end.

    Nothing of an instance that is configured on this machine is used or touched.
    """
    folder = Path(tempfile.mkdtemp(prefix="clawbot-demo-"))
    try:
        folder.chmod(0o711)  # run by root, the database is another user and must get in
        with subprocess.Popen(  # noqa: S603 - our own interpreter and module
            tied(clawbot("up", "--json"), ids=(os.geteuid(), os.getegid())),
            cwd=folder,  # where no .env is
            env=_environment(folder, egress_allow),
            stdout=subprocess.PIPE,
        ) as process:
            try:
                yield _control_plane(process)
            finally:
                process.terminate()
                try:
                    process.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
    finally:
        shutil.rmtree(folder)


def _environment(folder: Path, egress_allow: str) -> dict[str, str]:
    api, proxy, worker = _free_ports(3)
    return bare_environment() | {
        "CLAWBOT_DATA_DIR": str(folder / "data"),
        "CLAWBOT_PORT": str(api),
        "CLAWBOT_PROXY_PORT": str(proxy),
        "CLAWBOT_WORKER_PORT": str(worker),
        "EGRESS_ALLOW": egress_allow,
    }


def _control_plane(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        msg = "The instance of the demonstration did not start; the line above says why."
        raise BadSetup(msg)
    return str(json.loads(line)["control_plane"])


def _free_ports(number: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
