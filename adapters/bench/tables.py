"""A report for a person: tables, then what was reached, then whether to believe it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from adapters.bench.floors import Floor
from adapters.bench.measure import FOREIGN_LIMIT
from adapters.bench.report import LOADS, Report
from adapters.bench.rounds import BIG, PLAIN, STREAM

CALLS: dict[int | str, str] = {**{n: str(n) for n in PLAIN}, BIG: "8, 100 kB"}


def show(report: Report, console: Console) -> None:
    """All of it on the console."""
    run, effort = report.run, report.run.effort
    console.print(_calls(report))
    console.print(_streams(report))
    if report.open:
        console.print(_open_streams(report))
    console.print(_floors(report))
    memory = ", ".join(f"{name} {run.memory_mb[name]:.0f} MB" for name in report.targets)
    commits = ", ".join(f"{load}: {report.events_per_commit(load):.1f}" for load in LOADS)
    dropped, windows = report.noise()
    console.print(f"Memory (PSS) at the end: {memory}")
    console.print(f"Events of the log per commit, at {commits}")
    console.print(f"fdatasync of 8 kB on this disk: {report.fdatasync_us:.0f} µs")
    console.print(
        f"{effort.rounds} rounds of {effort.seconds:g} s a window; {dropped} of {windows} "
        f"windows were noisy: others took more than {FOREIGN_LIMIT:.0%} of a CPU "
        f"(~ not enough quiet ones, the quietest shown)"
    )
    _verdict(report, console)


def _verdict(report: Report, console: Console) -> None:
    counted = ", ".join(f"{count:,} {word}" for word, count in report.check().items())
    console.print(f"Calls through the proxy: {counted}")
    for name, failed in report.run.failed.items():
        if failed:
            console.print(f"{failed} calls to {name} failed.")
    console.print(
        "The log agrees with the answers."
        if report.exact
        else "The log does NOT agree with the answers: these figures are void."
    )
    for floor in report.missed():
        console.print(
            f"MISSED: {floor.what}: {floor.measured:,.2f} times, and {floor.wanted:g} is "
            f"the least."
        )


def _calls(report: Report) -> Table:
    table = Table(title="Plain calls: 0.8 kB request, 1 kB reply; one CPU")
    for column in ("", "conns", "calls/s", "p50 ms", "p99 ms", "added p50", "added p99",
                   "CPU µs"):  # fmt: skip
        table.add_column(column, justify="right" if column else "left")
    for name in report.targets:
        for load, label in CALLS.items():
            one = report.figures[name, load]
            added = report.added_ms(name, load)
            table.add_row(
                name if load == PLAIN[0] else "",
                label,
                ("~" if one.noisy else "") + f"{one.per_second:,.0f}",
                f"{one.p50_ms:.2f}",
                f"{one.p99_ms:.2f}",
                *("" if name == "bare" else f"{ms:+.2f}" for ms in added),
                f"{one.cpu_us_per_call:.0f}",
                end_section=load == BIG,
            )
    return table


def _streams(report: Report) -> Table:
    table = Table(title="Streams of 50 pieces in a burst, 32 connections; one CPU")
    for column in ("", "streams/s", "chunks/s", "1st byte p50 ms", "p99 ms", "CPU µs"):
        table.add_column(column, justify="right" if column else "left")
    for name in report.targets:
        one = report.figures[name, STREAM]
        table.add_row(
            name,
            ("~" if one.noisy else "") + f"{one.per_second:,.0f}",
            f"{one.events_per_second:,.0f}",
            f"{one.first_byte_p50_ms:.2f}",
            f"{one.first_byte_p99_ms:.2f}",
            f"{one.cpu_us_per_call:.0f}",
        )
    return table


def _open_streams(report: Report) -> Table:
    title = (
        f"{report.run.effort.streams} streams open, a piece every 20 ms on each; one CPU"
    )
    table = Table(title=title)
    for column in ("", "pieces/s", "delay p50 ms", "p99 ms", "CPU", "CPU µs a piece", "MB",
                   "whole", "broken"):  # fmt: skip
        table.add_column(column, justify="right" if column else "left")
    for name in report.targets:
        one = report.open.get(name)
        if one is None:
            continue
        used = name != "bare"  # that is the simulator's process, and another one streams
        table.add_row(
            name,
            ("~" if one.noisy else "") + f"{one.pieces_per_second:,.0f}",
            f"{one.delay_p50_ms:.2f}",
            f"{one.delay_p99_ms:.2f}",
            f"{one.cpu_share:.0%}" if used else "",
            f"{one.cpu_us_per_piece:.1f}" if used else "",
            f"{one.memory_mb:.0f}" if used else "",
            f"{one.whole:,}",
            f"{one.broken:,}",
        )
    return table


def _floors(report: Report) -> Table:
    table = Table(title="Floors: hard ones to LiteLLM and Portkey, the others are targets")
    for column in ("", "ours", "theirs", "ratio", "floor", "reached"):
        table.add_column(column, justify="right" if column else "left")
    for floor in report.floors():
        table.add_row(*_floor(floor))
    return table


def _floor(floor: Floor) -> tuple[str, ...]:
    compared = floor.theirs is not None
    word = "yes" if floor.reached else "NO" if floor.hard else "not yet"
    return (
        floor.what,
        ("~" if floor.noisy else "") + f"{floor.ours:,.2f}",
        f"{floor.theirs:,.2f}" if compared else "",
        f"{floor.measured:,.2f}" if compared else "",
        f"{'≤' if floor.at_most else '≥'} {floor.wanted:,.2f}",
        word,
    )
