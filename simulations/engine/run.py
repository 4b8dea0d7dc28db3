"""A sweep run to its end: what is missing is computed, what is damaged again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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

from simulations.engine.cell_store import CellStore, resume_command, sole_run
from simulations.engine.place import Here, Place
from simulations.engine.program import Sizes
from simulations.engine.store_files import create, discard_other, fit, open_store
from simulations.engine.study import Study

# Told how many more cells are done.
Advance = Callable[[int], None]


class StoppedError(Exception):
    """A run was stopped; the text says how to go on."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How a run treats the store that it finds.

    Args:
        extend: Let axes grow; cells that are there are kept.
        mixed: Go on with cells of other versions or platforms.
        replace: Delete a store of another sweep or version instead of refusing.
        sizes: For a new store; measured if not given.
    """

    extend: bool = False
    mixed: bool = False
    replace: bool = False
    sizes: Sizes | None = None


def run_cells(
    study: Study,
    path: Path,
    place: Place | None = None,
    choices: Choices | None = None,
    console: Console | None = None,
) -> CellStore:
    """Compute every cell of a study that the store at `path` lacks.

    The store is made if there is none. Chunks that were there are compared with their
    checksums when the others are done; damaged ones are computed again.

    Args:
        study: What to run.
        path: Of the store.
        place: Where chunks are computed; here by default.
        choices: How a store that is there is treated.
        console: Shows a bar if it is a terminal.

    Raises:
        ValueError: The store is another sweep's, in use, or lacks what the choices
            would have to allow.
        OSError: It cannot be written.
        StoppedError: Ctrl-C; what is finished is kept.
    """
    place, choices = place or Here(), choices or Choices()
    console = console or Console(stderr=True)
    origin = place.origin(study)
    if choices.replace and path.exists():
        discard_other(path, study, origin)
    if not path.exists():
        sizes = choices.sizes or place.sizes(study)
        create(path, study, chunk=sizes.chunk, batch=sizes.batch, origin=origin)
    # Told apart from a store that cannot be written.
    open_store(path, write=False)
    with sole_run(path):
        store = open_store(path)
        store = fit(store, study, origin, extend=choices.extend, mixed=choices.mixed)
        store.clean()
        try:
            _finish(store, study, place, console)
        except KeyboardInterrupt:
            done = store.cells_in(store.done())
            raise StoppedError(
                f"stopped with {done:,} of {store.layout.cells:,} cells done; go on "
                f"with: {resume_command(path)}"
            ) from None
    return store


def _finish(store: CellStore, study: Study, place: Place, console: Console) -> None:
    before = store.done()
    layout = store.layout
    done = store.cells_in(before)
    with cell_bar(study.experiment, done, layout.cells, console) as advance:
        _compute(store, study, place, store.missing(), advance)
    damaged = [chunk for chunk in sorted(before) if store.read(chunk) is None]
    if damaged:
        console.print(
            f"{store.path}: {len(damaged)} damaged chunks are computed again: "
            f"{damaged[:10]}",
            soft_wrap=True,
        )
        for chunk in damaged:
            store.unmark(chunk)
        total = store.cells_in(set(damaged))
        with cell_bar("damaged", 0, total, console) as advance:
            _compute(store, study, place, damaged, advance)


def _compute(
    store: CellStore, study: Study, place: Place, chunks: list[int], advance: Advance
) -> None:
    if chunks:
        place.compute(store, study, chunks, lambda n: advance(store.layout.count(n)))


def load_columns(store: CellStore, study: Study) -> dict[str, np.ndarray]:
    """All columns in memory, with the axes of the study in its order.

    Raises:
        ValueError: Chunks are missing or damaged.
    """
    lengths = [len(axis) for axis in study.axes]
    orders = store.orders(study)
    found = {
        name: np.empty((*lengths, *array.shape[1:]), array.dtype)
        for name, array in store.arrays.items()
    }
    for chunk in range(store.layout.chunks):
        columns = store.read(chunk)
        if columns is None:
            raise ValueError(
                f"{store.path}: chunk {chunk} is missing or damaged; go on with: "
                f"{resume_command(store.path)}"
            )
        places = store.layout.places(chunk)
        at = tuple(order[row] for order, row in zip(orders, places, strict=True))
        for name, column in columns.items():
            found[name][at] = column
    return found


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
