"""`clawbot up`: a whole instance on one machine, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from adapters.bootstrap.instance import postgres_folder, prepare
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.serving import bound
from adapters.settings import Settings
from adapters.supervisor import groundwork
from adapters.supervisor.child import Child, Say
from adapters.supervisor.keeping import keep
from adapters.supervisor.log_files import LogFile
from adapters.supervisor.programs import programs_of, reachable


@dataclass(frozen=True, kw_only=True)
class Instance:
    """What runs where, once it does."""

    control_plane: str  # URLs without a slash at the end
    proxy: str
    data_dir: Path
    logs: Path
    embedded_database: bool
    master_key_written: Path | None
    pid: int
    processes: Mapping[str, int | None]
    seconds: float  # that the start took


def up(settings: Settings, *, announce: Callable[[Instance], None], say: Say) -> None:
    """All of it runs until SIGTERM or SIGINT, and is gone afterwards.

    `announce` is called once everything is ready; `say` gets a sentence whenever a process
    ends and is started again. Raises `BadSetup` before anything is started or changed where
    that can be known, and `Unavailable`.
    """
    began = time.monotonic()
    groundwork.refuse_busy_ports(settings)
    groundwork.refuse_bad_key(settings)
    folder = groundwork.made_folder(settings.clawbot_data_dir.absolute())
    with ExitStack() as stack:
        server: EmbeddedPostgres | None = None
        if not settings.database_url:
            server = stack.enter_context(EmbeddedPostgres(postgres_folder(settings)))
        url = settings.database_url or (server.url if server else "")
        written = groundwork.own_master_key(settings, url)
        prepare(settings, url)
        logs = groundwork.made_folder(folder / "logs")
        logs.chmod(0o700)

        def ready(pids: Mapping[str, int | None]) -> None:
            announce(
                Instance(
                    control_plane=_url(settings.clawbot_host, settings.clawbot_port),
                    proxy=settings.bots_proxy_url,
                    data_dir=folder,
                    logs=logs,
                    embedded_database=server is not None,
                    master_key_written=written,
                    pid=os.getpid(),
                    processes=pids,
                    seconds=round(time.monotonic() - began, 2),
                )
            )

        listener = stack.enter_context(
            closing(bound(settings.clawbot_proxy_host, settings.clawbot_proxy_port))
        )

        async def run() -> None:
            children = [
                Child(
                    program,
                    stack.enter_context(closing(LogFile(logs / f"{program.name}.log"))),
                    say,
                )
                for program in programs_of(settings, url, listener.fileno())
            ]
            await keep(children, server, ready=ready, say=say)

        asyncio.run(run())


def _url(host: str, port: int) -> str:
    host = reachable(host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
