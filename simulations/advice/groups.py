"""Groups of tasks whose parameters a test of equality does not tell apart."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from simulations.advice.partition import partition
from theory.risk.row_factors import RowFactors

# Tasks are joined while the statistic, a mean over pairs, is below this quantile.
LEVEL = 0.998


class EqualGroups(NamedTuple):
    """A partition, and for each pair the p-value of equal parameters.

    `distance` is the statistic in units of its quantile; groups are joined below 1.
    """

    group: Int[np.ndarray, " k"]
    p_value: Float[np.ndarray, "k k"]
    distance: Float[np.ndarray, "k k"]


def equal_groups(factors: RowFactors, links: np.ndarray | None = None) -> EqualGroups:
    """Partition tasks by Wald's test of equal parameters, with average linkage.

    For a pair let `c_i = Q_iᵀy_i/σ̂_i`, of unit noise, and `N` an orthonormal basis of
    what `[R_i/σ̂_i; R_j/σ̂_j]` cannot reach. Under equality `Nᵀ(c_i, c_j)` is noise, and

        W = ‖Nᵀ(c_i, c_j)‖² = (b_i − b_j)ᵀ(σ̂_i²S_i⁻¹ + σ̂_j²S_j⁻¹)⁻¹(b_i − b_j)

    is chi-square with `q = rank_i + rank_j − rank` degrees of freedom but for the noise
    of `σ̂`: `W/q` is compared with the 99.8 % quantile of `F(q, ν)`, `ν` by
    Satterthwaite from the shares of both tasks in `W`'s variance. The distance is the
    ratio of the two, and groups are joined while its mean over the pairs between them
    is below 1: a task that differs from a group by noise alone is kept out of it less
    often than once in five hundred times, since each of many tasks is compared. On
    common rows noise is correlated, and `W` takes the covariance of `Nᵀ(c_i, c_j)`.

    Args:
        factors: Of tasks that can be estimated.
        links: `theory.risk.row_factors.common_groups`, if there are common rows.

    Source: derived here; Wald (1943), Welch (1947).
    """
    k = len(np.asarray(factors.samples))
    arrays = _Arrays(
        *(
            np.asarray(getattr(factors, name))
            for name in (
                *("rows", "triangle", "moment", "residual", "group"),
                *("noise_variance", "freedom", "present"),
            )
        )
    )
    distance, p_value = np.zeros((k, k)), np.ones((k, k))
    for i in range(k):
        for j in range(i):
            link = None if links is None else links[j, i]
            found = _test(arrays, i, j, link)
            distance[i, j] = distance[j, i] = found[0]
            p_value[i, j] = p_value[j, i] = found[1]
    return EqualGroups(partition(distance), p_value, distance)


class _Arrays(NamedTuple):
    rows: np.ndarray
    triangle: np.ndarray
    moment: np.ndarray
    residual: np.ndarray
    group: np.ndarray
    noise_variance: np.ndarray
    freedom: np.ndarray
    present: np.ndarray


def _test(
    tasks: _Arrays, i: int, j: int, link: np.ndarray | None
) -> tuple[float, float]:
    size = np.sqrt(tasks.noise_variance[[i, j]])
    stack = np.concatenate([tasks.triangle[i] / size[0], tasks.triangle[j] / size[1]])
    norm = np.linalg.norm(stack, axis=0)
    left, value, _ = np.linalg.svd(stack / np.where(norm > 0, norm, 1))
    d = len(value)
    reached = np.sum(value > 4 * d * np.finfo(float).eps * value[0])
    # Rows of zeros belong to directions that a task does not see.
    real = np.concatenate(
        [tasks.triangle[i].any(axis=1), tasks.triangle[j].any(axis=1)]
    )
    null = left[:, reached:]
    null = null[:, np.linalg.norm(null[~real], axis=0) < 0.5] if (~real).any() else null
    c = np.concatenate([tasks.moment[i] / size[0], tasks.moment[j] / size[1]])
    q = int(real.sum() - reached)
    if q < 1:
        return 0.0, 1.0
    missed = null.T @ c
    cov = np.eye(null.shape[1])
    if link is not None:
        cov = null.T @ _covariance(tasks, i, j, link, size) @ null
    root, turn = np.linalg.eigh(cov)
    seen = root > 1e-8
    wald = float(np.sum((turn.T[seen] @ missed) ** 2 / root[seen]))
    if not seen.any():
        return 0.0, 1.0
    share = np.sum(null[:d] ** 2) / max(np.sum(null**2), 1)
    spare = tasks.freedom[[i, j]]
    freedom = 1 / (share**2 / spare[0] + (1 - share) ** 2 / spare[1])
    q = int(seen.sum())
    limit = stats.f.ppf(LEVEL, q, freedom)
    return float(wald / q / limit), float(stats.f.sf(wald / q, q, freedom))


def _covariance(
    tasks: _Arrays, i: int, j: int, link: np.ndarray, size: np.ndarray
) -> Float[np.ndarray, "n n"]:
    """Covariance of `(c_i, c_j)`, from residuals on the rows in common."""
    m = len(link)
    d = tasks.moment.shape[1]

    def sums(task: int, values: np.ndarray) -> np.ndarray:
        out = np.zeros((m + 1, *values.shape[1:]))
        np.add.at(out, tasks.group[task], values)
        return out

    there = link < m
    first, second = (sums(t, tasks.rows[t]) for t in (i, j))
    rows = first[:m][there], second[link][there]
    e = [sums(t, tasks.residual[t]) for t in (i, j)]
    products = np.sum(e[0][:m][there] * e[1][link][there])
    spare = there.sum() - sum(np.sum(one**2) for one in rows)
    spare += np.sum((rows[0].T @ rows[1]) ** 2)
    correlation = np.clip(products / max(spare, 1) / size[0] / size[1], -1, 1)
    whole = np.eye(2 * d)
    whole[:d, d:] = correlation * rows[0].T @ rows[1]
    whole[d:, :d] = whole[:d, d:].T
    return whole
