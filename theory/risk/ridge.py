"""Exact leave-one-out errors of ridge regression at many strengths."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_penalty, check_shape

# Singular values below this many times the largest, times max(n, d)ε, are rounding.
ROUNDED = 4


class Ridge(NamedTuple):
    """Rows less their task's mean, factorised as `UΣVᵀ`, and what was subtracted.

    `task` numbers the task of each row, `mean` and `level` are those of each task, 0
    without intercepts, and `share` is `1/m_i`, 0 without. `fit` is `Uᵀy` and `beyond`
    the part of `y` that no `θ` reaches.
    """

    left: Float[np.ndarray, "n q"]
    value: Float[np.ndarray, " q"]
    right: Float[np.ndarray, "q d"]
    fit: Float[np.ndarray, " q"]
    beyond: Float[np.ndarray, " n"]
    task: Int[np.ndarray, " n"]
    mean: Float[np.ndarray, "k d"]
    level: Float[np.ndarray, " k"]
    share: Float[np.ndarray, " k"]

    def slope(self, penalty: float) -> Float[np.ndarray, " d"]:
        """Return `θ = V Σ(Σ² + λ)⁻¹ Uᵀy`, 0 at `λ = ∞`."""
        if np.isinf(penalty):
            return np.zeros(self.right.shape[1])
        gain = self.value / (self.value**2 + penalty)
        return (gain * self.fit) @ self.right

    def errors(
        self,
        covariates: Float[np.ndarray, "m d"],
        labels: Float[np.ndarray, " m"],
        task: int,
        penalty: float,
    ) -> Float[np.ndarray, " m"]:
        """Return the errors on new rows of a task."""
        away = covariates - self.mean[task]
        return labels - self.level[task] - away @ self.slope(penalty)


def ridge(
    covariates: ArrayLike, labels: ArrayLike, task: ArrayLike, *, intercept: bool = True
) -> Ridge:
    """Factorise the rows for ridge fits of any strength `λ`.

        min Σ_j (y_j − a_{i(j)} − x_jᵀθ)² + λ‖θ‖²,

    with an intercept `a_i` for each task and one `θ` for all.

    Args:
        covariates: `X` (n x d), in columns of comparable scale: the penalty is not
            invariant to their units.
        labels: `y` (n).
        task: Number of the task of each row (n), from 0.
        intercept: One for each task; otherwise none.

    Raises:
        ValueError: Shapes do not fit, or a value is not finite.
    """
    x = np.asarray(check_array("covariates", covariates, "n d", double=True))
    y = np.asarray(check_array("labels", labels, "n", double=True, n=len(x)))
    own = np.asarray(task)
    check_shape("task", own, "n", n=len(x))
    count = np.bincount(own)[:, None]
    mean = np.zeros((len(count), x.shape[1] + 1))
    if intercept:
        np.add.at(mean, own, np.column_stack([x, y]))
        mean /= np.maximum(count, 1)
    z, centred = x - mean[own, :-1], y - mean[own, -1]
    left, value, right = np.linalg.svd(z, full_matrices=False)
    seen = value > ROUNDED * max(z.shape) * np.finfo(float).eps * value[0]
    left = left[:, seen]
    fit = left.T @ centred
    share = intercept / np.maximum(count[:, 0], 1)
    return Ridge(
        left, value[seen], right[seen], fit, centred - left @ fit, own, mean[:, :-1],
        mean[:, -1], share,
    )  # fmt: skip


def ridge_left_out(
    factors: Ridge, penalties: ArrayLike, cluster: ArrayLike | None = None
) -> Float[np.ndarray, "n l"]:
    """Return the error on each row of the ridge fit to all rows but its cluster.

    Let `Z = UΣVᵀ` be the rows less their task's mean, `P` the projection on the
    intercepts and `R = I − P − UUᵀ`. Then the residuals are `e = Wy` and the errors on
    a cluster `C` that is left out `W_CC⁻¹e_C`, with

        W = I − P − UΣ²(Σ² + λ)⁻¹Uᵀ = R + U diag(λ/(σ² + λ)) Uᵀ,

    which holds for every quadratic penalty that leaves the intercepts free, since the
    fit is linear in `y` and a row whose label is its own prediction changes no fit. The
    second form of `W` subtracts nothing that nearly cancels as `λ → 0`. At `λ = ∞` the
    fit is the task's mean. Errors are NaN where nothing is left to predict a row by: a
    cluster has all rows of a task, or a row fits itself at `λ = 0`.

    Args:
        factors: Of the rows.
        penalties: Strengths `λ ≥ 0` (l); may be infinite.
        cluster: Number of the cluster of each row (n); each row its own for None.

    Raises:
        ValueError: Shapes do not fit or a penalty is negative.

    Source: Allen (1974) and Golub, Heath and Wahba (1979); clusters derived here.
    """
    strength = np.asarray(check_penalty(penalties, "l"))
    n = len(factors.left)
    block = np.arange(n) if cluster is None else np.asarray(cluster)
    check_shape("cluster", block, "n", n=n)
    square = factors.value[:, None] ** 2
    with np.errstate(invalid="ignore"):
        shrunk = np.where(np.isinf(strength), 1.0, strength / (square + strength))
    residual = factors.beyond[:, None] + factors.left @ (shrunk * factors.fit[:, None])
    order = np.argsort(block, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
    found = np.empty_like(residual)
    sizes = np.array([len(rows) for rows in members])
    for size in np.unique(sizes):
        rows = np.array([members[i] for i in np.flatnonzero(sizes == size)])
        found[rows] = _solved(factors, shrunk, residual, rows)
    return found


def _solved(
    factors: Ridge,
    shrunk: Float[np.ndarray, "q l"],
    residual: Float[np.ndarray, "n l"],
    rows: Int[np.ndarray, "c g"],
) -> Float[np.ndarray, "c g l"]:
    """`W_CC⁻¹e_C` of clusters with equally many rows."""
    u, own = factors.left[rows], factors.task[rows]
    same = (own[:, :, None] == own[:, None, :]) * factors.share[own][:, :, None]
    # What is rounding of 0 beside sums of n terms would be a direction.
    least = ROUNDED * len(factors.left) * np.finfo(float).eps
    beyond = np.eye(rows.shape[1]) - same - u @ u.transpose(0, 2, 1)
    beyond[np.abs(beyond) < least] = 0
    if rows.shape[1] == 1:
        spare = beyond[:, :, 0][..., None] + (u**2) @ shrunk
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(spare > 0, residual[rows] / spare, np.nan)
    found = np.empty((*rows.shape, shrunk.shape[1]))
    for index, factor in enumerate(shrunk.T):
        whole = beyond + (u * factor) @ u.transpose(0, 2, 1)
        value, vector = np.linalg.eigh(whole)
        inner = np.einsum("cgi,cg->ci", vector, residual[rows][..., index])
        usable = value.min(axis=1) > least
        inner = inner / np.where(value > least, value, 1)
        missed = np.einsum("cgi,ci->cg", vector, inner)
        found[..., index] = np.where(usable[:, None], missed, np.nan)
    return found
