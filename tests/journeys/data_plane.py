"""The data plane as it is shipped: a proxy process, a vendor to call, and who may call it.

The proxy runs alone in a process of its own, on PostgreSQL under the roles of the
processes; the vendor is the simulator. Tests share one data plane a session and make a bot
each; those that break things bring their own (`running`).
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from adapters.bootstrap.control_plane import control_plane
from adapters.bootstrap.instance import prepare
from adapters.settings import Settings
from adapters.simulator import started
from tests.databases import url_of
from tests.journeys.plane import DataPlane, TestBot
from tests.journeys.proxy_process import ROOT, ProxyProcess

NOWHERE = "http://127.0.0.1:1"  # may be called, and nobody listens there
SHOWN = 20_000  # characters of the proxy's log, with what made a test fail
VENDORS = ("openai", "anthropic", "google", "custom")


@contextmanager
def running(
    url: str,
    *,
    secret: str = "sk-data-plane-0123456789abcdef",
    fast: bool = False,
    allow: tuple[str, ...] = (),
    **more: str,
) -> Iterator[DataPlane]:
    """A data plane on this database, which it migrates; nothing of it is left.

    The proxy is told `more` settings, by their names in the environment, and may call the
    origins of `allow` too; a `fast` vendor answers the same request the same way.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        simulator = stack.enter_context(started(fast=fast))
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": url,
            "BOT_MASTER_KEY": f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
            "EGRESS_ALLOW": ",".join((simulator.url, NOWHERE, *allow)),
            "CLAWBOT_PROXY_PORT": str(_free_port()),
            **more,
        }
        settings = Settings(
            **{name.lower(): value for name, value in environment.items()}  # type: ignore[arg-type]
        )
        prepare(settings, url)
        control = stack.enter_context(control_plane(settings, url))
        proxy = ProxyProcess(environment, settings.clawbot_proxy_port, folder / "proxy.log")
        stack.callback(proxy.stop)
        client = stack.enter_context(httpx.Client(timeout=30))
        plane = DataPlane(
            proxy=proxy,
            simulator=simulator,
            control=control,
            database_url=url,
            client=client,
            secret=secret,
        )
        plane.keys = {vendor: plane.add_key(vendor) for vendor in VENDORS}
        proxy.start()
        try:
            yield plane
        except BaseException as error:
            error.add_note(proxy.log.read_text()[-SHOWN:])
            raise
        proxy.stop()
        assert not proxy.bugs()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def copied(server: str, template: str) -> Iterator[str]:
    """The URL of a new database like the template, gone after the block."""
    name = sql.Identifier(f"clawbot_test_{uuid4().hex}")
    with psycopg.connect(server, autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(create.format(name, sql.Identifier(template)))
        try:
            yield url_of(server, name.as_string().strip('"'))
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture(scope="session")
def data_plane(database_server: str, migrated_template: str) -> Iterator[DataPlane]:
    """One for all tests that leave it as it was."""
    with copied(database_server, migrated_template) as url, running(url) as plane:
        yield plane


@pytest.fixture
def own_plane(database_url: str) -> Iterator[DataPlane]:
    """One for a test that breaks something."""
    with running(database_url) as plane:
        yield plane


@pytest.fixture
def bot(data_plane: DataPlane) -> TestBot:
    """A new bot that may use a key of every vendor; what spoils them is its own."""
    return data_plane.new_bot(*(data_plane.add_key(vendor) for vendor in VENDORS))
