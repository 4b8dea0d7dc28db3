"""Row statistics by fold, and tasks standardised with the moments of other folds."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from paper_checks.data.benchmark import LinearBenchmark
from simulations.advice.repeats import row_clusters
from theory.linear import task_losses
from theory.rows import task_label
from theory.tasks import TaskStatistics


class Folds(eqx.Module):
    """Statistics of the rows `(1, x)` with labels `y`, for every fold of every task.

    The leading 1 makes a Gram matrix hold the number and the sums of its rows as well,
    so that any union of folds can be centred afterwards. Leaves of `parts` are
    stacked over folds. `constant` marks a column that has one value in all rows of a
    task outside of a fold.

    Every column and label had one number taken off, its median over the task's rows.
    Centring undoes that exactly; it only keeps the sums from cancelling, and one huge
    value, which would move a mean, leaves the folds without it as they are.
    """

    parts: TaskStatistics
    constant: Bool[Array, "folds k d"]

    @property
    def count(self) -> int:
        """Number of folds."""
        return self.constant.shape[0]

    def test(self, fold: int) -> TaskStatistics:
        """The rows `(1, x)` of one fold."""
        return jax.tree.map(lambda leaf: leaf[fold], self.parts)

    def training(self, fold: int) -> TaskStatistics:
        """The rows `(1, x)` of all folds but one.

        The other folds are summed. The total less the fold would lose what they have
        beside a huge value of the fold.
        """
        others = np.flatnonzero(np.arange(self.count) != fold)
        return jax.tree.map(lambda leaf: leaf[others].sum(axis=0), self.parts)


class Standardised(eqx.Module):
    """Tasks with centred and scaled covariates and labels, and the way back.

    The mean of a column is that of its task, so every task has an intercept of its
    own. Its scale is one for all tasks, since they share the coordinates of `B`:
    the root of the mean square within tasks. Labels are scaled task by task.
    """

    statistics: TaskStatistics
    column_mean: Float[Array, "k d"]
    column_scale: Float[Array, "k d"]  # factor 1/s_j, 0 for a constant column
    label_mean: Float[Array, " k"]
    label_deviation: Float[Array, " k"]

    @jax.jit
    def error(
        self, parameters: Float[Array, "k d"], rows: TaskStatistics
    ) -> Float[Array, " k"]:
        """Mean squared error on rows `(1, x)`, in units of the training variance.

        The prediction is `ȳ + s_y Σ_j θ_j (x_j − x̄_j)/s_j`, an affine function of `x`.
        """
        slopes = self.label_deviation[:, None] * self.column_scale * parameters
        intercept = self.label_mean - jnp.sum(self.column_mean * slopes, axis=1)
        affine = jnp.concatenate([intercept[:, None], slopes], axis=1)
        return task_losses(rows, affine) / (rows.samples * self.label_deviation**2)


def assign_folds(
    benchmark: LinearBenchmark, folds: int, seed: int
) -> list[Int[np.ndarray, " _"]]:
    """The fold of every row of every task; sizes within a task differ by 1 at most.

    A row of common covariates is in one fold for all tasks. So are rows that several
    tasks have, and rows that repeat another of their task, both found by value
    (`simulations.advice.repeats`); sizes may then differ by more.

    Raises:
        ValueError: `folds` below 2, or a task has fewer rows.
    """
    if folds < 2:
        raise ValueError(f"cross-validation needs folds >= 2, got {folds}")
    rng = np.random.default_rng(seed)
    lengths = [len(y) for y in benchmark.labels]
    for index, length in enumerate(lengths):
        if length < folds:
            label = task_label(index, benchmark.task_names)
            raise ValueError(
                f"{benchmark.name}: {label} has {length} rows, too few for {folds} "
                "folds"
            )
    used = 1 if benchmark.common_covariates else benchmark.count
    clusters = row_clusters(benchmark.covariates[:used], benchmark.labels[:used])
    if clusters is None:
        dealt = [rng.permutation(np.arange(n) % folds) for n in lengths[:used]]
    else:
        dealt = _whole_clusters(benchmark, clusters, folds, rng)
    return dealt * benchmark.count if benchmark.common_covariates else dealt


def _whole_clusters(
    benchmark: LinearBenchmark,
    clusters: list[Int[np.ndarray, " _"]],
    folds: int,
    rng: np.random.Generator,
) -> list[Int[np.ndarray, " _"]]:
    """Deal clusters in random order, each to where its tasks have fewest rows."""
    held = np.zeros((len(clusters), folds), int)
    names, place = np.unique(np.concatenate(clusters), return_inverse=True)
    parts = np.split(place, np.cumsum([len(c) for c in clusters])[:-1])
    sizes = np.stack([np.bincount(part, minlength=len(names)) for part in parts])
    fold = np.empty(len(names), int)
    # Clusters of several tasks first: those of one fill the gaps.
    shared = np.sum(sizes > 0, axis=0)
    order = rng.permutation(len(names))
    for one in order[np.argsort(-shared[order], kind="stable")]:
        own = sizes[:, one] > 0
        fold[one] = np.argmin(held[own].max(axis=0) + held[own].mean(axis=0) / 1e6)
        held[own, fold[one]] += sizes[own, one]
    for index, count in enumerate(held):
        if not count.all():
            label = task_label(index, benchmark.task_names)
            raise ValueError(
                f"{benchmark.name}: {label} has too few distinct rows for {folds} folds"
            )
    return [fold[part] for part in parts]


def fold_statistics(
    benchmark: LinearBenchmark, assignment: list[Int[np.ndarray, " _"]]
) -> Folds:
    """Fold the rows of a benchmark into statistics.

    Args:
        benchmark: Rows in the data's own units.
        assignment: The fold of every row, one array a task; folds from 0 on.

    Raises:
        ValueError: Labels that are constant outside of a fold. The message names the
            task and the fold.
    """
    count = 1 + max(int(fold.max()) for fold in assignment)
    _check_labels(benchmark, assignment, count)
    parts, constant = [], []
    for f in range(count):
        parts.append(row_statistics(benchmark, [fold == f for fold in assignment]))
        constant.append(constant_columns(benchmark, [fold != f for fold in assignment]))
    return Folds(
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts), jnp.stack(constant)
    )


def row_statistics(
    benchmark: LinearBenchmark,
    rows: list[Bool[np.ndarray, " _"]],
    labels: Sequence[Float[np.ndarray, " _"]] | None = None,
) -> TaskStatistics:
    """Statistics of some rows `(1, x)`.

    Args:
        benchmark: Rows in the data's own units.
        rows: Which rows of a task count; the same array for all tasks if their
            covariates are common.
        labels: Other labels than the benchmark's for the same rows, such as noisy
            ones. The number taken off is the median of the benchmark's all the same.
    """
    labels = benchmark.labels if labels is None else labels
    centred = [
        y - np.median(own) for y, own in zip(labels, benchmark.labels, strict=True)
    ]
    if benchmark.common_covariates:
        y = np.stack(centred, axis=1)
        leaves = _sums(benchmark.covariates[0], y, rows[0], benchmark.count)
    else:
        tasks = zip(benchmark.covariates, centred, rows, strict=True)
        sums = [_sums(x, y[:, None], mine, 1) for x, y, mine in tasks]
        leaves = [np.concatenate(parts) for parts in zip(*sums, strict=True)]
    return TaskStatistics(*(jnp.asarray(leaf) for leaf in leaves))


def constant_columns(
    benchmark: LinearBenchmark, rows: list[Bool[np.ndarray, " _"]]
) -> Bool[Array, "k d"]:
    """Columns with one value in all of these rows of a task."""
    if benchmark.common_covariates:
        constant = [_constant(benchmark.covariates[0][rows[0]])] * benchmark.count
    else:
        pairs = zip(benchmark.covariates, rows, strict=True)
        constant = [_constant(x[mine]) for x, mine in pairs]
    return jnp.asarray(np.stack(constant))


def refuse_constant_labels(
    benchmark: LinearBenchmark,
    labels: Sequence[Float[np.ndarray, " _"]],
    rows: Sequence[Bool[np.ndarray, " _"]],
    where: str,
    mend: str,
) -> None:
    """Refuse labels with one value in all of some rows of a task.

    Their deviation is rounding, by which `standardise` would divide.

    Args:
        benchmark: Whose tasks they are.
        labels: One array a task, the benchmark's own or noisy ones.
        rows: Which rows of a task count.
        where: What these rows are, for the message.
        mend: What to do, for the message.

    Raises:
        ValueError: There are such labels; it names the benchmark and the task.
    """
    for index, (y, mine) in enumerate(zip(labels, rows, strict=True)):
        seen = y[mine]
        if np.all(seen == seen[0]):
            raise ValueError(
                f"{benchmark.name}: {task_label(index, benchmark.task_names)}: labels "
                f"are constant {where} ({seen[0]:g} in all {len(seen)} rows): {mend}"
            )


def standardised_whole(benchmark: LinearBenchmark) -> Standardised:
    """All rows of a benchmark, centred and scaled with their own moments.

    For what is said of the data itself, such as optima and similarities; nothing is
    tested on these rows.
    """
    rows = [np.ones(len(y), bool) for y in benchmark.labels]
    return standardise(
        row_statistics(benchmark, rows), constant_columns(benchmark, rows)
    )


@jax.jit
def standardise(rows: TaskStatistics, constant: Bool[Array, "k d"]) -> Standardised:
    """Centre and scale tasks that are given by the statistics of rows `(1, x)`.

    With `m` rows, column sums `s` and label sum `t`, centring is a Schur complement,

        G − ssᵀ/m,   g − s t/m,   e − t²/m.

    Args:
        rows: Statistics of the training rows, whose labels vary; this is not checked.
        constant: Columns that are constant in them, which become zero.

    Source: derived here.
    """
    m, sums, total = rows.gram[:, 0, 0], rows.gram[:, 0, 1:], rows.moment[:, 0]
    mean, label_mean = sums / m[:, None], total / m
    varies = ~constant
    gram = rows.gram[:, 1:, 1:] - sums[:, :, None] * mean[:, None, :]
    squares = jnp.where(varies, jnp.diagonal(gram, axis1=1, axis2=2), 0)
    # Mean square over the tasks in which the column varies.
    seen = jnp.sum(jnp.where(varies, m[:, None], 0), axis=0)
    spread = jnp.sqrt(jnp.sum(squares, axis=0) / jnp.where(seen > 0, seen, 1))
    usable = varies & (spread > 0)
    scale = jnp.where(usable, 1 / jnp.where(spread > 0, spread, 1), 0)
    deviation = jnp.sqrt((rows.energy - total * label_mean) / m)
    moment = rows.moment[:, 1:] - sums * label_mean[:, None]
    statistics = TaskStatistics(
        gram=gram * scale[:, :, None] * scale[:, None, :],
        moment=moment * scale / deviation[:, None],
        energy=m,
        samples=m,
    )
    return Standardised(statistics, mean, scale, label_mean, deviation)


def _sums(
    x: np.ndarray, labels: np.ndarray, mine: np.ndarray, count: int
) -> tuple[np.ndarray, ...]:
    """`(G, g, e, m)` of the rows `(1, x − median)` in `mine`; one column a task."""
    rows = np.concatenate(
        [np.ones((mine.sum(), 1)), (x - np.median(x, axis=0))[mine]], axis=1
    )
    y = labels[mine]
    gram = rows.T @ rows
    return (
        np.broadcast_to(gram, (count, *gram.shape)),
        (rows.T @ y).T,
        np.sum(y**2, axis=0),
        np.full(count, float(len(rows))),
    )


def _constant(x: np.ndarray) -> np.ndarray:
    return x.min(axis=0) == x.max(axis=0)


def _check_labels(
    benchmark: LinearBenchmark, assignment: list[np.ndarray], count: int
) -> None:
    for f in range(count):
        rest = [fold != f for fold in assignment]
        where, mend = f"outside of fold {f}", "use another seed or fewer folds"
        refuse_constant_labels(benchmark, benchmark.labels, rest, where, mend)
