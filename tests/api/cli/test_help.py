"""What the command line says about itself, and how it takes wrong use."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys

import pytest
from typer.main import get_command

from api.cli.main import app
from api.cli.output import say
from tests.api.cli.running import ROOT, Shell

COMMANDS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
HEAVY = {"cryptography", "fastapi", "httpx2", "psycopg", "pydantic", "rich", "uvicorn"}


def test_only_commands_that_work_exist() -> None:
    assert COMMANDS == [
        "analytics",
        "api",
        "audit",
        "backup",
        "bench",
        "calls",
        "demo",
        "doctor",
        "firewall",
        "migrate",
        "operator",
        "projector",
        "proxy",
        "quota",
        "rebuild",
        "replay",
        "reprice",
        "restore",
        "resume",
        "signer",
        "simulate-provider",
        "up",
        "vault",
        "worker",
    ]


def test_the_help_lists_every_command(shell: Shell) -> None:
    helped = shell.run("--help")
    assert helped.code == 0
    listed = re.findall(r"^  ([a-z][a-z-]+) {2,}", helped.out, re.MULTILINE)
    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_prints_help_with_an_example(shell: Shell, command: str) -> None:
    helped = shell.run(command, "--help")
    assert helped.code == 0
    text = " ".join(helped.out.split())
    assert re.search(rf"Example: .*clawbot {command}", text)
    assert "--json" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("no-such-command",),
        ("up", "--no-such-option"),
        ("replay", "bot"),
        ("replay", "bot", "not-an-id"),
        ("replay", "bot", "0197f0c0-0000-7000-8000-000000000000", "--at", "yesterday"),
        ("simulate-provider",),
        ("simulate-provider", "--port", "65536"),
    ],
)
def test_wrong_use_leaves_with_2_and_says_why(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    ran = shell.run(*arguments)
    assert ran.code == 2
    assert not ran.out
    assert "Error: " in ran.err


def test_help_loads_nothing_that_takes_long() -> None:
    script = f"import sys, api.cli.main; print(*({HEAVY!r} & set(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == []


class Gone(io.StringIO):
    """What is left of a terminal that was closed."""

    def write(self, _: str) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_terminal_that_is_gone_stops_nobody_who_says_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    say("it is stopped")
