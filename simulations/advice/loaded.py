"""Rows of tasks as they were read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedTasks:
    """Rows of `k` tasks as read, in the data's own units.

    `groups` are names of rows that depend on each other, the same in all tasks. `notes`
    say what was done to the table. Labels are numbers of `classes` if these are named.
    `where` and `unit` tell where a row of `rows`
    stands.
    """

    names: tuple[str, ...]
    inputs: tuple[str, ...]
    label: str
    covariates: tuple[Float[np.ndarray, "_ d"], ...]
    labels: tuple[Float[np.ndarray, " _"], ...]
    groups: tuple[np.ndarray, ...] | None = None
    notes: tuple[str, ...] = ()
    where: str = "the data"
    unit: str = "row"
    rows: tuple[Int[np.ndarray, " _"], ...] | None = None
    classes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return len(self.names)

    def places(self) -> tuple[Int[np.ndarray, " _"], ...]:
        """Where each row of each task stands."""
        if self.rows is not None:
            return self.rows
        return tuple(np.arange(len(y)) for y in self.labels)

    def without(self, names: Sequence[str]) -> "LoadedTasks":
        """All tasks but these.

        Raises:
            ValueError: There is no such task.
        """
        for name in names:
            if name not in self.names:
                raise ValueError(
                    f"{self.where} has no task {name!r} to leave out; it has "
                    f"{listed(self.names)}"
                )
        kept = [i for i, name in enumerate(self.names) if name not in names]

        def some(values: tuple | None) -> tuple | None:
            return None if values is None else tuple(values[i] for i in kept)

        fields = ("names", "covariates", "labels", "groups", "rows")
        return replace(self, **{name: some(getattr(self, name)) for name in fields})


def listed(names: Sequence[str]) -> str:
    """The first twelve names, and how many there are."""
    shown = ", ".join(names[:12])
    return shown + (f", ... ({len(names)})" if len(names) > 12 else "")
