"""How well each task predicts another's left-out rows."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from simulations.advice.rows import Rows

# A row this close to leverage 1 fits itself: nothing is left to predict it by.
SPARE = 1e-9


class RowGains(NamedTuple):
    """Relative gains, source by target, and their standard errors over rows.

    `unpredicted` counts the rows of each target that fit themselves.
    """

    gain: Float[np.ndarray, "k k"]
    error: Float[np.ndarray, "k k"]
    unpredicted: Int[np.ndarray, " k"]


class _Factor(NamedTuple):
    """`X = QR` of a task, and `Qᵀy`; `R` is padded to `d` rows."""

    rows: Float[np.ndarray, "m d"]
    triangle: Float[np.ndarray, "d d"]
    moment: Float[np.ndarray, " d"]


def leave_one_out_gains(rows: Rows) -> RowGains:
    """Gain of pooling every source with every target, from errors on rows left out.

    A least squares fit errs on a row that is left out by `r_j/(1 − h_j)`, with `r_j`
    its residual and `h_j` its leverage: `x_jᵀRx_j`, and `1/m` more with an intercept of
    the task's own. Rows of one cluster are left out together, in both tasks, and err by
    `(I − H)⁻¹r`. The gain is the difference of mean squares, alone less pooled, in
    units of the first. It is unbiased for training with one row less if clusters are
    independent, be their noise of unequal size or their inputs heavy-tailed; where
    noise is of one size it is noisier than `theory.risk.gain_estimate`. The error is
    the standard error of the mean of the differences, over clusters.

    Rows of leverage 1 in the target alone, such as the only one of a category, fit
    themselves and have no error left out. They count in neither mean.

    With `X_i = Q_iR_i` of every task, the singular vectors `U` of `[R_t; R_s]`, columns
    scaled to unit norm, give the target's leverages as the squared norms of the rows
    of `Q_tU_t` and the fit as `Q_tU_tUᵀ[Q_tᵀy_t; Q_sᵀy_s]`: products of orthogonal
    matrices, so that neither units nor condition matter.

    Args:
        rows: Tasks, centred or not.

    Source: Allen (1974), PRESS; the factors are derived here.
    """
    factors = [_factor(x, y) for x, y in zip(rows.covariates, rows.labels, strict=True)]
    k = len(factors)
    gain, error = np.zeros((2, k, k))
    unpredicted = np.zeros(k, int)
    for target in range(k):
        halves, moments = _pairs(factors, target)
        clusters = None if rows.clusters is None else rows.clusters[target]
        alone, kept = _missed(rows, factors, halves, moments, target, target)
        unpredicted[target] = np.sum(~kept)
        for source in range(k):
            if not kept.any() or source == target:
                continue
            missed, _ = _missed(rows, factors, halves, moments, target, source)
            found = _gain(alone, missed, kept, clusters)
            gain[source, target], error[source, target] = found
        if not kept.any():
            gain[:, target] = error[:, target] = np.nan
    return RowGains(gain, error, unpredicted)


def _factor(x: Float[np.ndarray, "m d"], y: Float[np.ndarray, " m"]) -> _Factor:
    d = x.shape[1]
    scale = _norms(x)
    q, r = np.linalg.qr(x / scale)
    short = d - len(r)
    q, r = np.pad(q, ((0, 0), (0, short))), np.pad(r, ((0, short), (0, 0)))
    return _Factor(q, r * scale, q.T @ y)


def _norms(x: Float[np.ndarray, "... m d"]) -> Float[np.ndarray, "... d"]:
    top = np.max(np.abs(x), axis=-2, initial=0, keepdims=True)
    top = np.where(top > 0, top, 1)
    norm = np.sqrt(np.sum((x / top) ** 2, axis=-2))
    return top[..., 0, :] * np.where(norm > 0, norm, 1)


def _pairs(
    factors: list[_Factor], target: int
) -> tuple[Float[np.ndarray, "k n d"], Float[np.ndarray, "k d"]]:
    """`U`, and `Uᵀ` of the labels, for every source; the target's own is alone."""
    added = [0 if i == target else 1 for i in range(len(factors))]
    own = factors[target]
    stack = np.stack(
        [
            np.concatenate([own.triangle, use * one.triangle])
            for use, one in zip(added, factors, strict=True)
        ]
    )
    right = np.stack(
        [
            np.concatenate([own.moment, use * one.moment])
            for use, one in zip(added, factors, strict=True)
        ]
    )
    left, value, _ = np.linalg.svd(stack / _norms(stack)[:, None], full_matrices=False)
    d = value.shape[1]
    seen = value > 4 * d * np.finfo(float).eps * value[:, :1]
    left *= seen[:, None]
    return left, np.einsum("kod,ko->kd", left, right)


def _missed(
    rows: Rows,
    factors: list[_Factor],
    halves: Float[np.ndarray, "k n d"],
    moments: Float[np.ndarray, "k d"],
    target: int,
    source: int,
) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """Errors of the target's rows left out, and which of them can be predicted."""
    y, d = rows.labels[target], halves.shape[2]
    upper, lower = halves[source, :d], halves[source, d:]
    level = 1 / len(y) if rows.intercept else 0.0
    z = factors[target].rows @ upper
    residual = y - z @ moments[source]
    if rows.clusters is None:
        spare = 1 - level - np.sum(z**2, axis=1)
        return residual / np.maximum(spare, SPARE), spare > SPARE
    other_y = rows.labels[source]
    other = factors[source].rows @ lower
    other_residual = other_y - other @ moments[source]
    flag = float(rows.intercept)
    z = np.column_stack([z, np.full(len(y), np.sqrt(level)), np.zeros(len(y))])
    far = np.full(len(other), flag / np.sqrt(len(other)))
    other = np.column_stack([other, np.zeros(len(other)), far])
    own = rows.clusters[target], z, residual
    if source == target:
        return _blocks(own, (np.zeros(0, int), other[:0], other_residual[:0]))
    return _blocks(own, (rows.clusters[source], other, other_residual))


_Part = tuple[np.ndarray, np.ndarray, np.ndarray]


def _blocks(
    own: _Part, other: _Part
) -> tuple[Float[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """`(I − H)⁻¹r` of every cluster, those with equal numbers of rows at once."""
    missed, kept = np.zeros(len(own[2])), np.ones(len(own[2]), bool)
    names = np.unique(own[0])
    places = [_members(part[0], names) for part in (own, other)]
    sizes = np.array([[len(p[i]) for p in places] for i in range(len(names))])
    for size in np.unique(sizes, axis=0):
        some = np.flatnonzero(np.all(sizes == size, axis=1))
        here, there = (
            np.array([place[i] for i in some], int).reshape(len(some), n)
            for place, n in zip(places, size, strict=True)
        )
        z = np.concatenate([own[1][here], other[1][there]], axis=1)
        residual = np.concatenate([own[2][here], other[2][there]], axis=1)
        value, vector = np.linalg.eigh(np.eye(z.shape[1]) - z @ z.transpose(0, 2, 1))
        inner = np.einsum("gij,gi->gj", vector, residual) / np.maximum(value, SPARE)
        missed[here] = np.einsum("gij,gj->gi", vector, inner)[:, : size[0]]
        kept[here] = (value[:, 0] > SPARE)[:, None]
    return missed, kept


def _members(clusters: np.ndarray, names: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(clusters, kind="stable")
    low = np.searchsorted(clusters[order], names, "left")
    high = np.searchsorted(clusters[order], names, "right")
    return [order[a:b] for a, b in zip(low, high, strict=True)]


def _gain(
    alone: Float[np.ndarray, " m"],
    pooled: Float[np.ndarray, " m"],
    kept: Bool[np.ndarray, " m"],
    clusters: Int[np.ndarray, " m"] | None,
) -> tuple[float, float]:
    # (a − b)(a + b), since a² − b² would cancel.
    saved = ((alone - pooled) * (alone + pooled))[kept]
    unit = max(float(np.mean(alone[kept] ** 2)), np.finfo(float).tiny)
    parts = saved - saved.mean()
    if clusters is not None:
        place = np.unique(clusters[kept], return_inverse=True)[1]
        parts = np.bincount(place, parts)
    n = len(parts)
    spread = np.sqrt(np.sum(parts**2) * n / (n - 1)) if n > 1 else np.nan
    return float(saved.mean() / unit), float(spread / len(saved) / unit)
