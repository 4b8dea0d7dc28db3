"""The multi-task problem as a value: sufficient statistics, or rows."""

from collections.abc import Iterable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy.typing import ArrayLike, NDArray

from theory.rows import (
    LEAST,
    check_range,
    check_task,
    finite_block,
    task_label,
    vanished,
    varied_labels,
)


class TaskStatistics(eqx.Module):
    """All that a squared loss sees of `k` linear tasks.

    With rows `X_i` (m_i x d) and labels `y_i` (m_i),

        G_i = X_iᵀX_i,   g_i = X_iᵀy_i,   e_i = y_iᵀy_i,

    and `‖X_iθ − y_i‖² = e_i − 2 g_iᵀθ + θᵀG_iθ` for every `θ`. Optimum, gradient and
    risk of a linear model therefore cost the same whatever `m_i` is. A leading axis
    of tasks is written `*k`: one task has none, and `stack` joins such tasks.

    A Gram matrix in floats of precision `ε` cannot tell a direction whose singular
    value in `X_i` is below `√ε` of the largest from one that is absent.

    Source: derived here, from W eq 1.
    """

    gram: Float[Array, "*k d d"]
    moment: Float[Array, "*k d"]
    energy: Float[Array, "*k"]
    samples: Float[Array, "*k"]

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return self.moment.shape[0]

    @property
    def dimension(self) -> int:
        """Number `d` of inputs."""
        return self.moment.shape[-1]

    @classmethod
    def from_data(
        cls,
        covariates: Sequence[ArrayLike],
        labels: Sequence[ArrayLike],
        names: Sequence[str] | None = None,
    ) -> "TaskStatistics":
        """Fold the rows of every task into its statistics.

        Args:
            covariates: `X_i` (m_i x d), one a task; one array for all tasks may be
                repeated in the sequence.
            labels: `y_i` (m_i), one a task.
            names: What messages call the tasks; their numbers from 0 otherwise.

        Raises:
            ValueError: No task, another `d`, lengths that differ, an empty task,
                a value that is not finite, or labels that are all equal. The
                message names the task and the field.
        """
        folds = [_Fold() for _ in _paired(covariates, labels, names)]
        first = None
        for index, (x, y) in enumerate(zip(covariates, labels, strict=True)):
            label = task_label(index, names)
            rows = check_task(x, y, label, folds[0].dimension)
            first = rows[0] if first is None else first
            # Tasks with one X have one Gram matrix, nearly all of the work.
            same = index > 0 and np.array_equal(rows[0], first)
            folds[index].add(*rows, label, folds[0].gram if same else None)
            folds[index].check(label)
        return _join(folds)

    @classmethod
    def from_blocks(
        cls,
        blocks: Iterable[tuple[int, ArrayLike, ArrayLike]],
        names: Sequence[str] | None = None,
    ) -> "TaskStatistics":
        """Fold a stream of row blocks in one pass; memory does not grow with `m_i`.

        Args:
            blocks: `(task, X, y)`: the task's number from 0, some of its rows
                (n x d), their labels (n). Any order; a task may come back.
            names: What messages call the tasks; their numbers from 0 otherwise.

        Raises:
            ValueError: As `from_data`; also a number below 0, or one without rows.
        """
        folds: dict[int, _Fold] = {}
        dimension = None
        for task, x, y in blocks:
            if isinstance(task, bool) or int(task) != task or task < 0:
                raise ValueError(f"a block's task must be an integer >= 0, got {task}")
            label = task_label(int(task), names)
            rows = check_task(x, y, label, dimension)
            dimension = rows[0].shape[1]
            folds.setdefault(int(task), _Fold()).add(*rows, label)
        if not folds:
            raise ValueError("the stream has no blocks: give at least one")
        for task in range(max(folds) + 1):
            if task not in folds:
                raise ValueError(f"{task_label(task, names)} is empty: it has no block")
            folds[task].check(task_label(task, names))
        return _join([folds[task] for task in range(len(folds))])

    @classmethod
    def stack(cls, tasks: Sequence["TaskStatistics"]) -> "TaskStatistics":
        """Join statistics of single tasks (no task axis), such as drawn ones."""
        if not tasks:
            raise ValueError("no task to stack: give at least one")
        dimensions = [task.dimension for task in tasks]
        for index, d in enumerate(dimensions):
            if d != dimensions[0]:
                raise ValueError(
                    f"task {index}: moment has d = {d}, task 0 has d = {dimensions[0]}"
                )
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *tasks)

    def select(self, tasks: Sequence[int]) -> "TaskStatistics":
        """The tasks with these numbers, in this order.

        Raises:
            ValueError: A number that is not that of a task; jax would clip it.
        """
        index = np.asarray(tasks)
        for task in index:
            if not 0 <= task < self.count:
                raise ValueError(f"there is no task {task} among {self.count}")
        return jax.tree.map(lambda leaf: leaf[index], self)


class Tasks(eqx.Module):
    """The rows of `k` tasks, padded to one length.

    ReLU and logistic models need rows. Task `i` owns the rows where `mask[i]` is
    true; padded rows and labels are zero.
    """

    covariates: Float[Array, "k m d"]
    labels: Float[Array, "k m"]
    mask: Bool[Array, "k m"]

    @classmethod
    def from_data(
        cls,
        covariates: Sequence[ArrayLike],
        labels: Sequence[ArrayLike],
        names: Sequence[str] | None = None,
    ) -> "Tasks":
        """Pad the rows of every task to the longest.

        Args:
            covariates: As `TaskStatistics.from_data`, and so are the others.
            labels: One array a task.
            names: What messages call the tasks.

        Raises:
            ValueError: As `TaskStatistics.from_data`.
        """
        rows: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        _paired(covariates, labels, names)
        for index, (x, y) in enumerate(zip(covariates, labels, strict=True)):
            dimension = rows[0][0].shape[1] if rows else None
            label = task_label(index, names)
            rows.append(check_task(x, y, label, dimension))
            finite_block(*rows[-1], label, 0)
            own = rows[-1][1]
            varied_labels(own.min(), own.max(), len(own), label)
        m, d = max(len(y) for _, y in rows), rows[0][0].shape[1]
        x_all, y_all = np.zeros((len(rows), m, d)), np.zeros((len(rows), m))
        mask = np.zeros((len(rows), m), bool)
        for index, (x, y) in enumerate(rows):
            x_all[index, : len(y)] = x
            y_all[index, : len(y)] = y
            mask[index, : len(y)] = True
        return cls(jnp.asarray(x_all), jnp.asarray(y_all), jnp.asarray(mask))

    def statistics(self) -> TaskStatistics:
        """Fold the rows into `(G_i, g_i, e_i, m_i)`."""
        x, y = self.covariates, self.labels
        return TaskStatistics(
            gram=jnp.einsum("kmd,kme->kde", x, x),
            moment=jnp.einsum("kmd,km->kd", x, y),
            energy=jnp.sum(y**2, axis=1),
            samples=jnp.sum(self.mask, axis=1).astype(x.dtype),
        )


class _Fold:
    """Running sums of one task, in 64-bit NumPy whatever jax's precision is."""

    def __init__(self) -> None:
        self.gram: NDArray[np.float64] = np.zeros((0, 0))
        self.moment: NDArray[np.float64] = np.zeros(0)
        self.energy = 0.0
        self.samples = 0
        self.low, self.high = np.inf, -np.inf
        self.used: NDArray[np.bool_] = np.zeros(0, bool)

    @property
    def dimension(self) -> int | None:
        return len(self.moment) if self.samples else None

    def add(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        label: str,
        known: NDArray[np.float64] | None = None,
    ) -> None:
        """Add rows; whatever is not finite in them shows in the sums.

        `known` is `XᵀX` where it has been formed before.
        """
        # A NaN or infinity in a row makes that column's diagonal entry not finite,
        # so the product itself is the test and the rows are read once less.
        with np.errstate(over="ignore", invalid="ignore"):
            gram = x.T @ x if known is None else known
            moment, energy = x.T @ y, float(y @ y)
        if not (np.isfinite(np.diag(gram)).all() and np.isfinite(energy)):
            finite_block(x, y, label, self.samples)
        if not self.samples:
            self.gram, self.moment = np.zeros_like(gram), np.zeros_like(moment)
            self.used = np.zeros(len(moment), bool)
        # Squares of what is not zero may be.
        tiny = np.diag(gram) < LEAST
        self.used |= ~tiny
        if tiny.any():
            self.used[tiny] |= (x[:, tiny] != 0).any(axis=0)
        with np.errstate(over="ignore"):
            self.gram += gram
            self.moment += moment
        self.energy += energy
        self.samples += len(y)
        if not (np.isfinite(np.diag(self.gram)).all() and np.isfinite(self.energy)):
            raise ValueError(
                f"{label}: covariates or labels overflow when squared and summed: "
                "rescale"
            )
        self.low, self.high = min(self.low, y.min()), max(self.high, y.max())

    def check(self, label: str) -> None:
        """Refuse constant labels, and what is too small or too large to square."""
        varied_labels(self.low, self.high, self.samples, label)
        squares = np.diag(self.gram)
        for column in np.flatnonzero(self.used & (squares == 0)):
            vanished(f"covariates' sum of squares[{column}]", label, "the column")
        check_range("covariates' sum of squares", label, squares, "the column")
        if self.energy == 0 and (self.low != 0 or self.high != 0):
            vanished("labels' sum of squares", label, "the labels")
        check_range("labels' sum of squares", label, self.energy, "the labels")


def _paired(
    covariates: Sequence[ArrayLike],
    labels: Sequence[ArrayLike],
    names: Sequence[str] | None,
) -> range:
    if len(covariates) != len(labels):
        raise ValueError(
            f"covariates has {len(covariates)} tasks and labels has {len(labels)}: "
            "give one array of each a task"
        )
    if not len(covariates):
        raise ValueError("covariates is empty: give at least one task")
    if names is not None and len(names) != len(labels):
        raise ValueError(f"names has {len(names)} entries for {len(labels)} tasks")
    return range(len(covariates))


def _join(folds: Sequence[_Fold]) -> TaskStatistics:
    return TaskStatistics(
        gram=jnp.asarray(np.stack([fold.gram for fold in folds])),
        moment=jnp.asarray(np.stack([fold.moment for fold in folds])),
        energy=jnp.asarray(np.array([fold.energy for fold in folds])),
        samples=jnp.asarray(np.array([float(fold.samples) for fold in folds])),
    )
