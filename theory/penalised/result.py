"""What a penalised optimum is returned as."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class PenalisedOptimum(eqx.Module):
    """Parameters of little objective, and how far from the least it can be.

        F(W) = ½ Σ_i α_i‖X_iw_i − y_i‖² + R(W) + (ρ/2)‖W‖²,
        lower_bound ≤ min F ≤ objective.

    The objective is strictly convex only where `ρ > 0` or all `X_i` have full rank:
    elsewhere other parameters may have the same objective. `rounding` is what
    rounding of the statistics does to the bracket, and `tolerance` the gap that counts
    as closed. After `jax.vmap` the fields have its axes.
    """

    parameters: Float[Array, "*batch k d"]
    objective: Float[Array, "*batch"]
    loss: Float[Array, "*batch"]
    lower_bound: Float[Array, "*batch"]
    rounding: Float[Array, "*batch"]
    tolerance: Float[Array, "*batch"]
    steps: Int[Array, "*batch"]
    route: str = eqx.field(static=True)

    @property
    def gap(self) -> Float[Array, "*batch"]:
        """`objective − lower_bound`, at least 0."""
        return jnp.maximum(self.objective - self.lower_bound, 0)

    @property
    def certified(self) -> Bool[Array, "*batch"]:
        """Whether the gap is closed."""
        return self.gap <= self.tolerance

    def describe(self) -> str:
        """The result in sentences, with whatever a user should know of it."""
        closed = "certified" if self.certified else "not certified"
        lines = [
            f"objective {float(self.objective):.10g} by route '{self.route}' in "
            f"{int(self.steps)} steps, at most {float(self.gap):.1e} above the least: "
            f"{closed}",
            f"a gap up to {float(self.tolerance):.1e} counts as closed",
        ]
        if 2 * self.rounding >= self.tolerance > 0:
            lines[-1] += (
                ": nothing below this rounding of the statistics can be certified"
            )
        return "\n".join(lines)
