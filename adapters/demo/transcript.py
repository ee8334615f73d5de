"""How the story is told: short numbered steps, on a terminal or in a file alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


class Transcript:
    """Tells what happens; a quiet one tells nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(quiet=quiet, highlight=False)
        self._number = 0

    def step(self, what: str) -> None:
        """The next thing that is done."""
        self._number += 1
        self._console.print(f"[bold]{self._number}. {escape(what)}[/bold]")

    def tell(self, text: str) -> None:
        """What came of it."""
        self._console.print(f"   {escape(text)}")

    def stream(self, pieces: Iterable[str]) -> str:
        """The text, told piece by piece as it comes."""
        text = ""
        self._console.print("   ", end="")
        for piece in pieces:
            text += piece
            self._console.print(f"[green]{escape(piece)}[/green]", end="")
        self._console.print()
        return text

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Rows under their columns, numbers to the right."""
        table = Table(box=None, padding=(0, 3, 0, 0))
        table.add_column("  ")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row("  ", *(escape(str(value)) for value in row))
        self._console.print(table)

    def verdict(self, text: str, *, good: bool) -> None:
        """The last line."""
        colour = "green" if good else "red"
        self._console.print(f"[bold {colour}]{escape(text)}[/bold {colour}]")
