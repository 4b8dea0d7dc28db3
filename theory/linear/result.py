"""What an optimum of the linear shared-module model is returned as."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float
from numpy.typing import ArrayLike

from theory.linear.loss import best_heads, loss
from theory.tasks import TaskStatistics

# A bracket narrower than this share of the explained energy counts as certified.
GAP = 1e-9
# Size of the solution's terms, in labels, above which rounding of `Gθ̂` may hide a part
# of `g` that matters.
AMPLIFIED = 100


class SharedOptimum(eqx.Module):
    """Least value of `f(A_1..A_k; B)` found, and how sure it is.

    `lower_bound <= min f <= loss`; the lower bound allows for `rounding`, an estimate
    of what rounding in the statistics and in the route does to the loss, with all that
    a task may explain in directions that rounding hides (`rounded_away`). `certified`
    says that the bracket is within `GAP` times the explained energy `Σ α_i e_i − f`.
    `rank` is the numerical rank of each `X_i`: where it is
    below `d`, many modules are optimal and the least-norm heads are given for one.
    Under jax transformations the fields are traced; `route` is static.
    """

    shared: Float[Array, "d r"]
    heads: Float[Array, "k r"]
    loss: Float[Array, ""]
    lower_bound: Float[Array, ""]
    certified: Bool[Array, ""]
    rounding: Float[Array, ""]
    rank: Float[Array, " k"]
    route: str = eqx.field(static=True)

    @property
    def parameters(self) -> Float[Array, "*batch k d"]:
        """`θ_i = B A_i`, one a row; with a batch's axes after vmap."""
        return self.heads @ jnp.swapaxes(self.shared, -1, -2)

    @property
    def gap(self) -> Float[Array, "*batch"]:
        """`loss − lower_bound`, in units of the loss."""
        return self.loss - self.lower_bound

    def describe(self) -> str:
        """The result in sentences, with whatever a user should know of it."""
        d = self.shared.shape[0]
        lines = [
            f"loss {float(self.loss):.10g} by route '{self.route}', "
            f"at least {float(self.lower_bound):.10g}: "
            + ("certified" if self.certified else "not certified"),
            f"rounding changes the loss by about {float(self.rounding):.1e}",
        ]
        for task, rank in enumerate(self.rank):
            if rank < d:
                lines.append(
                    f"task {task}: covariates have rank {int(rank)} of {d}; "
                    "its parameters are those of least norm for this module"
                )
        return "\n".join(lines)

    def certificate(
        self,
        covariates: Sequence[ArrayLike],
        labels: Sequence[ArrayLike],
        weights: ArrayLike | None = None,
    ) -> str:
        """Proof of `lower_bound` as JSON: see `theory.certificates.certificate`."""
        from theory.certificates import certificate

        return certificate(self, covariates, labels, weights)


def assemble(
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    shared: Float[Array, "d r"],
    *,
    lower_bound: Float[Array, ""],
    rank: Float[Array, " k"],
    route: str,
    claimed: Float[Array, ""] | None = None,
    alone: Float[Array, "k d"] | None = None,
    common: Float[Array, "k d d"] | None = None,
) -> SharedOptimum:
    """Evaluate a module on the statistics themselves, whatever found it.

    The heads are the best ones for the module. The gradient of `loss` is that of `f`
    at fixed `(A, B)`, which is the whole gradient at an optimum (envelope theorem);
    `shared` and `heads` keep whatever derivative the route gave to `shared`.

    Args:
        statistics: The tasks.
        weights: `α_i`.
        shared: `B`, of any column norms.
        lower_bound: Nothing is below it, in exact arithmetic.
        rank: Rank of every `X_i`.
        route: What found it.
        claimed: The loss that the route computed for this module on its own way;
            how far it is from the loss itself is the measure of its rounding.
        alone: The `θ̂_i` that the lower bound rests on, if it does.
        common: The `G_i` for which they solve `G_iθ̂_i = g_i`, if not the tasks' own.
    """
    norm = jnp.sqrt(jnp.sum(lax.stop_gradient(shared) ** 2, axis=0))
    shared = shared / jnp.where(norm > 0, norm, 1)
    heads = best_heads(statistics, shared)
    fixed, alpha = lax.stop_gradient((statistics, weights))
    module, best = lax.stop_gradient((shared, heads))
    value = loss(statistics, module, best, weights)
    rounding = inherent_rounding(fixed, alpha, best @ module.T)
    if claimed is not None:
        rounding = jnp.maximum(rounding, jnp.abs(lax.stop_gradient(claimed - value)))
    if alone is not None:
        alone = lax.stop_gradient(alone)
        rounding = jnp.maximum(rounding, inherent_rounding(fixed, alpha, alone))
        gram = fixed.gram if common is None else lax.stop_gradient(common)
        solved = TaskStatistics(gram, fixed.moment, fixed.energy, fixed.samples)
        rounding += jnp.sum(alpha * rounded_away(solved, alone, rank))
    least = jnp.minimum(lax.stop_gradient(lower_bound), value) - rounding
    explained = jnp.sum(alpha * fixed.energy) - value
    allowed = GAP * jnp.maximum(explained, 0)
    # No label energy, nothing to explain: then nothing may be between.
    settled = value - least <= allowed
    return SharedOptimum(
        shared=shared,
        heads=heads,
        loss=value,
        lower_bound=lax.stop_gradient(least),
        certified=lax.stop_gradient(settled),
        rounding=rounding,
        rank=lax.stop_gradient(rank),
        route=route,
    )


def inherent_rounding(
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    parameters: Float[Array, "k d"],
) -> Float[Array, ""]:
    """What a relative error `ε` in every entry of `(G, g, e)` does to the loss.

    `4ε Σ α_i (e_i + 2|g_i|ᵀ|θ_i| + |θ_i|ᵀ|G_i||θ_i|)`: the inherent uncertainty of
    statistics in floats at these parameters (Higham 2002, §3.1), and 4 for the sums.
    """
    size = jnp.abs(parameters)
    parts = statistics.energy + 2 * jnp.sum(jnp.abs(statistics.moment) * size, axis=1)
    curved = jnp.einsum("kde,ke->kd", jnp.abs(statistics.gram), size)
    parts += jnp.sum(size * curved, axis=1)
    return 4 * jnp.finfo(parts.dtype).eps * jnp.sum(weights * parts)


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
