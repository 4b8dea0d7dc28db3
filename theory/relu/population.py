"""The population loss of the ReLU shared-module model against ReLU teachers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import (
    as_floats,
    check_array,
    check_shape,
    check_values,
    check_weights,
)
from theory.linear.single_task import minimum_norm_solution
from theory.relu.gaussian import covariance_root
from theory.relu.kernel import second
from theory.task_checks import check_covariance


class Population(eqx.Module):
    """Laws of `k` tasks with Gaussian inputs and ReLU teachers.

    Task `i` has `x = S_iz`, `z ~ N(0, I)`, hence covariance `Σ_i = S_iS_iᵀ`, and

        y = Σ_t a_it ReLU(θ_itᵀx) + ε,   E ε = 0,  E ε² = σ_i²,  ε independent of x.

    `root` may be any `S_i`, such as the `Q D` that a design is given by. A teacher with
    fewer units than another has amplitudes 0.

    Source: W §2.1; several units a teacher are ours.
    """

    root: Float[Array, "k d n"]
    teachers: Float[Array, "k t d"]
    amplitudes: Float[Array, "k t"]
    noise_variance: Float[Array, " k"]

    @classmethod
    def from_covariances(
        cls,
        covariances: ArrayLike,
        teachers: ArrayLike,
        amplitudes: ArrayLike | None = None,
        noise_variance: float | ArrayLike = 0.0,
    ) -> "Population":
        """Laws from covariances.

        Args:
            covariances: `Σ_i` (k x d x d), or one (d x d) for all tasks.
            teachers: `θ_i` (k x d), or `θ_it` (k x t x d).
            amplitudes: `a_i` (k), or `a_it` (k x t); ones if not given.
            noise_variance: `σ_i²`, one a task or one for all.

        Raises:
            ValueError: Shapes that do not fit, a value that is not finite, a matrix
                that is no covariance, or a negative variance.
        """
        theta = as_floats("teachers", teachers)
        theta = theta[:, None, :] if theta.ndim == 2 else theta
        check_shape("teachers", theta, "k t d")
        check_values("teachers", theta)
        k, t, d = theta.shape
        a = jnp.ones((k, t)) if amplitudes is None else amplitudes
        a = as_floats("amplitudes", a)
        a = a[:, None] if a.ndim == 1 and t == 1 else a
        check_shape("amplitudes", a, "k t", k=k, t=t)
        check_values("amplitudes", a)
        noise = check_array("noise_variance", noise_variance, None, "finite and >= 0")
        if noise.ndim:
            check_shape("noise_variance", noise, "k", k=k)
        return cls(
            jnp.broadcast_to(_roots(covariances, k, d), (k, d, d)),
            theta,
            a,
            jnp.broadcast_to(noise, (k,)),
        )

    @property
    def label_energy(self) -> Float[Array, " k"]:
        """`E y_i²`."""
        units = self.teachers @ self.root
        between = second(*jnp.broadcast_arrays(units[:, :, None], units[:, None]))
        return self.noise_variance + jnp.einsum(
            "kt,kts,ks->k", self.amplitudes, between, self.amplitudes
        )


def population_task_losses(
    population: Population, shared: Float[Array, "d r"], heads: Float[Array, "k r"]
) -> Float[Array, " k"]:
    """Expected squared loss of each task on a new sample.

        E[(ReLU(xᵀB)A_i − y)²] = A_iᵀH_iA_i − 2 A_iᵀh_i + E y²,
        (H_i)_jl = K(S_iᵀb_j, S_iᵀb_l),   (h_i)_j = Σ_t a_it K(S_iᵀb_j, S_iᵀθ_it),

    with `K` of `theory.relu.second_moment`. Rounding leaves an error of about `ε E y²`.
    jit-, vmap- and grad-compatible, twice where no column of `S_iᵀB` is zero.

    Raises:
        ValueError: Another `d` or `k`.

    Source: docs/mathematics.md, "Population loss".
    """
    gram, moment = _moments(population, shared)
    check_shape("heads", heads, "k r", k=len(moment), r=moment.shape[1])
    curved = jnp.einsum("krs,ks->kr", gram, heads)
    return population.label_energy + jnp.sum(heads * (curved - 2 * moment), axis=1)


def population_loss(
    population: Population,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    weights: Float[Array, " k"] | None = None,
) -> Float[Array, ""]:
    """Weighted population loss `Σ_i α_i E[(ReLU(xᵀB)A_i − y)²]`, `x` and `y` of task i.

    It is the limit of `theory.relu.loss` divided by `m`, for tasks of `m` rows each.

    Raises:
        ValueError: As `population_task_losses`; weights that are negative or do not
            fit.

    Source: docs/mathematics.md, "Population loss".
    """
    losses = population_task_losses(population, shared, heads)
    return jnp.sum(check_weights(weights, len(losses)) * losses)


def population_heads(
    population: Population, shared: Float[Array, "d r"]
) -> Float[Array, "k r"]:
    """The heads that are best for a given module, `A_i = H_i⁺h_i`.

    Of least norm where units coincide. `H_i` and `h_i` are those of
    `population_task_losses`.

    Raises:
        ValueError: Another `d`.

    Source: normal equations of the population loss in `A_i`.
    """
    return jax.vmap(minimum_norm_solution)(*_moments(population, shared))


def _moments(
    population: Population, shared: Float[Array, "d r"]
) -> tuple[Float[Array, "k r r"], Float[Array, "k r"]]:
    check_shape("shared", shared, "d r", d=population.root.shape[1])
    units = jnp.einsum("dr,kdn->krn", shared, population.root)
    teachers = population.teachers @ population.root
    gram = second(*jnp.broadcast_arrays(units[:, :, None], units[:, None]))
    with_teacher = second(*jnp.broadcast_arrays(units[:, :, None], teachers[:, None]))
    return gram, jnp.einsum("krt,kt->kr", with_teacher, population.amplitudes)


def _roots(covariances: ArrayLike, k: int, d: int) -> Float[Array, "*n d d"]:
    sigma = as_floats("covariances", covariances)
    if sigma.shape not in ((d, d), (k, d, d)):
        raise ValueError(
            f"covariances must be {d} x {d} or {k} x {d} x {d}, got {sigma.shape}"
        )
    if sigma.ndim == 2:
        return covariance_root(check_covariance(sigma, (d,), "covariances"))
    return jnp.stack(
        [
            covariance_root(check_covariance(one, (d,), f"task {i}: covariances"))
            for i, one in enumerate(sigma)
        ]
    )
