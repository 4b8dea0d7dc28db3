"""A real data set as a linear multi-task problem."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from theory.rows import check_task, finite_block, task_label
from theory.tasks import TaskStatistics


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearBenchmark:
    """Rows of `k` tasks in the data's own units, and where they come from.

    Nothing is centred or scaled: moments belong to the training part of a split.
    With `common_covariates` every entry of `covariates` is the same array, and a row
    of it is one observation with `k` labels.

    Raises:
        ValueError: Lengths that differ, another `d`, an empty task, a value that is
            not finite, or labels that are all equal. The message names the
            benchmark, the task and the field.
    """

    name: str
    task_names: tuple[str, ...]
    covariates: tuple[Float[np.ndarray, "_ d"], ...]
    labels: tuple[Float[np.ndarray, " _"], ...]
    common_covariates: bool
    source: str  # where the data can be had
    licence: str
    checksum: str  # of the file, or what the data came bundled with
    note: str  # how the tasks were made, and everything done to rows and columns

    def __post_init__(self) -> None:
        lengths = (len(self.task_names), len(self.covariates), len(self.labels))
        if len(set(lengths)) > 1 or not lengths[0]:
            raise ValueError(
                f"{self.name}: one name, one X and one y a task (at least one), got "
                "{} names, {} covariates and {} labels".format(*lengths)
            )
        pairs = zip(self.covariates, self.labels, strict=True)
        for index, (x, y) in enumerate(pairs):
            label = f"{self.name}: {task_label(index, self.task_names)}"
            _check(x, y, label, self.dimension)
        if self.common_covariates and any(
            x is not self.covariates[0] for x in self.covariates
        ):
            raise ValueError(
                f"{self.name}: common_covariates is set, but the tasks' covariates "
                "are not one and the same array"
            )

    @classmethod
    def from_arrays(
        cls,
        covariates: Sequence[ArrayLike],
        labels: Sequence[ArrayLike],
        task_names: Sequence[str] | None = None,
    ) -> "LinearBenchmark":
        """Make a problem of your own arrays, one `X` and one `y` a task.

        Covariates count as common if they are equal in all tasks.

        Raises:
            ValueError: As the class; without names, tasks are called by their number.
        """
        named = task_names or [f"task {index}" for index in range(len(labels))]
        arrays = [np.asarray(x, dtype=float) for x in covariates]
        common = all(np.array_equal(x, arrays[0]) for x in arrays)
        return cls(
            name="your tasks",
            task_names=tuple(named),
            covariates=tuple(arrays[:1] * len(arrays) if common else arrays),
            labels=tuple(np.asarray(y, dtype=float) for y in labels),
            common_covariates=common,
            source="arrays in memory",
            licence="not known",
            checksum="none",
            note="as given",
        )

    @classmethod
    def on_common_covariates(
        cls,
        covariates: Float[np.ndarray, "m d"],
        labels: Float[np.ndarray, "m k"],
        *,
        name: str,
        task_names: Sequence[str],
        source: str,
        licence: str,
        checksum: str,
        note: str,
    ) -> "LinearBenchmark":
        """Make a problem of one `X` and `k` columns of labels."""
        return cls(
            name=name,
            task_names=tuple(task_names),
            covariates=(covariates,) * labels.shape[1],
            labels=tuple(np.ascontiguousarray(column) for column in labels.T),
            common_covariates=True,
            source=source,
            licence=licence,
            checksum=checksum,
            note=note,
        )

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return len(self.labels)

    @property
    def dimension(self) -> int:
        """Number `d` of inputs."""
        return self.covariates[0].shape[1]

    @property
    def rows(self) -> int:
        """Number of observations; one that all tasks share counts once."""
        if self.common_covariates:
            return len(self.labels[0])
        return sum(len(y) for y in self.labels)

    def statistics(self) -> TaskStatistics:
        """Statistics of all rows, in the data's own units."""
        return TaskStatistics.from_data(self.covariates, self.labels, self.task_names)

    def provenance(self) -> dict[str, str]:
        """What a Dataset that was computed from this data says of it."""
        return {
            "benchmark": self.name,
            "data_source": self.source,
            "data_licence": self.licence,
            "data_checksum": self.checksum,
            "data_note": self.note,
        }


def _check(x: np.ndarray, y: np.ndarray, label: str, dimension: int) -> None:
    x, y = check_task(x, y, label, dimension)
    finite_block(x, y, label, 0)
    if np.all(y == y[0]):
        raise ValueError(
            f"{label}: labels are constant ({y[0]:g} in all {len(y)} rows), so "
            "nothing can be learned from them; drop the task"
        )
