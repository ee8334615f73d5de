"""`clawbot up`: everything on one machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import typer

from api.cli.output import Json, document, example, line, say

SAMPLE = {"email": "you@example.com", "password": "a long passphrase", "name": "You"}


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(epilog=example("clawbot up", "CLAWBOT_PORT=8080 clawbot up --json"))(up)


def up(*, as_json: Json = False) -> None:
    """Start everything on this machine; Ctrl-C ends it.

    The database is one of its own, unless DATABASE_URL names another.
    """
    from adapters.supervisor.up import up as run  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    run(read_settings(), announce=_as_json if as_json else _as_text, say=say)


def _as_json(instance: Any) -> None:
    document({"status": "ready", **asdict(instance)})


def _as_text(instance: Any) -> None:
    key = instance.master_key_written
    if key is not None:
        line(f"A master key was made: {key}. Keep a copy: without it the vault is lost.\n")
    runs = ", ".join(f"{name} ({pid})" for name, pid in instance.processes.items())
    database = "our own, in the data folder" if instance.embedded_database else "yours"
    line(f"ClawBotManager is ready after {instance.seconds:.1f} s.\n")
    line(f"  control plane   {instance.control_plane}/api")
    line(f"  proxy for bots  {instance.proxy}/api/v1/{{vendor}}")
    line(f"  database        PostgreSQL, {database}")
    line(f"  data folder     {instance.data_dir}")
    line(f"  logs            {instance.logs}")
    line(f"  processes       {runs}\n")
    line("Register:")
    line(f"  curl {instance.control_plane}/api/auth/register \\")
    line(f"    -H 'content-type: application/json' -d '{json.dumps(SAMPLE)}'\n")
    line(f"Ctrl-C stops everything, and so does: kill {instance.pid}")
