"""What sample covariances are close to, inside the inverse of their sum."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.risk.minimise import damped_newton

# Which of c_1..c_k are factors of each term of D_j, as 0 and 1.
Members = tuple[tuple[int, ...], ...]


@partial(jax.custom_jvp, nondiff_argnums=(4,))
def equivalent_sizes(
    sizes: Float[Array, " k"],
    weights: Float[Array, " k"],
    terms: Float[Array, "p t"],
    count: Float[Array, ""],
    members: Members,
) -> Float[Array, " k"]:
    """Solve `c_i (1 + α_i ∂_i log D(c)) = α_in_i` for `c ≥ 0`.

    Sample covariances `S_i` of `n_i` rows of covariance `Σ_i`, in an inverse such as
    `(Σ_i α_iS_i)⁻¹`, act like `c_iΣ_i/α_i` with `c_i = α_in_i/(1 + α_i tr Σ_iR)`, `R`
    the inverse with `c_iΣ_i` in place of `α_iS_i`. The trace is the derivative of
    `log D`, `D` the determinant of that matrix. Where it is diagonal,

        log D(c) = w Σ_j log D_j(c),   D_j(c) = Σ_m terms_jm Π_(i in m) c_i,

    and `w = count/p`. In `τ = log c` the equations over `α_i` say that the slope of

        f(τ) = log D(c) − Σ_i n_iτ_i + Σ_i c_i/α_i,

    is zero. It is convex, as `log D_j` is a logarithm of a sum of exponentials. So
    there is one solution, where `f` grows in all directions, and Newton with bounded
    steps, halved while `f` does not fall, goes to it from anywhere.

    For spectra over many decades the gradient is written as whole numbers plus what
    is small: the largest term of `D_j` counts as one, less the others' shares. The
    Hessian is a sum of positive terms. Tasks with `n_iα_i = 0` have `c_i = 0`.

    Derivatives of every order are by the implicit function theorem, in `c`, so that
    tasks with `n_iα_i = 0` have theirs. Not vectorised: use `jax.vmap`.

    Args:
        sizes: `n_i ≥ 0`.
        weights: `α_i ≥ 0`.
        terms: Coefficients of `D_j`, a row an eigenvalue, `≥ 0`.
        count: `p`, shared equally among the rows of `terms`.
        members: The factors of each term; every entry 0 or 1.

    Source: derived here; two tasks: docs/mathematics.md, "Deterministic equivalent".
    """
    active = (sizes > 0) & (weights > 0)
    n, alpha = jnp.where(active, sizes, 1), jnp.where(active, weights, 1)
    power = jnp.asarray(members, float)
    # A task without weight: its terms are gone, and it solves c = 1 apart.
    gone = (power @ (~active).astype(float)) > 0
    logs = jnp.where(
        gone | (terms <= 0), -jnp.inf, jnp.log(jnp.where(terms > 0, terms, 1))
    )
    scale = count / terms.shape[0]
    total = jnp.sum(jnp.where(active, n, 0))
    start = jnp.log(alpha * n * jnp.maximum(1 - count / total, 0.01))
    tau = damped_newton(
        lambda tau: _height(tau, logs, power, n, alpha, scale),
        lambda tau: _slopes(tau, logs, power, n, alpha, scale),
        jnp.where(active, start, 0.0),
    )
    return jnp.where(active, jnp.exp(tau), 0)


@equivalent_sizes.defjvp
def _equivalent_sizes_jvp(members: Members, primals: tuple, tangents: tuple) -> tuple:
    sizes, weights, terms, count = primals
    c = equivalent_sizes(sizes, weights, terms, count, members)
    _, change = jax.jvp(
        lambda n, a, t, p: _residual(c, n, a, t, p, members), primals, tangents
    )
    jacobian = _jacobian(c, weights, terms, count, members)
    return c, -jnp.linalg.solve(jacobian, change)


def _shares(tau: Array, logs: Array, power: Array) -> Array:
    """Shares of the terms in `D_j`, p x t."""
    return jax.nn.softmax(logs + power @ tau, axis=-1)


def _height(
    tau: Array, logs: Array, power: Array, n: Array, alpha: Array, scale: Array
) -> Array:
    together = jax.nn.logsumexp(logs + power @ tau, axis=-1)
    return scale * jnp.sum(together) - n @ tau + jnp.sum(jnp.exp(tau) / alpha)


def _slopes(
    tau: Array, logs: Array, power: Array, n: Array, alpha: Array, scale: Array
) -> tuple[Array, Array]:
    """Gradient and Hessian of `f`."""
    share, load = _shares(tau, logs, power), jnp.exp(tau) / alpha
    top = power[jnp.argmax(share, axis=-1)]
    # What the largest term leaves to the others; its own entry is zero.
    rest = jnp.einsum("pt,pti->i", share, power[None] - top[:, None])
    gradient = (scale * jnp.sum(top, axis=0) - n) + (scale * rest + load)
    # The covariance of the members, as a sum over pairs of terms.
    apart = power[:, None] - power[None]
    pairs = scale * (share.T @ share) / 2
    hessian = jnp.einsum("st,sti,stj->ij", pairs, apart, apart)
    return gradient, hessian + jnp.diag(load)


def _residual(
    c: Array,
    sizes: Array,
    weights: Array,
    terms: Array,
    count: Array,
    members: Members,
) -> Array:
    """`c_i + α_i c_i ∂_i log D − α_in_i`."""
    scale = count / terms.shape[0]
    slope = scale * jnp.sum(_parts(c, terms, members), axis=0)
    return c * (1 + weights * slope) - weights * sizes


def _parts(c: Array, terms: Array, members: Members) -> Array:
    """`∂_i log D_j`, p x k."""
    power = jnp.asarray(members, float)
    total = terms @ _products(c, power)
    without = jax.vmap(lambda i: _products(c.at[i].set(1.0), power) * power[:, i])
    return (terms @ without(jnp.arange(len(c))).T) / total[:, None]


def _products(c: Array, power: Array) -> Array:
    return jnp.prod(jnp.where(power > 0, c, 1), axis=-1)


def _jacobian(
    c: Array, weights: Array, terms: Array, count: Array, members: Members
) -> Array:
    """Derivative of `_residual` in `c`, its diagonal a sum of positive terms."""
    scale = count / terms.shape[0]
    power = jnp.asarray(members, float)
    parts = _parts(c, terms, members)
    values = terms * _products(c, power)
    # D_j − c_i∂_iD_j: the terms without c_i.
    others = (values @ (1 - power)) / jnp.sum(values, axis=-1, keepdims=True)
    diagonal = 1 + weights * scale * jnp.sum(parts * others, axis=0)
    mixed = jax.jacfwd(lambda x: scale * jnp.sum(_parts(x, terms, members), axis=0))(c)
    across = (weights * c)[:, None] * mixed
    return jnp.where(jnp.eye(len(c), dtype=bool), jnp.diag(diagonal), across)
