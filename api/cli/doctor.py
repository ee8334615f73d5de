"""`clawbot doctor`: looks at everything that this installation stands on."""

from __future__ import annotations

from dataclasses import asdict

import typer

from api.cli.output import NO, Json, document, example, line

DOCTOR = ("clawbot doctor", "clawbot doctor --json")
MARKS = {"ok": "+", "skipped": "-", "warning": "!", "failed": "x"}


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(epilog=example(*DOCTOR))(doctor)


def doctor(*, as_json: Json = False) -> None:
    """Look at folders, keys, database, queue, engine and processes; change nothing.

    Says of each what it found and what to do. Leaves with 1 if something failed;
    warnings are advice.
    """
    from adapters.doctor.examining import examine  # noqa: PLC0415
    from adapters.doctor.findings import Level  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    found = []
    for finding in examine(read_settings()):
        found.append(finding)
        if not as_json:
            line(f"{MARKS[finding.level]} {finding.name}: {finding.message}")
            if finding.advice:
                line(f"    {finding.advice}")
    failed = [one.name for one in found if one.level is Level.FAILED]
    if as_json:
        document({"ok": not failed, "checks": [asdict(one) for one in found]})
    elif failed:
        line(f"Failed: {', '.join(failed)}.")
    else:
        line("Nothing failed.")
    if failed:
        raise typer.Exit(NO)
