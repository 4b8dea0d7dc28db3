"""Weights that balance tasks: IMTL-G, Aligned-MTL and Nash-MTL."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.combiners.nonnegative import nonnegative_least_squares
from theory.combiners.rows import check_gradients, unit_rows, weight_of_zeros

# Damped Newton steps; each lowers the objective by 0.06 at least until it is quadratic.
NEWTON_STEPS = 2000


def imtl_g_weights(gradients: ArrayLike) -> Float[Array, " k"]:
    """Weights of IMTL-G: equal projections of `Σ α_i g_i` on all directions.

    With directions `u_i = g_i/‖g_i‖`, cosines `C = (u_iᵀu_j)` and `β_i = α_i‖g_i‖`,

        Cβ = μ1,   Σ_i β_i/‖g_i‖ = 1,

    linear in `(β, μ)`. Weights sum to 1 and may be negative. Where several solve it
    (equal gradients), `β` is the shortest. If `g_i = 0` for some tasks, these share all
    weight, the limit of small gradients. NaN where no weights that sum to 1 solve it.
    jit- and vmap-compatible; differentiable where the rank of the system is constant.

    Args:
        gradients: `g_i`, one a row (k x n).

    Raises:
        ValueError: Not k x n, or, unless traced, a value that is not finite.

    Source: Liu et al., Towards Impartial Multi-task Learning (ICLR 2021), equation 6;
        the bordered system is derived here.
    """
    directions, norms = unit_rows(check_gradients(gradients))
    k = len(norms)
    least = jnp.min(jnp.where(norms > 0, norms, jnp.inf))
    share = jnp.where(norms > 0, least / jnp.where(norms > 0, norms, 1), 1)
    system = jnp.zeros((k + 1, k + 1), norms.dtype).at[:k, :k]
    system = (
        system.set(directions @ directions.T).at[:k, k].set(-1).at[k, :k].set(share)
    )
    wanted = jnp.zeros(k + 1, norms.dtype).at[k].set(1)
    rounding = 8 * (k + 1) * float(jnp.finfo(norms.dtype).eps)
    found = jnp.linalg.pinv(system, rtol=rounding) @ wanted
    # The square of a sine is all that cosines know of it.
    solved = jnp.max(jnp.abs(system @ found - wanted)) <= rounding**0.5
    alpha = jnp.where(solved, found[:k] * share, jnp.nan)
    return weight_of_zeros(alpha, norms)


def aligned_mtl_weights(gradients: ArrayLike) -> Float[Array, " k"]:
    """Weights of Aligned-MTL at equal preferences, scaled by the least singular value.

    With the matrix of gradients `G = UΣVᵀ` of rank `R`,

        α = σ_R U_R Σ_R⁻¹ U_Rᵀ 1/k,

    so that `Gᵀα = σ_R V_R U_Rᵀ 1/k`: the gradients are replaced by the nearest ones, up
    to the scale, that are orthogonal and equally long. The rank is that of the
    directions `g_i/‖g_i‖`, so that it does not depend on the tasks' units. Zeros if all
    are zero. jit- and vmap-compatible; differentiable where singular values are
    distinct.

    Args:
        gradients: `g_i`, one a row (k x n).

    Raises:
        ValueError: Not k x n, or, unless traced, a value that is not finite.

    Source: arXiv 2305.19000, equation 8 (`σ_R²` is `λ_min`).
    """
    rows = check_gradients(gradients)
    k, n = rows.shape
    size = jnp.linalg.svd(lax.stop_gradient(unit_rows(rows)[0]), compute_uv=False)
    rank = jnp.sum(size > max(k, n) * jnp.finfo(rows.dtype).eps * size[0])
    left, sigma, _ = jnp.linalg.svd(rows, full_matrices=False)
    used = (jnp.arange(len(sigma)) < rank) & (sigma > 0)
    least = jnp.min(jnp.where(used, sigma, jnp.inf))
    ratio = jnp.where(used, least / jnp.where(used, sigma, 1), 0)
    return left @ (ratio * jnp.mean(left, axis=0))


def nash_weights(gradients: ArrayLike) -> Float[Array, " k"]:
    """Weights of Nash-MTL, the bargaining solution `(GGᵀ)α = 1/α`, `α > 0`.

    With `β_i = α_i‖g_i‖` and cosines `C` it is `Cβ = 1/β`, the stationary point of
    `½βᵀCβ − Σ log β_i`, which is convex and self-concordant: Newton steps, of length
    `1/(1 + λ)` while the decrement `λ` is large, always converge. `‖Gᵀα‖ = √k`.

    There is a solution unless 0 is a convex combination of gradients; then (to rounding
    of cosines, or if a gradient is zero) weights are NaN: the point is
    Pareto-stationary. jit- and vmap-compatible; differentiable, by one more Newton
    step.

    Args:
        gradients: `g_i`, one a row (k x n).

    Raises:
        ValueError: Not k x n, or, unless traced, a value that is not finite.

    Source: arXiv 2202.01017, claim 3.1; solver derived here.
    """
    directions, norms = unit_rows(check_gradients(gradients))
    cosines = directions @ directions.T
    fixed = lax.stop_gradient(cosines)
    k, rounding = len(norms), 8 * len(norms) * jnp.finfo(norms.dtype).eps

    def newton(
        beta: Float[Array, " k"], gram: Float[Array, "k k"]
    ) -> tuple[Float[Array, " k"], Float[Array, ""]]:
        slope = gram @ beta - 1 / beta
        step = jnp.linalg.solve(gram + jnp.diag(beta**-2), slope)
        return step, jnp.sqrt(jnp.maximum(slope @ step, 0))

    def body(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        beta, _, count = state
        step, decrement = newton(beta, fixed)
        length = jnp.where(decrement > 0.25, 1 / (1 + decrement), 1)
        return beta - length * step, decrement, count + 1

    start = (jnp.ones_like(norms), jnp.asarray(jnp.inf, norms.dtype), jnp.asarray(0))
    beta, decrement, _ = lax.while_loop(
        lambda s: (s[1] > rounding**0.5) & (s[2] < NEWTON_STEPS), body, start
    )
    beta = lax.stop_gradient(beta)
    beta = beta - newton(beta, cosines)[0]
    apart = _least_square(fixed) > rounding
    solved = apart & (decrement <= rounding**0.5) & jnp.all(norms > 0)
    return jnp.where(
        solved, beta / jnp.where(norms > 0, norms, 1), jnp.full(k, jnp.nan)
    )


def _least_square(cosines: Float[Array, "k k"]) -> Float[Array, ""]:
    """Least `‖Σ w_i u_i‖²` on the simplex, as in `min_norm_weights` at `s = 1`."""
    gram = (cosines + 1) / 2
    found = nonnegative_least_squares(gram, jnp.full(len(gram), 2**-0.5, gram.dtype))
    weights = found / jnp.sum(found)
    return weights @ cosines @ weights
