"""What an optimum of the linear shared-module model is returned as."""

from collections.abc import Sequence
from typing import Literal

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float
from numpy.typing import ArrayLike

from theory.linear.loss import best_heads, loss
from theory.linear.rounding import inherent_rounding
from theory.tasks import TaskStatistics

# A bracket narrower than this share of the explained energy counts as certified.
GAP = 1e-9


class SharedOptimum(eqx.Module):
    """Least value of `f(A_1..A_k; B)` found, and how sure it is.

    `lower_bound <= min f <= loss`, for all that `holds_for` names:

    * `"statistics"`: for all rows whose `(G_i, g_i, e_i)` are those given up to the
      rounding of `theory.linear.rounding.entry_rounding`, and which have as many
      samples. What such rows may explain along a direction that rounding hides, in one
      task or in all, is in the bound.
    * `"rows"`: for the rows given, in exact arithmetic. Their ranks are exact, so
      directions that depend exactly do not count.

    `rounding` is what rounding in the statistics and in the route does to the loss
    here; the bound has it taken off. `certified`
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
    holds_for: Literal["statistics", "rows"] = eqx.field(
        static=True, default="statistics"
    )

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
            f"rounding changes the loss by about {float(self.rounding):.1e}; the bound "
            + (
                "holds for these rows"
                if self.holds_for == "rows"
                else "holds for all rows with these statistics"
            ),
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
    closed: bool = False,
) -> SharedOptimum:
    """Evaluate a module on the statistics themselves, whatever found it.

    The heads are the best ones for the module. The gradient of `loss` is that of `f`
    at fixed `(A, B)`, which is the whole gradient at an optimum (envelope theorem);
    `shared` and `heads` keep whatever derivative the route gave to `shared`.

    Args:
        statistics: The tasks.
        weights: `α_i`.
        shared: `B`, of any column norms.
        lower_bound: No loss of any data within the rounding of `statistics` is below
            it.
        rank: Rank of every `X_i`.
        route: What found it.
        claimed: The loss that the route computed for this module on its own way;
            how far it is from the loss itself is the measure of its rounding.
        closed: The route has a closed form, so that only rounding keeps the bound from
            `claimed`; the `rounding` of the result then has that as well.
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
    least = jnp.minimum(lax.stop_gradient(lower_bound), value) - rounding
    if closed:
        rounding = jnp.maximum(rounding, value - lax.stop_gradient(lower_bound))
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
