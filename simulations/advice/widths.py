"""The width of the shared module, by cross-validation on rows."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float

from simulations.advice.folds import assign_folds
from simulations.advice.rows import Rows

# As many for every table: a rule that stops early would stop at a sweep that rounding
# decides, and with it the error in its fifth digit.
SWEEPS = 20
# Widths times inputs: the side of the normal equations of `B`.
LARGEST = 1200
# Operations of one orthogonal step for `B`; dearer ones take normal equations.
COSTLY = 2e7


class WidthChoice(NamedTuple):
    """Cross-validated error at every width tried, and the width suggested.

    `error` is the mean square on rows left out, in units of the task's label variance,
    by task, width and fold; `apart` that of the tasks trained alone, by task and fold.
    """

    widths: tuple[int, ...]
    error: Float[np.ndarray, "k w folds"]
    apart: Float[np.ndarray, "k folds"]
    suggested: int | None


class _Training(NamedTuple):
    """Triangular factors `[R c]` of the centred training rows, and their means."""

    triangle: Float[np.ndarray, "k d d"]
    moment: Float[np.ndarray, "k d"]
    mean: Float[np.ndarray, "k d"]
    level: Float[np.ndarray, " k"]


def choose_width(rows: Rows, *, folds: int, seed: int) -> WidthChoice:
    """Train at each width on all folds but one, and test on that one.

    The model is `f` of eq 1 with unit weights: free heads `A_i` and a common `B`
    (d x r), found by 20 sweeps of alternating least squares from the best `B` for the
    tasks' own solutions in the mean metric. It is near a local minimum, near that
    start; `theory.linear` has certified optima. Widths 1, 2, 3, 5, 8, ... below
    `min(k, d)`; from there on tasks are apart. The suggestion is the least width within
    one standard error, over folds, of the best; None if apart is better than all by
    more than that.

    Each fold of a task is kept as the triangular factor of its rows `(1, x, y)`. The
    factor of several folds is that of their factors, centred without its first row, so
    that nothing is subtracted and nothing squared. Shared directions are sought in
    columns in which the training rows of all tasks are orthonormal; the result does not
    depend on the columns' units, nor on the order of rows, tasks or columns.

    Args:
        rows: Tasks with at least two rows a fold.
        folds: Number of folds.
        seed: Of the folds.

    Raises:
        ValueError: Fewer than two folds.

    Source: W eq 1; the search is the usual one for reduced-rank regression.
    """
    if folds < 2:
        raise ValueError(f"cross-validation needs folds >= 2, got {folds}")
    fold_of = assign_folds(rows, folds, seed)
    parts = _parts(rows, fold_of, folds)
    varied = _varied(rows, fold_of, folds)
    spread = np.array([np.mean((y - y.mean()) ** 2) for y in rows.labels])
    # Directions rather than columns: dependent ones make no room for a module.
    k, d = len(rows.labels), rows.basis().shape[1]
    widths = _widths(k, d)
    error, apart = np.zeros((k, len(widths), folds)), np.zeros((k, folds))
    for fold in range(folds):
        made = _training(parts, fold, varied[fold], rows.intercept)
        own = np.stack(
            [_solve(r, c) for r, c in zip(made.triangle, made.moment, strict=True)]
        )
        apart[:, fold] = _error(parts[:, fold], made, own) / spread
        start = _start(made, own)
        for index, width in enumerate(widths):
            found = _shared(made, start, width)
            error[:, index, fold] = _error(parts[:, fold], made, found) / spread
    return WidthChoice(widths, error, apart, _suggested(widths, error, apart))


def _widths(k: int, d: int) -> tuple[int, ...]:
    sizes = [1, 2]
    while sizes[-1] < min(k, d):
        sizes.append(sizes[-1] + sizes[-2])
    return tuple(n for n in sizes if n < min(k, d) and n * d <= LARGEST)


def _suggested(
    widths: tuple[int, ...], error: np.ndarray, apart: np.ndarray
) -> int | None:
    every = np.concatenate([error.mean(axis=0), apart.mean(axis=0)[None]])
    best = int(np.argmin(every.mean(axis=1)))
    worse = every - every[best]
    spread = worse.std(axis=1, ddof=1) / np.sqrt(apart.shape[1])
    fit = np.flatnonzero(worse.mean(axis=1) <= spread)
    return widths[fit[0]] if fit[0] < len(widths) else None


def _parts(
    rows: Rows, fold_of: list[np.ndarray], folds: int
) -> Float[np.ndarray, "k folds n n"]:
    """Triangular factors of the rows `(1, x, y)` of every fold of every task."""
    d = rows.covariates[0].shape[1]
    found = np.zeros((len(rows.labels), folds, d + 2, d + 2))
    for task, (x, y) in enumerate(zip(rows.covariates, rows.labels, strict=True)):
        whole = np.column_stack([np.ones(len(y)), x, y])
        for fold in range(folds):
            r = _triangle(whole[fold_of[task] == fold])
            found[task, fold, : len(r)] = r
    return found


def _triangle(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.qr(rows, mode="r"))


def _varied(
    rows: Rows, fold_of: list[np.ndarray], folds: int
) -> Bool[np.ndarray, "folds k d"]:
    """Columns that vary in the training rows; without an intercept, that are not 0."""
    rounding = np.zeros(1) if rows.rounding is None else rows.rounding

    def varies(x: np.ndarray) -> np.ndarray:
        if rows.intercept:
            return np.ptp(x, axis=0) > rounding
        return np.any(x != 0, axis=0)

    pairs = list(zip(rows.covariates, fold_of, strict=True))
    return np.array(
        [[varies(x[own != fold]) for x, own in pairs] for fold in range(folds)]
    )


def _training(
    parts: np.ndarray, fold: int, varied: np.ndarray, intercept: bool
) -> _Training:
    k, folds, n, _ = parts.shape
    others = parts[:, np.arange(folds) != fold].reshape(k, -1, n)
    if not intercept:
        r = _triangle(others[:, :, 1:])
        zeros = np.zeros((k, n - 2))
        return _Training(r[:, : n - 2, : n - 2], r[:, : n - 2, -1], zeros, zeros[:, 0])
    r = _triangle(others)
    first = r[:, :1, :1]
    means = r[:, 0, 1:] / first[:, 0]
    triangle = np.where(varied[:, None], r[:, 1 : n - 1, 1 : n - 1], 0)
    return _Training(triangle, r[:, 1 : n - 1, -1], means[:, :-1], means[:, -1])


def _error(
    test: Float[np.ndarray, "k n n"], made: _Training, theta: Float[np.ndarray, "k d"]
) -> Float[np.ndarray, " k"]:
    """Mean square of `y − ȳ − (x − x̄)ᵀθ` on the test rows."""
    base = made.level - np.sum(made.mean * theta, axis=1)
    way = np.column_stack([-base, -theta, np.ones(len(theta))])
    missed = np.einsum("kij,kj->ki", test, way)
    # The first column of the factor is (√n, 0, ...).
    return np.sum(missed**2, axis=1) / test[:, 0, 0] ** 2


class _Start(NamedTuple):
    """The tasks in columns orthonormal over all of them, and where to start."""

    triangle: Float[np.ndarray, "k d n"]
    basis: Float[np.ndarray, "d n"]
    right: Float[np.ndarray, "_ n"]


def _start(made: _Training, own: Float[np.ndarray, "k d"]) -> _Start:
    basis = Rows(list(made.triangle), [], False).basis()
    turned = made.triangle @ basis
    size = np.sqrt(np.sum(turned**2, axis=(1, 2)))
    # The tasks' own solutions in these columns; R θ is what they stand for.
    theta = [
        _solve(one, r @ b) for one, r, b in zip(turned, made.triangle, own, strict=True)
    ]
    right = np.linalg.svd(size[:, None] * np.stack(theta), full_matrices=False)[2]
    return _Start(turned, basis, right)


def _shared(made: _Training, start: _Start, width: int) -> Float[np.ndarray, "k d"]:
    """Alternating least squares for `B` and the heads."""
    shared = start.right[:width].T
    heads = _heads(start, made, shared)
    d, r = shared.shape
    orthogonal = len(heads) * d * (r * d) ** 2 <= COSTLY
    for _ in range(SWEEPS):
        step = _by_rows if orthogonal else _by_normal_equations
        shared = step(start.triangle, made.moment, heads).reshape(r, d).T
        heads = _heads(start, made, shared)
    return heads @ (start.basis @ shared).T


def _by_rows(
    triangle: Float[np.ndarray, "k m n"], moment: np.ndarray, heads: np.ndarray
) -> np.ndarray:
    """`B` by orthogonal factors of the rows `A_i ⊗ R_i`."""
    k, m, _ = triangle.shape
    whole = np.einsum("kr,kmn->kmrn", heads, triangle).reshape(k * m, -1)
    norm = np.sqrt(np.sum(whole**2, axis=0))
    scale = np.where(norm > 0, norm, 1)
    q, r = np.linalg.qr(whole / scale)
    size = np.abs(np.diag(r))
    right = q.T @ moment.ravel()
    if size.min() > 1e-10 * size.max():
        return scipy.linalg.solve_triangular(r, right) / scale
    return _solve(r, right) / scale


def _by_normal_equations(
    triangle: Float[np.ndarray, "k m n"], moment: np.ndarray, heads: np.ndarray
) -> np.ndarray:
    """`B` of many tasks or columns, in which the mean metric is the identity."""
    gram = np.einsum("kij,kil->kjl", triangle, triangle)
    big = np.einsum("kr,ks,kde->rdse", heads, heads, gram)
    small = np.einsum("kr,kij,ki->rj", heads, triangle, moment, optimize=True)
    return _normal(big.reshape(small.size, small.size), small.ravel())


def _heads(
    start: _Start, made: _Training, shared: Float[np.ndarray, "n r"]
) -> Float[np.ndarray, "k r"]:
    pairs = zip(start.triangle @ shared, made.moment, strict=True)
    return np.stack([_solve(one, c) for one, c in pairs])


def _solve(triangle: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Least squares with columns scaled; of least norm where the rank is less."""
    norm = np.sqrt(np.sum(triangle**2, axis=0))
    scale = np.where(norm > 0, norm, 1)
    left, value, right = np.linalg.svd(triangle / scale, full_matrices=False)
    seen = value > 4 * max(triangle.shape) * np.finfo(float).eps * value[0]
    return (right[seen].T @ (left.T[seen] @ moment / value[seen])) / scale


def _normal(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Normal equations, scaled; of least norm where they are singular."""
    diagonal = np.sqrt(np.diag(gram))
    scale = np.where(diagonal > 0, diagonal, 1)
    scaled, right = gram / scale[:, None] / scale, moment / scale
    try:
        factor = scipy.linalg.cho_factor(scaled, check_finite=False)
        # The square root of the condition number, about.
        if np.ptp(np.log(np.abs(np.diag(factor[0])))) < np.log(1e5):
            return scipy.linalg.cho_solve(factor, right, check_finite=False) / scale
    except np.linalg.LinAlgError:
        pass
    value, vector = np.linalg.eigh(scaled)
    seen = value > 4 * len(value) * np.finfo(float).eps * value[-1]
    inner = (vector.T[seen] @ right) / value[seen]
    return vector[:, seen] @ inner / scale
