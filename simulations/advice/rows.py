"""Rows of tasks, centred and scaled, and columns in which they are orthogonal."""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from theory.risk.row_scores import row_statistics
from theory.tasks import Tasks, TaskStatistics

# Values of a column that differ by fewer units of rounding are equal.
CONSTANT = 4
# Below this condition number columns are good coordinates as they are.
MIXED = 1e3


class Rows(NamedTuple):
    """Covariates and labels of every task, centred and scaled as asked for.

    `rounding` is what rounding made of a value of each column before centring, in the
    units of the columns now. `clusters` number rows that depend on each other, across
    tasks too; None if every row is independent.
    """

    covariates: list[Float[np.ndarray, "_ d"]]
    labels: list[Float[np.ndarray, " _"]]
    intercept: bool
    rounding: Float[np.ndarray, " d"] | None = None
    clusters: list[Int[np.ndarray, " _"]] | None = None

    def select(self, tasks: Sequence[int]) -> "Rows":
        """The tasks with these numbers, in this order."""
        clusters = self.clusters
        return self._replace(
            covariates=[self.covariates[i] for i in tasks],
            labels=[self.labels[i] for i in tasks],
            clusters=None if clusters is None else [clusters[i] for i in tasks],
        )

    def cluster(self, task: int) -> Int[np.ndarray, " m"]:
        """The cluster of each row of a task; each row its own where none are given."""
        if self.clusters is None:
            return np.arange(len(self.labels[task]))
        return self.clusters[task]

    def statistics(self) -> TaskStatistics:
        """Statistics with `samples = m_i − 1` where rows are centred.

        Centred rows are as good as `m_i − 1` (`theory.risk.estimates.task_estimates`).
        """
        pairs = list(zip(self.covariates, self.labels, strict=True))
        return TaskStatistics(
            gram=jnp.asarray(np.stack([x.T @ x for x, _ in pairs])),
            moment=jnp.asarray(np.stack([x.T @ y for x, y in pairs])),
            energy=jnp.asarray(np.array([y @ y for _, y in pairs])),
            samples=self.samples(),
        )

    def basis(self) -> Float[np.ndarray, "d n"]:
        """Columns `W` for which the rows `XW` of all tasks together are orthonormal.

        With the columns of `X` scaled to unit norm, `X = UΣVᵀ` and `W = VΣ⁻¹` in the
        directions whose singular value is above rounding. Directions below it are no
        direction of any task: whether a rank counts them is decided here alone.
        """
        x = np.concatenate(self.covariates)
        norm = np.sqrt(np.sum(x**2, axis=0))
        scale = np.where(norm > 0, norm, 1)
        _, value, right = np.linalg.svd(x / scale, full_matrices=False)
        rounding = np.zeros(x.shape[1]) if self.rounding is None else self.rounding
        lost = np.sqrt(len(x)) * np.linalg.norm(rounding / scale)
        seen = value > max(x.shape) * np.finfo(float).eps * value[0] + lost
        return right[seen].T / value[seen] / scale[:, None]

    def orthogonal(self) -> tuple[TaskStatistics, Tasks]:
        """Statistics and rows in columns that are orthogonal over all tasks.

        Gains are the same in all coordinates, but nearly dependent columns lose
        digits in statistics, and rows that all tasks depend on lose none here.
        """
        basis = self.basis() * np.sqrt(sum(len(y) for y in self.labels))
        norm = np.linalg.norm(basis, axis=1)
        unit = basis[norm > 0] / norm[norm > 0, None]
        if len(unit) == unit.shape[1] and np.linalg.cond(unit) < MIXED:
            # Columns as they are, where one task may have other units than the rest.
            basis = np.diag(norm)
        rows = self.padded(basis)
        samples = self.samples()
        return row_statistics(rows, samples), rows

    def samples(self) -> Float[Array, " k"]:
        """Rows of each task, one less where they are centred."""
        lost = float(self.intercept)
        return jnp.asarray(np.array([len(y) - lost for y in self.labels]))

    def padded(self, basis: Float[np.ndarray, "d n"] | None = None) -> Tasks:
        """Rows of one length, in other columns if asked for."""
        most, k = max(len(y) for y in self.labels), len(self.labels)
        x = np.zeros((k, most, self.covariates[0].shape[1]))
        y, mask = np.zeros((k, most)), np.zeros((k, most), bool)
        for index, label in enumerate(self.labels):
            own = self.covariates[index]
            own = own if basis is None else own @ basis
            x[index, : len(label), : own.shape[1]] = own
            y[index, : len(label)], mask[index, : len(label)] = label, True
        return Tasks(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask))


def centred_rows(
    covariates: Sequence[Float[np.ndarray, "_ d"]],
    labels: Sequence[Float[np.ndarray, " _"]],
    *,
    intercept: bool = True,
    standardise: bool = True,
    standardise_labels: bool = False,
) -> Rows:
    """Centre each task by its own means, then scale.

    Pooling does not depend on the columns' units; the similarity of covariances does.
    The scale of a column is one for all tasks, the root mean square over all rows,
    after centring. Labels of tasks are pooled as they are, so they must have one unit,
    or be scaled to one by their own deviation.

    Args:
        covariates: `X_i`.
        labels: `y_i`.
        intercept: Give each task its own; otherwise rows are not centred.
        standardise: Scale columns.
        standardise_labels: Scale the labels of each task to a mean square of 1.
    """
    x = [_centred(one) if intercept else one for one in covariates]
    y = [_centred(one[:, None])[:, 0] if intercept else one for one in labels]
    largest = np.max([np.max(np.abs(one), axis=0) for one in covariates], axis=0)
    rounding = CONSTANT * np.finfo(float).eps * largest
    if standardise:
        rows = sum(len(one) for one in x)
        # Squares of extreme units would overflow or vanish.
        top = np.max([np.max(np.abs(one), axis=0) for one in x], axis=0)
        top = np.where(top > 0, top, 1)
        square = np.sum([np.sum((one / top) ** 2, axis=0) for one in x], axis=0) / rows
        scale = top * np.sqrt(np.where(square > 0, square, 1))
        x, rounding = [one / scale for one in x], rounding / scale
    if standardise_labels:
        size = [np.sqrt(np.mean(one**2)) for one in y]
        y = [one / (s if s > 0 else 1) for one, s in zip(y, size, strict=True)]
    return Rows(x, y, intercept, rounding if intercept else 0 * rounding)


def _centred(x: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "m n"]:
    # Rounding of the mean, or of sums such as 0.1 + 0.2, would leave a constant column
    # with a direction of its own.
    constant = constant_columns(x)
    # The mean of what is left after a first centring mends the rounding of the first.
    once = x - x.mean(axis=0)
    return np.where(constant, 0, once - once.mean(axis=0))


def constant_columns(x: Float[np.ndarray, "m n"]) -> np.ndarray:
    """Columns whose values differ by rounding alone."""
    largest = np.max(np.abs(x), axis=0)
    return np.ptp(x, axis=0) <= CONSTANT * np.finfo(float).eps * largest
