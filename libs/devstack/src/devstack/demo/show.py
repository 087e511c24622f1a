"""The story on a terminal: one table that grows, readable at 100 columns."""

import time

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from devstack.demo.stage import NotAsTold

_MARK, _DID, _SAW, _TOOK = 1, 38, 48, 7
_ALL = _MARK + _DID + _SAW + _TOOK + 3


class Show:
    """A narrator for people: what is done on the left, what was seen on the right, as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = ""
        self._last = 0.0
        self._rows = _rows()
        self._pictures: list[RenderableType] = []

    def begins(self, number: int, title: str) -> None:
        if number == 1:
            heading = _rows()
            heading.add_row("", "what is done", "what is seen", "took", style="dim")
            self._console.print()
            self._console.print(heading)
        self._step = f"{number}. {title}"
        self._rows, self._pictures = _rows(), []
        self._last = time.monotonic()
        self._waiting = self._console.status(self._step)
        self._waiting.start()

    def tells(self, did: str, saw: str) -> None:
        now = time.monotonic()
        self._rows.add_row("", escape(did), escape(saw), f"[dim]{now - self._last:.2f} s[/]")
        self._last = now
        self._waiting.update(f"{self._step.partition('.')[0]}. {escape(did)}")

    def shows(self, picture: RenderableType) -> None:
        self._pictures.append(picture)

    def ends(self, seconds: float, failure: NotAsTold | None) -> None:
        self._waiting.stop()
        if failure is not None:
            expected = f"[bold]expected[/] {escape(failure.expected)}"
            self._rows.add_row("", f"[red]{escape(failure.what)}[/]", expected, "")
            self._rows.add_row("", "", f"[bold red]came[/] {escape(failure.came)}", "")
        mark = "[bold red]✗[/]" if failure else "[bold green]✓[/]"
        self._console.print("─" * _ALL, style="dim")
        title = _columns(_MARK, _ALL - _MARK - _TOOK - 2, _TOOK)
        title.add_row(mark, f"[bold]{self._step}[/]", f"[bold]{seconds:.2f} s[/]")
        self._console.print(title)
        self._console.print(self._rows)
        for picture in self._pictures:
            self._console.print(picture)


def _rows() -> Table:
    return _columns(_MARK, _DID, _SAW, _TOOK)


def _columns(*widths: int) -> Table:
    """A part of the one table; the last column holds figures."""
    table = Table.grid(padding=(0, 1, 0, 0))
    for width in widths[:-1]:
        table.add_column(width=width, overflow="fold")
    table.add_column(width=widths[-1], justify="right", no_wrap=True)
    return table
