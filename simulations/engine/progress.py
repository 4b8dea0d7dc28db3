"""A bar with cells a second and the time left; nothing without a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

# Told how many more cells are done.
Advance = Callable[[int], None]


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} cells/s")


@contextmanager
def cell_bar(name: str, done: int, total: int, console: Console) -> Iterator[Advance]:
    """Show a bar that begins at `done` of `total` cells."""
    if not console.is_terminal:
        yield lambda cells: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=total, completed=done)
        yield lambda cells: bar.advance(task, cells)
