"""The gain of pooling, estimated without bias before anything is trained together."""

import jax.numpy as jnp
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
from theory.risk.estimates import (
    TaskEstimates,
    check_rows,
    estimable_tasks,
    task_estimates,
)
from theory.risk.gain_at_weights import (
    gain_from_ratios,
    gain_from_rows,
    gains_of_pairs,
)
from theory.risk.gain_result import GainEstimate
from theory.risk.row_scores import (
    condition_columns,
    group_numbers,
    row_scores,
    row_statistics,
)
from theory.tasks import Tasks, TaskStatistics


def estimate_gain(
    statistics: TaskStatistics,
    weights: ArrayLike,
    *,
    target: int = -1,
    new_rows: bool = True,
    confidence: float = 0.95,
    tasks: TaskEstimates | None = None,
    rows: Tasks | None = None,
    groups: ArrayLike | None = None,
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
    the same rows do not qualify. Where weights were chosen from these labels, see
    `theory.risk.source_weights`.

    That is the gain on the target's own rows. For new rows from the same distribution
    (`new_rows`), leave a row `x` out: `R₋x = Rx/(1 − α_txᵀRx)`, and `α_txᵀRx` is close
    to its mean `h = α_t tr(SR)`. So a quadratic form `xᵀRwwᵀRx`, with `w` of the
    sources, grows by `F² = 1/(1−h)²`, `tr(ΣR)` is `F tr(SR)`, and alone `h` is
    `ρ = rank/m_t`. From `α_tRS_tR = R − ROR` and `ROS_t⁻ = S_t⁻ − R` (`α_t = 1`),

        ĝ = κ σ̂_t² − F²T,   κ = (ρ − h) F (1/(1−ρ) + F).

    It is exact in the limit of many rows and inputs (generalised cross-validation);
    a column that is constant in the target's rows is taken to be so in new ones. All
    is computed where the target's rows are white (`theory.risk.target_frame`), with
    `û = S^½(b̂ − b̂_t) = S^½R(Σ_(i≠t) α_ig_i − Ob̂_t)`: nothing cancels.

    The interval joins three errors. `σ̂_t²` and `T` are independent for Gaussian noise;
    `T` is a weighted sum of noncentral chi-squares with `C = S^½RVRS^½`, `V` estimated
    (`theory.risk.chi_square_interval`). For new rows, `S` is a mean of `m_t` rows
    that stands for their covariance `Σ`. The gain given the rows is `tr(ΣM)` with

        M = 2σ_t²(S_t⁻ − R) − F² E ŵŵᵀ,   ŵ = b̂ − b̂_t,

    and its error by `S` is, to first order, `tr((S − Σ)M)`: `S` is in `R` too, but in
    the gain and its estimate alike. For Gaussian rows `m_tS` is Wishart, so that the
    variance is `2 tr((ΣM)²)/m_t`; at a large shift that is `2(wᵀΣw)²/m_t`, a mean of
    `m_t` squared normals. `h` of them are spent on `R`, so the bounds are those of a
    variance with `m_t(1 − h)` degrees of freedom (`theory.risk.gain_interval`).

    With `rows`, noise may be of unequal size and rows may be of any distribution:
    variances come from residuals and from the spread of the rows
    (`theory.risk.row_parts`). With `groups`, rows of a group may depend on each other
    in noise and inputs; groups are independent. Without `rows` noise is taken to be of
    one size in a task and inputs as Gaussian. Rows, or groups, must be independent.

    An interval is withheld, NaN with a reason (`GainEstimate.reason`), where a task
    that counts has fewer than 5 rows, or groups, more than directions; where the
    target's labels have no noise above rounding, and then the gain too; and where
    columns are so nearly dependent that rounding of the statistics decides. `rows`
    avoid the last: they are first made orthogonal.

    jit-, vmap- and grad-compatible in `statistics` and `weights`, where ranks do not
    change; with `rows` in `weights` alone.

    Args:
        statistics: The tasks, each with at least two rows more than directions. For an
            intercept a task give centred statistics with `samples = m_i − 1`.
        weights: `α_i ≥ 0`, one a task; that of the target must not be 0.
        target: Index `t` of the target; the last, if not given.
        new_rows: Gain on new rows rather than on the target's own.
        confidence: Of the interval, in (0, 1).
        tasks: `task_estimates(statistics)`, if at hand; not used with `rows`.
        rows: The rows that `statistics` were made of, centred if they are.
        groups: The group of every row, as integers, k x m, anything for padded rows. A
            number stands for another group in another task.

    Raises:
        ValueError: Shapes do not fit, weights are out of range, a task has too few
            rows, `confidence` is outside (0, 1), or `groups` come without `rows`.

    Source: derived here; Mallows (1973) for C_p.
    """
    if groups is not None and rows is None:
        raise ValueError("groups are of rows: give rows too")
    scores = None
    if rows is not None:
        check_rows(statistics, rows)
        group = group_numbers(groups, rows)
        rows = condition_columns(rows, statistics.samples)
        statistics = row_statistics(rows, statistics.samples)
        tasks = task_estimates(statistics, rows)
        scores = row_scores(rows, statistics, group)
    tasks = estimable_tasks(statistics, tasks)
    k = statistics.count
    alpha = check_pool_weights(weights, k)
    at = check_target(target, k)
    if not is_traced(alpha) and alpha[at] == 0:
        raise ValueError(f"weights[{at}] is 0: the target's own rows must count")
    score = normal_score(confidence)
    ratio = alpha / alpha[at]
    if scores is not None:
        return gain_from_rows(
            statistics, tasks, scores, ratio, at, score, new_rows=bool(new_rows)
        )
    return gain_from_ratios(
        statistics, tasks, ratio, at, score, new_rows=bool(new_rows)
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
    return gains_of_pairs(statistics, tasks, ratio, score, new_rows=bool(new_rows))


def normal_score(confidence: float) -> Float[Array, ""]:
    """Normal quantile of each side of an interval.

    Raises:
        ValueError: `confidence` is outside (0, 1).
    """
    check_share("confidence", confidence)
    return ndtri(jnp.asarray((1 + confidence) / 2, float))
