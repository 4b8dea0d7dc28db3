"""Which sources to pool with a target, and with which weights, from the data alone."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from theory.risk.estimates import TaskEstimates, estimable_tasks
from theory.risk.gain_at_weights import gain_from_ratios
from theory.risk.gain_estimate import normal_score
from theory.risk.gain_parts import noise_factors
from theory.risk.gain_result import GainEstimate
from theory.risk.target_frame import TargetFrame, column_sizes, pooling, target_frame
from theory.tasks import TaskStatistics

# Weights of a pair that are tried, from the ratio of noises downwards.
RATIOS = 8
# Common factors of all weights that are tried for a set of sources.
FACTORS = (1.0, 0.5, 0.25)
# Pairs of thinned labels, and the variance added to those that choose, in units of σ².
PAIRS = 16
ADDED = 0.1


class SourceWeights(eqx.Module):
    """Weights of sources for every target, and what they are estimated to gain.

    Column `t` of `weights` are the `α_i` for target `t`, in units of its own, which
    is 1; 0 drops a source. `gain` is estimated on labels that did not choose the
    weights; `optimism` is what the estimate on all labels exceeds it by.
    """

    weights: Float[Array, "k k"]
    gain: GainEstimate
    optimism: Float[Array, " k"]


def source_weights(
    statistics: TaskStatistics,
    *,
    confidence: float = 0.95,
    tasks: TaskEstimates | None = None,
) -> SourceWeights:
    """Choose weights by the estimated gain on new rows (`estimate_gain`).

    A small enough weight always gains: the variance falls at first order in it, the
    squared bias grows at second. Without a shift the best ratio `α_i/α_t` is
    `σ_t²/σ_i²`, and a shift lowers it. So for each source the best of eight ratios from
    `σ̂_t²/σ̂_i²` down to `min(1, c_t/c_i)/32` of it is taken, `c_i = tr(S_tG_i)`, and the
    source is dropped if none is estimated to gain.

    For `G_i = c_iG` and shifts that are uncorrelated, these ratios are also the best
    together (`theory.risk.best_weights`: the shares are as `1/v_i`, whatever the
    other sources are). Correlated shifts, such as those of sources that are alike, add
    up, and then all ratios are too large. So sources are ordered by their gain, and
    the first 1, 2, 3, 5, 8, ... of them, with all ratios times 1, 1/2 or 1/4, compete
    by the estimated gain of the whole. None of them is an option too. The choice is
    among few candidates, since a free choice of `k` weights would fit the noise.

    The largest of several estimates is too large on average. So the gain is estimated
    by labels that are independent of the choice. For `η_i ~ N(0, σ̂_i²S_i)`,

        g_i⁺ = g_i + √τ η_i   and   g_i⁻ = g_i − η_i/√τ,   τ = 1/10,

    are uncorrelated given the rows, with covariances `(1 + τ)σ_i²S_i` and
    `(1 + 1/τ)σ_i²S_i`, and independent where noise is Gaussian. `E T` of labels whose
    noise is larger by `1 + c` is `vᵀQv + (1 + c) tr(QV)`, so that the gain is estimated
    without bias from them by

        κσ̂_t² − F²(T − c tr(QV)).

    The first choose weights by it with `c = τ`, and the second judge them, with
    `c = 1/τ`. The mean over `η` of the latter at the weights chosen from all labels,
    which are not random given the data, is the plain estimate. So `optimism` is the
    mean of the judged gain of those less that of the weights that the first labels
    choose: 16 draws are enough, whose key is fixed, since most of their noise is in
    both. Weights chosen from noisier labels gain somewhat less, so the estimate is
    rather too small. The interval reaches from the lower bound for that estimate to
    the upper bound for the plain one at the chosen weights.

    Args:
        statistics: As `estimate_gain`.
        confidence: Of the interval of the gain.
        tasks: `task_estimates(statistics)`, if at hand.

    Raises:
        ValueError: As `estimate_gain`.

    Source: derived here; Oliveira, Lei and Tibshirani (2024) for thinned labels.
    """
    score = normal_score(confidence)
    return _weights(statistics, estimable_tasks(statistics, tasks), score)


class _Labels(eqx.Module):
    """Moments of all tasks, and by what share of `σ_i²S_i` their noise is larger."""

    moment: Float[Array, "*n k d"]
    excess: Float[Array, "*n"]


@jax.jit
def _weights(
    statistics: TaskStatistics, tasks: TaskEstimates, score: Array
) -> SourceWeights:
    k = statistics.count
    sizes = column_sizes(statistics.gram, statistics.samples)
    first, second = _thinned(statistics, tasks)

    def of_target(at: Array) -> tuple[Array, GainEstimate, Array]:
        frame = target_frame(statistics.gram[at], statistics.samples[at], sizes)
        moments = jnp.concatenate([statistics.moment[None], first])
        labels = _Labels(moments, jnp.append(0.0, jnp.full(PAIRS, ADDED)))
        tried = _pair_ratios(statistics, tasks, at)

        def gains(ratio: Array, labels: _Labels) -> Array:
            return _gain(statistics, tasks, frame, at, ratio, labels)

        chosen = _choices(gains, tried, labels, at)
        apart = _Labels(second, jnp.full(PAIRS, 1 / ADDED))

        def flattery(one: tuple[Array, _Labels]) -> Array:
            return gains(chosen[0], one[1]) - gains(*one)

        optimism = jnp.mean(lax.map(flattery, (chosen[1:], apart)))
        # Without a source there is nothing to gain, and nothing was flattered.
        optimism = jnp.where(jnp.any(chosen[0] > 0), optimism, 0)
        gain = gain_from_ratios(
            statistics, tasks, chosen[0], at, score, optimism=optimism
        )
        return chosen[0].at[at].set(1), gain, optimism

    weights, gain, optimism = lax.map(of_target, jnp.arange(k))
    return SourceWeights(weights.T, gain, optimism)


def _choices(
    gains: Callable[..., Array], tried: Array, labels: _Labels, at: Array
) -> Float[Array, "n k"]:
    """The weights that each set of labels chooses; that of the target is 0."""
    k = tried.shape[1]
    pairs = (tried[:, :, None] * jnp.eye(k)).reshape(-1, k)
    every = lax.map(
        lambda ratio: jax.vmap(lambda one: gains(ratio, one))(labels), pairs
    )
    every = every.reshape(RATIOS, k, -1)

    def choose(given: tuple[Array, _Labels]) -> Array:
        found, one = given
        best = jnp.argmax(found, axis=0)[None]
        ratio = jnp.take_along_axis(tried, best, axis=0)[0]
        gain = jnp.where(jnp.arange(k) == at, -jnp.inf, jnp.max(found, axis=0))
        place = jnp.zeros(k, int).at[jnp.argsort(-gain)].set(jnp.arange(k))
        kept = jnp.where(gain > 0, ratio, 0)
        options = jnp.stack(
            [jnp.zeros(k)]
            + [
                jnp.where(place < n, f * kept, 0)
                for n in _prefixes(k - 1)
                for f in FACTORS
            ]
        )
        whole = lax.map(lambda option: gains(option, one), options)
        return options[jnp.argmax(whole)]

    return lax.map(choose, (jnp.moveaxis(every, 2, 0), labels))


def _gain(
    statistics: TaskStatistics,
    tasks: TaskEstimates,
    frame: TargetFrame,
    at: Array,
    ratio: Array,
    labels: _Labels,
) -> Float[Array, ""]:
    """The gain at these weights, without bias whatever noise the labels have."""
    m = statistics.samples[at]
    ratio = ratio.at[at].set(0)
    others = jnp.einsum("k,kde->de", ratio, statistics.gram)
    pool = pooling(frame, statistics.gram[at], others)
    theta = pool.alone @ (frame.seen.T @ labels.moment[at])
    moved = pool.pooled @ (pool.map.T @ (ratio @ labels.moment) - pool.others @ theta)
    length = moved @ pool.own @ moved / m
    spare = jnp.sum(pool.others * pool.pooled) / m
    factor, _, kappa = noise_factors(frame.rank / m, spare, True)
    noisy = jnp.einsum("k,kde->de", ratio**2 * tasks.noise_variance, statistics.gram)
    spread = pool.map.T @ noisy @ pool.map
    spread += tasks.noise_variance[at] * pool.others @ pool.alone @ pool.others
    metric = pool.pooled @ pool.own @ pool.pooled / m
    length -= labels.excess * jnp.sum(metric * spread)
    return kappa * tasks.noise_variance[at] - factor**2 * length


def _thinned(
    statistics: TaskStatistics, tasks: TaskEstimates
) -> tuple[Float[Array, "n k d"], Float[Array, "n k d"]]:
    """Moments that choose, and moments that judge."""
    value, vector = jnp.linalg.eigh(lax.stop_gradient(statistics.gram))
    size = jnp.sqrt(jnp.maximum(value, 0) * tasks.noise_variance[:, None])
    normal = jax.random.normal(jax.random.key(0), (PAIRS, *size.shape))
    # Signs in pairs: an odd function of the noise averages out.
    normal = jnp.concatenate([normal[: PAIRS // 2], -normal[: PAIRS // 2]])
    # The symmetric root, which does not depend on the signs of eigenvectors.
    noise = jnp.einsum("kde,ke,kfe,nkf->nkd", vector, size, vector, normal)
    root = ADDED**0.5
    return statistics.moment + root * noise, statistics.moment - noise / root


def _pair_ratios(
    statistics: TaskStatistics, tasks: TaskEstimates, at: Array
) -> Float[Array, "n k"]:
    noise = tasks.noise_variance
    # A task without noise would have all the weight; a share of its energy stands in.
    noise = jnp.maximum(noise, 1e-12 * statistics.energy / statistics.samples)
    size = jnp.einsum("de,kde->k", statistics.gram[at], statistics.gram)
    least = jnp.minimum(1, size[at] / jnp.where(size > 0, size, 1)) / 32
    steps = jnp.linspace(0, 1, RATIOS)[:, None]
    return noise[at] / noise * least**steps


def _prefixes(count: int) -> list[int]:
    """1, 2, 3, 5, 8, ..., count."""
    sizes = [1, 2]
    while sizes[-1] < count:
        sizes.append(sizes[-1] + sizes[-2])
    return [int(n) for n in np.unique(np.minimum(sizes, max(count, 1)))]
