"""What rows say of tasks: who is estimable, gains of pairs, and weights."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from simulations.advice.rows import Rows
from theory.risk.estimates import LEAST_FREEDOM, task_estimates
from theory.risk.gain_estimate import normal_score
from theory.risk.gain_result import GainEstimate
from theory.risk.pair_gains import PairGains, pair_gains
from theory.risk.row_factors import RowFactors, common_groups, row_factors
from theory.risk.source_weights import SourceWeights, source_weights


class Gains(NamedTuple):
    """Gains of pairs, source by target, in shares of the error alone."""

    gain: Float[np.ndarray, "k k"]
    low: Float[np.ndarray, "k k"]
    high: Float[np.ndarray, "k k"]
    correlation: Float[np.ndarray, "k k"]
    alone: Float[np.ndarray, " k"]


def factors_of(rows: Rows) -> tuple[RowFactors, np.ndarray | None]:
    """Factors of the rows, in directions above rounding, and links of clusters.

    Directions that are rounding in all tasks together are taken out first.
    """
    basis = rows.basis()
    whole = basis.shape[0] == basis.shape[1]
    padded = rows.padded(None if whole else basis)
    groups = links = None
    if rows.clusters is not None:
        groups, links = common_groups(rows.clusters, padded.labels.shape[1])
    return row_factors(padded, rows.samples(), groups), links


def gains_of_pairs(
    factors: RowFactors,
    links: np.ndarray | None,
    *,
    confidence: tuple[float, ...],
    dependent: bool,
) -> list[Gains]:
    """Gains of pooling two tasks' rows with equal weights.

    The estimate is the one for noise of one size in a task, the less noisy one. Its
    bounds hold whether noise is of one size or not: of the two intervals, the lower of
    the lower bounds and the higher of the upper ones. With groups, whose rows depend on
    each other, estimate and bounds are those for any noise.

    Args:
        factors: Of the rows.
        links: Of their clusters.
        confidence: Of intervals; there are gains for each.
        dependent: Rows come in groups.
    """
    scores = jnp.stack([normal_score(one) for one in confidence])
    found = pair_gains(factors, scores, links)
    each = [jax.tree.map(lambda leaf, i=i: leaf[i], found) for i in range(len(scores))]
    return [_bounded(one, dependent) for one in each]


def _bounded(found: PairGains, dependent: bool) -> Gains:
    equal, robust = found.equal.relative, found.any_noise.relative
    first = robust if dependent else equal
    bounds = [_arrays(one) for one in (first, robust)]
    return Gains(
        np.asarray(first.gain),
        np.minimum(bounds[0][0], bounds[1][0]),
        np.maximum(bounds[0][1], bounds[1][1]),
        np.asarray(found.correlation),
        np.asarray(jnp.diagonal(found.equal.alone + found.equal.noise)),
    )


def _arrays(gain: GainEstimate) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(gain.low), np.asarray(gain.high)


def withheld(
    rows: Rows, factors: RowFactors, constant: np.ndarray
) -> Shaped[np.ndarray, " k"]:
    """Why no advice is given on a task; empty where it is.

    Fewer rows than directions hide some: as many as another task shows are counted.
    Labels that the inputs explain but for rounding leave no error to save.
    """
    reasons = []
    ranks = np.asarray(factors.rank).astype(int)
    freedoms = np.asarray(factors.freedom).astype(int)
    noises = np.asarray(factors.noise_variance)
    each = zip(freedoms, ranks, noises, rows.labels, constant, strict=True)
    for freedom, rank, noise, y, same in each:
        if freedom < LEAST_FREEDOM:
            directions = rank if freedom > 0 else np.max(ranks)
            least = directions + rows.intercept + LEAST_FREEDOM
            reasons.append(
                f"{len(y)} rows for {directions} directions"
                + (" and an intercept" if rows.intercept else "")
                + f": needs at least {least}"
            )
        elif same:
            reasons.append(
                f"its label is the same in all {len(y)} rows: there is nothing to learn"
            )
        elif noise == 0:
            reasons.append("its labels have no noise above rounding: no error to save")
        else:
            reasons.append("")
    return np.array(reasons, dtype=str)


def weights_of(rows: Rows, confidence: float) -> SourceWeights:
    """`source_weights`, whatever the order of tasks and columns.

    Its thinned labels are drawn by place. So tasks are put in the order of their
    energies first, and columns in that of their moments.
    """
    statistics, orthogonal = rows.orthogonal()
    tasks = np.argsort(np.asarray(statistics.energy), kind="stable")
    columns = np.argsort(np.abs(np.asarray(statistics.moment)).sum(axis=0))
    ordered, padded = jax.tree.map(lambda leaf: leaf[tasks], (statistics, orthogonal))
    ordered = type(ordered)(
        ordered.gram[:, columns][:, :, columns],
        ordered.moment[:, columns],
        ordered.energy,
        ordered.samples,
    )
    padded = type(padded)(padded.covariates[:, :, columns], *_rest(padded))
    own = task_estimates(ordered, padded)
    found = source_weights(ordered, confidence=confidence, tasks=own)
    back = np.argsort(tasks)
    gain = jax.tree.map(lambda leaf: leaf[back], found.gain)
    return SourceWeights(found.weights[back][:, back], gain, found.optimism[back])


def _rest(padded) -> tuple:
    return padded.labels, padded.mask
