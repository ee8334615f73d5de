"""How commands speak: results on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Annotated, Any

import typer

FINE, NO, WRONG = 0, 1, 2

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def example(*commands: str) -> str:
    """The end of a command's help."""
    return "Example: " + ", or: ".join(commands)


def document(value: Any) -> None:
    """The value as one line of JSON on standard output."""
    import orjson  # noqa: PLC0415 - not for `--help`

    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=options))
    sys.stdout.flush()


def line(text: str = "") -> None:
    """A line on standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A sentence on standard error, on one line; nothing, if the terminal is gone."""
    with suppress(OSError):
        sys.stderr.write(f"clawbot: {' '.join(text.split())}\n")
        sys.stderr.flush()
