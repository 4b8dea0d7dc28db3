"""Which sources to pool with a target, and with which weights, from the data alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from theory.risk.estimates import TaskEstimates, estimable_tasks
from theory.risk.gain_estimate import GainEstimate, gain_from_ratios, normal_score
from theory.tasks import TaskStatistics

# Weights of a pair that are tried, from the ratio of noises downwards.
RATIOS = 8
# Common factors of all weights that are tried for a set of sources.
FACTORS = (1.0, 0.5, 0.25)


class SourceWeights(eqx.Module):
    """Weights of sources for every target, and what they are estimated to gain.

    Column `t` of `weights` are the `α_i` for target `t`, in units of its own, which
    is 1; 0 drops a source. `gain` is estimated on the rows that chose the weights and
    so flatters them; its interval does not cover that choice.
    """

    weights: Float[Array, "k k"]
    gain: GainEstimate


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

    Args:
        statistics: As `estimate_gain`.
        confidence: Of the interval of the gain.
        tasks: `task_estimates(statistics)`, if at hand.

    Raises:
        ValueError: As `estimate_gain`.

    Source: derived here.
    """
    score = normal_score(confidence)
    return _weights(statistics, estimable_tasks(statistics, tasks), score)


@jax.jit
def _weights(
    statistics: TaskStatistics, tasks: TaskEstimates, score: Array
) -> SourceWeights:
    k = statistics.count
    sizes = _prefixes(k - 1)

    def of_target(at: Array) -> tuple[Array, GainEstimate]:
        # One after the other: a batch of many sources would not fit in memory.
        def estimates(ratios: Float[Array, "n k"]) -> GainEstimate:
            return jax.lax.map(
                lambda ratio: gain_from_ratios(statistics, tasks, ratio, at, score),
                ratios,
            )

        tried = _pair_ratios(statistics, tasks, at)
        pairs = tried[:, :, None] * jnp.eye(k)
        gains = estimates(pairs.reshape(-1, k)).gain.reshape(-1, k)
        ratio = jnp.take_along_axis(tried, jnp.argmax(gains, axis=0)[None], axis=0)[0]
        gain = jnp.where(jnp.arange(k) == at, -jnp.inf, jnp.max(gains, axis=0))
        place = jnp.zeros(k, int).at[jnp.argsort(-gain)].set(jnp.arange(k))
        kept = jnp.where(gain > 0, ratio, 0)
        options = jnp.stack(
            [jnp.zeros(k)]
            + [jnp.where(place < n, f * kept, 0) for n in sizes for f in FACTORS]
        )
        found = estimates(options)
        best = jnp.argmax(found.gain)
        chosen = jax.tree.map(lambda leaf: leaf[best], found)
        return options[best].at[at].set(1), chosen

    weights, gain = jax.lax.map(of_target, jnp.arange(k))
    return SourceWeights(weights.T, gain)


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
