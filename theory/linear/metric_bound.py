"""A lower bound on the loss for any tasks at any width."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float

from theory.linear.rounding import alone_bounds, shifted, used_columns
from theory.linear.single_task import equilibrated_spectrum, single_task_optimum
from theory.tasks import TaskStatistics

STEPS = 100
# Eigenvalues of a metric move by about this factor a step, so by e^10 in all.
RATE = 0.1


class Whitened(NamedTuple):
    """`H_i = W α_iG_i Wᵀ`, `h_i = W α_ig_i`, `φ_i = W⁻ᵀ θ̂_i`, `Σ_i H_i = I`.

    Directions that no task sees have zero rows in `W` and zeros everywhere. A module
    `Φ` (d x r) in these coordinates is `B = WᵀΦ` in those of the data.

    `lower_gram` and `lower_solution` are `H_i` and `φ_i` of the statistics that
    `theory.linear.rounding.shifted` gives, whose losses are below those of all data
    within rounding. They are zero for tasks whose shifted `G_i` is not definite, and
    for all if `Σ_i α_iG_i` has a direction that rounding hides. `residual` is below
    what the tasks lose alone.
    """

    basis: Float[Array, "d d"]
    gram: Float[Array, "k d d"]
    moment: Float[Array, "k d"]
    solution: Float[Array, "k d"]
    residual: Float[Array, ""]
    lower_gram: Float[Array, "k d d"]
    lower_solution: Float[Array, "k d"]


def whiten(statistics: TaskStatistics, weights: Float[Array, " k"]) -> Whitened:
    """Whiten by the weighted sum `Σ_i α_iG_i`; makes searches independent of units."""
    fixed, alpha = lax.stop_gradient((statistics, weights))
    gram = alpha[:, None, None] * fixed.gram
    total = jnp.sum(gram, axis=0)
    spectrum = equilibrated_spectrum(total)
    size = jnp.where(spectrum.seen, spectrum.value, 1)
    basis = spectrum.inverse_root[:, None] * spectrum.vector.T * spectrum.scale

    def solutions(tasks: TaskStatistics) -> Float[Array, "k d"]:
        # W⁻ᵀθ = Λ^½ VᵀD⁻¹θ; empty columns have scale 0 and solution 0.
        scaled = single_task_optimum(tasks)
        scaled = scaled / jnp.where(spectrum.scale > 0, spectrum.scale, 1)
        back = jnp.where(spectrum.seen, jnp.sqrt(size), 0)[:, None] * spectrum.vector.T
        return scaled @ back.T

    alone = alone_bounds(fixed)
    whole = jnp.sum(spectrum.seen) == used_columns(total)
    usable = alone.definite & whole
    lower = shifted(fixed)
    lower_gram = basis @ (alpha[:, None, None] * lower.gram) @ basis.T
    return Whitened(
        basis=basis,
        gram=basis @ gram @ basis.T,
        moment=(alpha[:, None] * fixed.moment) @ basis.T,
        solution=solutions(fixed),
        residual=jnp.sum(alpha * alone.residual),
        lower_gram=jnp.where(usable[:, None, None], lower_gram, 0),
        lower_solution=jnp.where(usable[:, None], solutions(lower), 0),
    )


def metric_lower_bound(tasks: Whitened, width: int) -> Float[Array, ""]:
    """Lower bound on `min f` at width `r`, by the best common metric found.

    For any metric `K ≻ 0` let `w_i = λ_min(K^(-½) H_i K^(-½))`, so `H_i ⪰ w_i K`. Then
    task `i` loses at least `w_i (θ_i − θ̂_i)ᵀK(θ_i − θ̂_i)` over its own optimum, and by
    Eckart-Young

        f* ≥ Σ_i α_i residual_i + Σ_{j > r} σ_j(K^½ Θ̂ᵀ diag(√w))².

    The bound holds for every `K`; `K = RRᵀ` is improved by Adam from the identity and
    from each `H_i`, and the best value met on the way is returned. It is exact for
    proportional covariances. A task with singular `H_i` has `w_i = 0`. `H_i` and `θ̂_i`
    are `lower_gram` and `lower_solution`, so the bound holds for all data within the
    rounding of the statistics.

    Source: docs/mathematics.md, "Metric bound".
    """
    eye = jnp.eye(tasks.gram.shape[-1], dtype=tasks.gram.dtype)
    # No task sees these directions and no solution uses them: any curvature will do.
    unseen = jnp.diag(jnp.all(tasks.basis == 0, axis=1).astype(eye.dtype))
    tasks = tasks._replace(lower_gram=tasks.lower_gram + unseen)
    # A tenth of the identity keeps the roots of singular H_i definite.
    starts = jnp.concatenate([eye[None], tasks.lower_gram[:4] + 0.1 * eye])
    roots = jnp.linalg.cholesky(starts)
    return tasks.residual + jnp.max(
        lax.map(lambda root: _ascend(tasks, root, width), roots)
    )


def _excess(root: Float[Array, "d d"], tasks: Whitened, width: int) -> Float[Array, ""]:
    """`Σ_{j > r} σ_j²` for `K = RRᵀ`; the lower triangle of `root` is `R`."""
    lower = jnp.tril(root)
    half = jax.vmap(lambda h: jax.scipy.linalg.solve_triangular(lower, h, lower=True))(
        tasks.lower_gram
    )
    inner = jax.vmap(
        lambda h: jax.scipy.linalg.solve_triangular(lower, h.T, lower=True)
    )(half)
    least = jnp.linalg.eigvalsh(inner)[:, 0]
    # Rounding of the eigenvalue is taken off, so that the bound stays one.
    d, eps = lower.shape[0], jnp.finfo(lower.dtype).eps
    size = jnp.trace(inner, axis1=1, axis2=2)
    weight = jnp.maximum(least - 4 * d * eps * size, 0)
    # As eigenvalues of the smaller product: singular values have no derivative at 0.
    squares = _squared_singular_values(weight, tasks.lower_solution @ lower)
    return jnp.sum(squares[: len(squares) - width])


def _squared_singular_values(
    weight: Float[Array, " k"], rows: Float[Array, "k d"]
) -> Float[Array, " n"]:
    """Squared singular values of `diag(√w) rows`, ascending, min(k, d) of them."""
    k, d = rows.shape
    if d <= k:
        return jnp.linalg.eigvalsh(rows.T @ (weight[:, None] * rows))
    root = jnp.sqrt(jnp.where(weight > 0, weight, 1)) * (weight > 0)
    scaled = root[:, None] * rows
    return jnp.linalg.eigvalsh(scaled @ scaled.T)


def _ascend(tasks: Whitened, root: Float[Array, "d d"], width: int) -> Float[Array, ""]:
    optimiser = optax.adam(RATE)
    slope = jax.value_and_grad(_excess)

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        at, state, best = carry
        value, gradient = slope(at, tasks, width)
        fine = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
        best = jnp.where(fine, jnp.maximum(best, value), best)
        gradient = jnp.where(fine, -gradient, 0)
        update, state = optimiser.update(gradient, state)
        return (at + update, state, best), None

    start = (root, optimiser.init(root), jnp.zeros((), root.dtype))
    (_, _, best), _ = lax.scan(step, start, None, length=STEPS)
    return best
