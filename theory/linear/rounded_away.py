"""What a task may explain in directions that rounding hides."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.tasks import TaskStatistics

# Size of the solution's terms, in labels, above which rounding of `Gθ̂` may hide a part
# of `g` that matters.
AMPLIFIED = 100


def rounded_away(
    statistics: TaskStatistics,
    solution: Float[Array, "k d"],
    rank: Float[Array, " k"],
) -> Float[Array, " k"]:
    """Label energy that a task's solution leaves, if more may be explained.

    `θ̂_i` has no part along directions in which the curvature of `X_i` is rounding
    beside that of the others. Where `X_i` is singular there nothing is lost, and
    `G_iθ̂_i = g_i`, as `g_i = X_iᵀy_i` is in the range of `G_i`. Where `X_i` is only
    ill-conditioned, as at condition numbers of `X_i` above some `10⁷`, labels may
    lie along such a direction: `g_i` has a part there that is far above its own
    rounding, and the equations do not hold,

        some |g_i − G_iθ̂_i|_j > 4dε (|g_i| + |G_i||θ̂_i|)_j + √m_i ε ‖X_ij‖‖y_i‖;

    the last term is the rounding of sums of `m_i`, which walks. The comparison is by
    entry, so units of columns do not matter. It sees nothing where the terms of
    `G_iθ̂_i` are large and cancel; there a rank below those of the rows and of the
    columns that are not empty is doubt enough. In either case how much
    of `‖y_i‖²` the direction explains cannot be told from `(G_i, g_i)`, and all that
    `θ̂_i` leaves is returned, `e_i − g_iᵀθ̂_i`; otherwise 0.

    What is below rounding in `g_i` too counts as none: with terms of size 1, a share
    `h` of the energy along a direction of norm `s` for which `s√h < (4d + √m_i)ε`.

    Args:
        statistics: The tasks.
        solution: Their `θ̂_i`.
        rank: That of each `X_i`, as its solution takes it.

    Source: derived here.
    """
    d, eps = statistics.moment.shape[-1], jnp.finfo(statistics.moment.dtype).eps
    gap = statistics.moment - jnp.einsum("kde,ke->kd", statistics.gram, solution)
    size = jnp.abs(statistics.moment)
    size += jnp.einsum("kde,ke->kd", jnp.abs(statistics.gram), jnp.abs(solution))
    norm = jnp.sqrt(jnp.diagonal(statistics.gram, axis1=1, axis2=2))
    walk = jnp.sqrt(statistics.samples * statistics.energy)[:, None] * norm
    seen = jnp.any(jnp.abs(gap) > eps * (4 * d * size + walk), axis=1)
    terms = jnp.sum(norm * jnp.abs(solution), axis=1)
    most = jnp.minimum(jnp.sum(norm > 0, axis=1), statistics.samples)
    doubtful = (rank < most) & (terms > AMPLIFIED * jnp.sqrt(statistics.energy))
    rest = statistics.energy - jnp.sum(statistics.moment * solution, axis=1)
    return jnp.where(seen | doubtful, jnp.maximum(rest, 0), 0)
