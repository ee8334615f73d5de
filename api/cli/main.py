"""The entry of `clawbot`: every command by its name, and what errors become."""

from __future__ import annotations

import sys

import typer

from adapters.garbage import collect_seldom
from api.cli import (
    analytics,
    audit,
    backups,
    bench,
    demo,
    doctor,
    firewall,
    months,
    operator,
    processes,
    quotas,
    reprice,
    sealed,
    up,
    vault,
    views,
)
from api.cli.output import NO, WRONG, say
from domain.errors import BadSetup, InvalidFields, Refused, Unavailable

app = typer.Typer(
    name="clawbot",
    help="Runs AI bots that hold no API key: a metering proxy and its control plane.",
    epilog="Example: clawbot up",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = (
    up,
    demo,
    doctor,
    processes,
    views,
    audit,
    sealed,
    reprice,
    quotas,
    bench,
    vault,
    backups,
    months,
    operator,
    firewall,
    analytics,
)
for group in GROUPS:
    group.add_to(app)


def main() -> None:
    """Run one command and leave with its exit code."""
    collect_seldom()
    try:
        app()
    except (BadSetup, Unavailable) as error:
        say(str(error))
        sys.exit(WRONG)
    except Refused as error:
        say(_told(error))
        sys.exit(NO)


def _told(error: Refused) -> str:
    """The refusal as a sentence, whatever it says of itself."""
    from api.wording import field_is  # noqa: PLC0415 - not for `--help`

    if isinstance(error, InvalidFields):
        return ", ".join(f"{name} {field_is(code)}" for name, code in error.codes.items())
    said, means = str(error), (type(error).__doc__ or error.code).partition("\n")[0]
    if " " in said:
        return said
    return f"{means.rstrip('.')}: {said}." if said else means


if __name__ == "__main__":
    main()
