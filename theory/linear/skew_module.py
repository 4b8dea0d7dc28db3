"""The best module near a point of the skew dual, in the coordinates of the dual."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Rounds of alternating least squares for each start in a step of the ascent.
ROUNDS = 3
MOST_ROUNDS = 1000
NEWTON = 3
# Below it a row is zero.
TINY = 1e-100


def best_module(
    gram: Float[Array, "k d d"],
    moment: Float[Array, "k d"],
    point: Float[Array, "k d"],
    known: Float[Array, " d"],
) -> Float[Array, " d"]:
    """Best of the point's leading direction, its rows and a known module.

    Each is improved by some rounds of alternating least squares first. The rows count
    where tasks see directions so differently that the point is far from rank one in
    the mean's metric until the last steps.
    """
    leading = jnp.linalg.eigh(point.T @ point)[1][:, -1:].T
    starts = jnp.concatenate([leading, point, known[None]])
    starts /= jnp.maximum(jnp.linalg.norm(starts, axis=1, keepdims=True), TINY)

    def improve(start: Float[Array, " d"]) -> tuple[Array, Array]:
        module = lax.fori_loop(
            0, ROUNDS, lambda _, at: alternate(gram, moment, at), start
        )
        return module, explained_by(gram, moment, module)

    modules, explained = jax.vmap(improve)(starts)
    return modules[jnp.argmax(jnp.where(jnp.isfinite(explained), explained, -1))]


def alternate(
    gram: Float[Array, "k d d"], moment: Float[Array, "k d"], module: Float[Array, " d"]
) -> Float[Array, " d"]:
    """The best module for the heads that are best for this one, of unit length."""
    curved = jnp.einsum("kde,e->kd", gram, module) @ module
    heads = moment @ module / curved
    better = jnp.linalg.solve(jnp.einsum("k,kde->de", heads**2, gram), heads @ moment)
    return better / jnp.sqrt(jnp.sum(better**2))


def settle(
    gram: Float[Array, "k d d"], moment: Float[Array, "k d"], module: Float[Array, " d"]
) -> Float[Array, " d"]:
    """Alternating least squares until the module explains no more, then Newton steps.

    The rounds converge linearly, so they may stop short of the optimum by far more
    than the last of them gained.
    """

    def better(carry: tuple) -> tuple:
        at, explained, _, count = carry
        new = alternate(gram, moment, at)
        value = explained_by(gram, moment, new)
        more = value > explained * (1 + jnp.finfo(gram.dtype).eps)
        kept = jnp.where(more, new, at), jnp.where(more, value, explained)
        return *kept, more, count + 1

    start = (module, explained_by(gram, moment, module), jnp.asarray(True), 0)
    found = lax.while_loop(lambda c: c[2] & (c[3] < MOST_ROUNDS), better, start)[0]

    def newton(_: object, at: Float[Array, " d"]) -> Float[Array, " d"]:
        slope = jax.grad(explained_by, 2)(gram, moment, at)
        curved = jax.hessian(explained_by, 2)(gram, moment, at)
        # The length of a module does not matter: it has slope and curvature zero.
        new = at - jnp.linalg.solve(curved - jnp.outer(at, at), slope)
        new /= jnp.sqrt(jnp.sum(new**2))
        more = explained_by(gram, moment, new) > explained_by(gram, moment, at)
        return jnp.where(more, new, at)

    return lax.fori_loop(0, NEWTON, newton, found)


def explained_by(
    gram: Float[Array, "k d d"], moment: Float[Array, "k d"], module: Float[Array, " d"]
) -> Float[Array, ""]:
    """Label energy that one module explains, `Σ_i (h_iᵀb)²/bᵀH_ib`."""
    curved = jnp.einsum("kde,e->kd", gram, module) @ module
    return jnp.sum((moment @ module) ** 2 / curved)
