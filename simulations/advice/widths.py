"""The width of the shared module, by cross-validation on rows."""

from typing import NamedTuple

import numpy as np
import scipy.linalg
from jaxtyping import Float

from simulations.advice.leave_one_out import Rows

SWEEPS = 30
# A sweep that lowers the loss by less than this share ends the search.
CLOSE = 1e-7
# Widths times inputs: the side of the normal equations of `B`.
LARGEST = 1200


class WidthChoice(NamedTuple):
    """Cross-validated error at every width tried, and the width suggested.

    `error` is the mean square on rows left out, in units of the task's label variance,
    a mean over tasks (width by fold); `apart` that of the tasks trained alone.
    """

    widths: tuple[int, ...]
    error: Float[np.ndarray, "w folds"]
    apart: Float[np.ndarray, " folds"]
    suggested: int | None


class _Fold(NamedTuple):
    gram: Float[np.ndarray, "k d d"]
    moment: Float[np.ndarray, "k d"]
    means: list[tuple[Float[np.ndarray, " d"], float]]


def choose_width(rows: Rows, *, folds: int, seed: int) -> WidthChoice:
    """Train at each width on all folds but one, and test on that one.

    The model is `f` of eq 1 with unit weights: free heads `A_i` and a common `B`
    (d x r), found by alternating least squares from the best `B` for the tasks' own
    solutions in the mean metric. It is a local minimum, near that start;
    `theory.linear` has certified optima. Widths 1, 2, 3, 5, 8, ... below `min(k, d)`;
    from there on tasks are apart. The suggestion is the least width within one standard
    error, over folds, of the best; None if apart is better than all by more than that.

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
    rng = np.random.default_rng(seed)
    fold_of = [rng.permutation(np.arange(len(y)) % folds) for y in rows.labels]
    k, d = len(rows.labels), rows.covariates[0].shape[1]
    widths = _widths(k, d)
    error, apart = np.zeros((len(widths), folds)), np.zeros(folds)
    for fold in range(folds):
        made = _training(rows, [own != fold for own in fold_of])
        test = [own == fold for own in fold_of]
        own = np.stack(
            [_solve(g, h) for g, h in zip(made.gram, made.moment, strict=True)]
        )
        apart[fold] = _error(rows, made, own, test)
        for index, width in enumerate(widths):
            error[index, fold] = _error(rows, made, _shared(made, own, width), test)
    return WidthChoice(widths, error, apart, _suggested(widths, error, apart))


def _widths(k: int, d: int) -> tuple[int, ...]:
    sizes = [1, 2]
    while sizes[-1] < min(k, d):
        sizes.append(sizes[-1] + sizes[-2])
    return tuple(n for n in sizes if n < min(k, d) and n * d <= LARGEST)


def _suggested(
    widths: tuple[int, ...], error: np.ndarray, apart: np.ndarray
) -> int | None:
    every = np.concatenate([error, apart[None]])
    best = int(np.argmin(every.mean(axis=1)))
    worse = every - every[best]
    spread = worse.std(axis=1, ddof=1) / np.sqrt(len(apart))
    fit = np.flatnonzero(worse.mean(axis=1) <= spread)
    return widths[fit[0]] if fit[0] < len(widths) else None


def _training(rows: Rows, kept: list[np.ndarray]) -> _Fold:
    grams, moments, means = [], [], []
    for x, y, mine in zip(rows.covariates, rows.labels, kept, strict=True):
        centre, level = np.zeros(x.shape[1]), 0.0
        if rows.intercept:
            centre, level = x[mine].mean(axis=0), float(y[mine].mean())
        own, label = x[mine] - centre, y[mine] - level
        grams.append(own.T @ own)
        moments.append(own.T @ label)
        means.append((centre, level))
    return _Fold(np.stack(grams), np.stack(moments), means)


def _error(
    rows: Rows, made: _Fold, parameters: np.ndarray, test: list[np.ndarray]
) -> float:
    errors = []
    for x, y, mine, (centre, level), theta in zip(
        rows.covariates, rows.labels, test, made.means, parameters, strict=True
    ):
        missed = y[mine] - level - (x[mine] - centre) @ theta
        errors.append(np.mean(missed**2) / np.mean((y - y.mean()) ** 2))
    return float(np.mean(errors))


def _shared(made: _Fold, own: np.ndarray, width: int) -> Float[np.ndarray, "k d"]:
    """Alternating least squares for `B` and the heads."""
    size = np.trace(made.gram, axis1=1, axis2=2)
    mean = np.sum(made.gram, axis=0) / np.sum(size)
    values, vectors = np.linalg.eigh(mean)
    seen = values > values[-1] * 1e-12
    root = vectors[:, seen] * np.sqrt(values[seen])
    right = np.linalg.svd((np.sqrt(size)[:, None] * own) @ root, full_matrices=False)[2]
    shared = (vectors[:, seen] / np.sqrt(values[seen])) @ right[:width].T
    heads, last = np.zeros((len(own), width)), np.inf
    for _ in range(SWEEPS):
        inner = np.einsum("dr,kde,es->krs", shared, made.gram, shared)
        outer = made.moment @ shared
        heads = np.stack([_solve(g, h) for g, h in zip(inner, outer, strict=True)])
        loss = -np.sum(outer * heads)  # f − Σ e_i at the best heads
        if last - loss <= CLOSE * abs(loss):
            break
        last = loss
        r, d = shared.shape[1], shared.shape[0]
        big = np.einsum("kr,ks,kde->rdse", heads, heads, made.gram)
        small = np.einsum("kr,kd->rd", heads, made.moment)
        shared = _solve(big.reshape(r * d, r * d), small.ravel()).reshape(r, d).T
    return heads @ shared.T


def _solve(gram: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Least squares; of least norm where the matrix is singular."""
    try:
        factor = scipy.linalg.cho_factor(gram, check_finite=False)
        # The square root of the condition number, about.
        if np.ptp(np.log(np.abs(np.diag(factor[0])))) < np.log(1e6):
            return scipy.linalg.cho_solve(factor, moment, check_finite=False)
    except np.linalg.LinAlgError:
        pass
    return np.linalg.lstsq(gram, moment, rcond=1e-12)[0]
