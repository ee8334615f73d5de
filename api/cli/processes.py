"""The processes, each by itself, the migrations they need, and the simulated vendor.

A process runs until SIGTERM or SIGINT, finishes what is under way, and leaves.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, Any, TextIO

import typer

from api.cli.output import FINE, NO, Json, document, example, line, say
from domain.errors import BadSetup, Unavailable


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(epilog=example("clawbot api --no-proxy"))(api)
    app.command(epilog=example("CLAWBOT_PROXY_PORT=3101 clawbot proxy"))(proxy)
    app.command(epilog=example("DATABASE_URL=postgresql://… clawbot projector"))(projector)
    app.command(epilog=example("RABBITMQ_URL=amqp://… clawbot worker"))(worker)
    app.command(epilog=example("CLAWBOT_DATA_DIR=/var/lib/clawbot clawbot signer"))(signer)
    app.command(epilog=example("clawbot migrate", "clawbot migrate --json"))(migrate)
    simulate = "clawbot simulate-provider --port 8099 --key sk-only-this-one"
    app.command("simulate-provider", epilog=example(simulate))(simulate_provider)


def api(
    *,
    no_proxy: Annotated[
        bool, typer.Option("--no-proxy", help="Leave /api/v1 to `clawbot proxy`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve the control plane, with the proxy in front.

    It listens on CLAWBOT_HOST and CLAWBOT_PORT.
    """
    from api.main import main  # noqa: PLC0415

    with _process("api", as_json=as_json) as (settings, url):
        main(settings, url, proxy=not no_proxy)


def proxy(
    *,
    listener: Annotated[int | None, typer.Option(hidden=True, min=3)] = None,
    as_json: Json = False,
) -> None:
    """Serve the proxy alone: what bots are given.

    It listens on CLAWBOT_PROXY_HOST and CLAWBOT_PROXY_PORT. With CLAWBOT_WORKERS above 1
    so many processes share the port.
    """
    from proxy.main import main  # noqa: PLC0415

    with _process("proxy", as_json=as_json) as (settings, url):
        if listener is not None:  # we are one of several, and inherited it
            main(settings, url, listener=socket.socket(fileno=listener))
        elif settings.clawbot_workers == 1:
            main(settings, url)
        else:
            from adapters.supervisor.proxies import run  # noqa: PLC0415

            run(settings, url, say=say)


def projector(*, as_json: Json = False) -> None:
    """Keep every view and policy at the head of the logs."""
    from adapters.projector import run  # noqa: PLC0415

    with _process("projector", as_json=as_json) as (settings, url):
        run(settings, url)


def worker(*, as_json: Json = False) -> None:
    """Do the jobs that events ask for, such as key checks."""
    from adapters.worker import run  # noqa: PLC0415

    with _process("worker", as_json=as_json) as (settings, url):
        run(settings, url)


def signer(*, as_json: Json = False) -> None:
    """Sign what the sealed log has grown to, every second.

    Its key, and what it signed last, are in CLAWBOT_DATA_DIR; it signs nothing that does
    not begin with what it signed before.
    """
    from adapters.sealing.signer import run  # noqa: PLC0415

    with _process("signer", as_json=as_json) as (settings, url):
        run(settings, url)


def migrate(*, as_json: Json = False) -> None:
    """Bring the database to this version.

    The keys of this instance are made if there are none.
    """
    from adapters.bootstrap.instance import database_of, prepare  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    with database_of(settings) as url:
        applied = prepare(settings, url)
    if as_json:
        document({"applied": applied})
        return
    for name in applied:
        line(f"applied {name}")
    line(f"The schema is current, {len(applied)} applied now.")


def simulate_provider(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")],
    host: Annotated[str, typer.Option(help="Where it listens.")] = "127.0.0.1",
    key: Annotated[
        str | None, typer.Option(help="The only credential that is accepted.")
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Answer what was asked before from memory.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Play an AI vendor that counts tokens exactly.

    OpenAI, Anthropic and Gemini are spoken on one port; GET /ledger tells what was counted.
    """
    from adapters.simulator import run  # noqa: PLC0415

    redirected = contextlib.redirect_stdout(_Address(sys.stdout))
    with redirected if as_json else contextlib.nullcontext():
        run(host=host, port=port, key=key, fast=fast)


class _Address(io.StringIO):
    """Turns the simulator's line about where it listens into JSON."""

    def __init__(self, output: TextIO) -> None:
        super().__init__()
        self._output = output

    def write(self, text: str, /) -> int:
        with contextlib.redirect_stdout(self._output):
            document({"url": text.rsplit(maxsplit=1)[-1]})
        return len(text)


class _WhyNot(logging.Filter):
    """Keeps what the server's start failed of, which the server buries in its log."""

    def __init__(self) -> None:
        super().__init__()
        self.error: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (BadSetup, Unavailable)):
            self.error = error
        return error is None or error is not self.error


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(FINE)


@contextlib.contextmanager
def _process(name: str, *, as_json: bool) -> Iterator[tuple[Any, str]]:
    """Settings and database of a process that writes logs; what it is, said as JSON.

    A database that does not answer is no wrong set-up: the process leaves with 1, and may
    be started again.
    """
    from adapters import logs  # noqa: PLC0415
    from adapters.bootstrap.instance import database_of  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises it again once it has stopped well: that is no failure.
        signal.signal(number, _leave)
    settings, why_not = read_settings(), _WhyNot()
    logs.configure()
    logging.getLogger("uvicorn.error").addFilter(why_not)
    try:
        with database_of(settings) as url:
            if as_json:
                document({"process": name, "pid": os.getpid()})
            yield settings, url
    except SystemExit:
        if isinstance(why_not.error, BadSetup):
            raise why_not.error from None
        if why_not.error is None:
            raise
        say(str(why_not.error))
        raise typer.Exit(NO) from None
    except Unavailable as error:
        say(str(error))
        raise typer.Exit(NO) from error
