"""The loss that a solver minimises, without units."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from simulations.training.model import Model
from simulations.training.result import Parameters


class Objective(eqx.Module):
    """`F = Σ α_i L_i / Σ α_i L_i(0)`, on a model whose data are scaled.

    `F` is 1 where all outputs are zero, so that a tolerance means the same for every
    model and for every unit of its data.
    """

    model: Model
    weights: Float[Array, " k"]

    def __call__(self, point: Parameters) -> Float[Array, ""]:
        """`F` at a point."""
        return jnp.sum(self.weights * self.model.losses(self.model.outputs(point)))

    def slope(self, point: Parameters) -> Parameters:
        """`∇F`."""
        return jax.grad(self.__call__)(point)

    def with_slope(self, point: Parameters) -> tuple[Array, Parameters]:
        """`F` and `∇F`."""
        return jax.value_and_grad(self.__call__)(point)

    def softened(self, smoothing: Float[Array, ""]) -> "Objective":
        """`F` with the kinks of `g` smoothed, if it has any."""
        return Objective(self.model.softened(smoothing), self.weights)

    def hessian(self, point: Parameters) -> Float[Array, "p p"]:
        """The Hessian of `F`, in the order of `ravel_pytree`."""
        return self.model.curvature(point, self.weights, exact=True).matrix()

    def gauss_newton(self, point: Parameters) -> Float[Array, "p p"]:
        """The Gauss-Newton matrix `Σ_i α_i J_iᵀ L_i''(u_i) J_i`.

        `J_i` is the derivative of the outputs. It lacks their own second derivative,
        and is never indefinite.
        """
        return self.model.curvature(point, self.weights, exact=False).matrix()


def norm(slope: Parameters) -> Float[Array, ""]:
    """Euclidean norm over all parameters."""
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slope)))
