"""The gain of pooling, estimated without bias before anything is trained together."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from theory.arguments import (
    check_numbers,
    check_pool_weights,
    check_share,
    check_target,
    is_traced,
)
from theory.risk.estimates import TaskEstimates, estimable_tasks
from theory.risk.gain_interval import GainParts, gain_bounds
from theory.risk.gain_parts import Others, gain_parts
from theory.risk.target_frame import (
    Pooling,
    TargetFrame,
    column_sizes,
    pooling,
    target_frame,
)
from theory.tasks import TaskStatistics

# With fewer residual degrees of freedom in a task no interval is given.
LEAST_INTERVAL = 5
NO_NOISE, FEW_ROWS, DEPENDENT, FEW_GROUPS = 1, 2, 3, 4
REASONS = (
    "",
    "the target's labels have no noise above rounding, so there is no error to save",
    f"a task has fewer than {LEAST_INTERVAL} rows (or groups) more than directions",
    "columns are so nearly dependent that rounding of the statistics decides: give "
    "rows, or drop columns",
    "the rows come in too few groups",
)


class GainEstimate(eqx.Module):
    """Gain of pooling for a target: risk alone minus risk pooled, estimated.

    `gain` is the estimate, `low` and `high` bound the gain. `alone` estimates the
    excess risk of the target's own least squares, `noise` its `σ²`: a test error is
    the sum of the two. Squared units of the label. `share_low` and `share_high` bound
    the gain in shares of that error, whose own uncertainty they take in.

    Where an interval cannot be trusted its bounds are NaN, and `code` is the index in
    `REASONS` of the reason; it is 0 elsewhere.
    """

    gain: Float[Array, "*batch"]
    low: Float[Array, "*batch"]
    high: Float[Array, "*batch"]
    alone: Float[Array, "*batch"]
    noise: Float[Array, "*batch"]
    share_low: Float[Array, "*batch"]
    share_high: Float[Array, "*batch"]
    code: Float[Array, "*batch"]

    @property
    def relative(self) -> "GainEstimate":
        """In units of the test error of the target alone, `σ̂² + alone`; at most 1."""
        error = self.alone + self.noise
        unit = jnp.where(error > 0, error, jnp.nan)
        return GainEstimate(
            self.gain / unit,
            self.share_low,
            self.share_high,
            self.alone / unit,
            self.noise / unit,
            self.share_low,
            self.share_high,
            self.code,
        )

    @property
    def reason(self) -> str | np.ndarray:
        """Why the interval is withheld, empty where it is not; an array of a batch."""
        reasons = np.array(REASONS)[np.asarray(self.code).astype(int)]
        return str(reasons) if reasons.ndim == 0 else reasons


def estimate_gain(
    statistics: TaskStatistics,
    weights: ArrayLike,
    *,
    target: int = -1,
    new_rows: bool = True,
    confidence: float = 0.95,
    tasks: TaskEstimates | None = None,
) -> GainEstimate:
    """Gain of `b̂ = R Σ_i α_ig_i`, `R = (Σ_i α_iS_i)⁻`, over `b̂_t = S_t⁻g_t`.

    Let `O = Σ_(i≠t) α_iS_i`, `v = Σ_(i≠t) α_iS_i(b_i − b_t)`, `Q = RSR`. The gain in
    the metric `S = S_t/m_t` (`theory.risk.weighted_risk`) is

        gain = σ_t² tr(SS_t⁻) − vᵀQv − Σ_i α_i²σ_i² tr(QS_i).

    `v̂ = Σ_(i≠t) α_i(g_i − S_ib̂_t)` has mean `v` and covariance
    `V = Σ_(i≠t) α_i²σ_i²S_i + σ_t² O S_t⁻ O`, so `E v̂ᵀQv̂ = vᵀQv + tr(QV)`. The sources'
    noise then cancels, and with `T = v̂ᵀQv̂ = ‖S^½(b̂ − b̂_t)‖²`

        ĝ = κ σ̂_t² − T,   κ = 2 tr(S(S_t⁻ − α_tR)),                          (same rows)

    is unbiased given all rows. It is Mallows' C_p (Stein's estimate) with the target's
    own solution as the large model: only the target's noise must be known, and the
    sources' labels need not even be linear. It holds for weights chosen without the
    target's labels, and if the noise of the tasks is independent; tasks with labels on
    the same rows do not qualify.

    That is the gain on the target's own rows. For new rows from the same distribution
    (`new_rows`), leave a row `x` out: `R₋x = Rx/(1 − α_txᵀRx)`, and `α_txᵀRx` is close
    to its mean `h = α_t tr(SR)`. So a quadratic form `xᵀRwwᵀRx`, with `w` of the
    sources, grows by `F² = 1/(1−h)²`, `tr(ΣR)` is `F tr(SR)`, and alone `h` is
    `ρ = rank/m_t`. From `α_tRS_tR = R − ROR`,

        ĝ = κ σ̂_t² − F²T,   κ = ρ/(1−ρ) + F² tr(QOS_t⁻O) − α_tF tr(SR) + α_tF² tr(QO).

    It is exact in the limit of many rows and inputs (generalised cross-validation);
    `F = 1` and `ρ` in place of `ρ/(1−ρ)` give back the first. A column that is constant
    in the target's rows is taken to be so in new ones.

    The interval takes noise as Gaussian. `σ̂_t²` and `T` are then independent;
    `T` is a weighted sum of noncentral chi-squares with `C = S^½RVRS^½`, `V` estimated
    (`theory.risk.chi_square_interval`), and their bounds are joined as
    `ĝ ± √(Δ_σ² + Δ_T²)` (Zou and Donner 2008). Its level is approximate.

    jit-, vmap- and grad-compatible in `statistics` and `weights`.

    Args:
        statistics: The tasks, each with at least two rows more than directions. For an
            intercept a task give centred statistics with `samples = m_i − 1`.
        weights: `α_i ≥ 0`, one a task; that of the target must not be 0.
        target: Index `t` of the target; the last, if not given.
        new_rows: Gain on new rows rather than on the target's own.
        confidence: Of the interval, in (0, 1).
        tasks: `task_estimates(statistics)`, if at hand.

    Raises:
        ValueError: Shapes do not fit, weights are out of range, a task has too few
            rows, or `confidence` is outside (0, 1).

    Source: derived here; Mallows (1973) for C_p.
    """
    tasks = estimable_tasks(statistics, tasks)
    k = statistics.count
    alpha = check_pool_weights(weights, k)
    at = check_target(target, k)
    if not is_traced(alpha) and alpha[at] == 0:
        raise ValueError(f"weights[{at}] is 0: the target's own rows must count")
    score = normal_score(confidence)
    return gain_from_ratios(
        statistics, tasks, alpha / alpha[at], at, score, new_rows=bool(new_rows)
    )


def pairwise_gains(
    statistics: TaskStatistics,
    weight: ArrayLike = 1.0,
    *,
    new_rows: bool = True,
    confidence: float = 0.95,
    tasks: TaskEstimates | None = None,
) -> GainEstimate:
    """`estimate_gain` of every pair: entry `(i, t)` pools source `i` with target `t`.

    Args:
        statistics: As `estimate_gain`.
        weight: `α_i/α_t`, one number; 1 pools the rows of both.
        new_rows: As `estimate_gain`.
        confidence: As `estimate_gain`.
        tasks: As `estimate_gain`.

    Returns:
        Leaves `k x k`, source by target; the gain of a task with itself is 0.

    Raises:
        ValueError: As `estimate_gain`.

    Source: derived here.
    """
    (ratio,) = check_numbers("", weight=weight)
    score = normal_score(confidence)
    tasks = estimable_tasks(statistics, tasks)
    return _pairs(statistics, tasks, ratio, score, new_rows=bool(new_rows))


def normal_score(confidence: float) -> Float[Array, ""]:
    """Normal quantile of each side of an interval.

    Raises:
        ValueError: `confidence` is outside (0, 1).
    """
    check_share("confidence", confidence)
    return ndtri(jnp.asarray((1 + confidence) / 2, float))


@partial(jax.jit, static_argnames="new_rows")
def gain_from_ratios(
    statistics: TaskStatistics,
    tasks: TaskEstimates,
    ratio: Float[Array, " k"],
    target: Array | int,
    score: Float[Array, ""],
    *,
    new_rows: bool = True,
) -> GainEstimate:
    """`estimate_gain` with `α_i/α_t`; nothing is checked, the target may be traced.

    Args:
        statistics: The tasks.
        tasks: Their estimates.
        ratio: `α_i/α_t ≥ 0`; the entry of the target counts for nothing.
        target: Index `t`.
        score: Of each side of the interval.
        new_rows: As `estimate_gain`.
    """
    ratio = ratio.at[target].set(0)
    others = Others(
        jnp.einsum("k,kde->de", ratio, statistics.gram),
        ratio @ statistics.moment,
        statistics.gram,
        ratio**2 * tasks.noise_variance,
        tasks.freedom,
    )
    own, task = jax.tree.map(lambda leaf: leaf[target], (statistics, tasks))
    sizes = column_sizes(statistics.gram, statistics.samples)
    frame = target_frame(own.gram, own.samples, sizes)
    return _gain(own, task, frame, others, score, new_rows)


@partial(jax.jit, static_argnames="new_rows")
def _pairs(
    statistics: TaskStatistics,
    tasks: TaskEstimates,
    ratio: Array,
    score: Array,
    *,
    new_rows: bool,
) -> GainEstimate:
    k = statistics.count
    others = Others(
        ratio * statistics.gram,
        ratio * statistics.moment,
        statistics.gram[:, None],
        ratio**2 * tasks.noise_variance[:, None],
        tasks.freedom[:, None],
    )
    sizes = column_sizes(statistics.gram, statistics.samples)

    def of_target(own: tuple[TaskStatistics, TaskEstimates]) -> GainEstimate:
        frame = target_frame(own[0].gram, own[0].samples, sizes)
        return jax.vmap(lambda one: _gain(*own, frame, one, score, new_rows))(others)

    found = jax.lax.map(of_target, (statistics, tasks))
    same = jnp.eye(k, dtype=bool)
    kept = {"alone", "noise"}
    return GainEstimate(
        **{
            name: leaf.T if name in kept else jnp.where(same, 0, leaf.T)
            for name, leaf in vars(found).items()
        }
    )


def _gain(
    own: TaskStatistics,
    task: TaskEstimates,
    frame: TargetFrame,
    others: Others,
    score: Array,
    new_rows: bool,
) -> GainEstimate:
    """The estimate with the target's weight at 1."""
    pool = pooling(frame, own.gram, others.gram)
    parts = gain_parts(own, task, frame, pool, others, new_rows)
    code = _withheld(task, pool, others)
    return found_gain(parts, code, score)


def found_gain(
    parts: GainParts, code: Array, score: Array, optimism: Array | float = 0.0
) -> GainEstimate:
    """The estimate of these parts, with what the code withholds as NaN."""
    bounds, shares = gain_bounds(parts, score, optimism)
    gain = parts.noise_part - parts.length - optimism
    # Without noise there is no gain either; else the estimate itself stands.
    gain = jnp.where(code == NO_NOISE, jnp.nan, gain)
    low, high, less, more = (
        jnp.where(code > 0, jnp.nan, bound) for bound in (*bounds, *shares)
    )
    return GainEstimate(
        gain, low, high, parts.alone, parts.noise, less, more, code.astype(float)
    )


def _withheld(task: TaskEstimates, pool: Pooling, others: Others) -> Array:
    """The first reason to withhold an interval, 0 for none."""
    few = jnp.any((others.variances > 0) & (others.freedoms < LEAST_INTERVAL))
    few |= task.freedom < LEAST_INTERVAL
    code = jnp.where(pool.doubtful, DEPENDENT, 0)
    code = jnp.where(few, FEW_ROWS, code)
    return jnp.where(task.noise_variance <= 0, NO_NOISE, code)
