"""The best module found from many starts, for any tasks and any width."""

from functools import partial

import jax
import jax.numpy as jnp
import optimistix as optx
from jax import lax
from jaxtyping import Array, Float

from theory.linear.loss import best_heads, loss
from theory.linear.metric_bound import Whitened, metric_lower_bound, whiten
from theory.linear.result import SharedOptimum, assemble
from theory.linear.rounding import inherent_rounding
from theory.linear.single_task import task_ranks
from theory.tasks import TaskStatistics

STARTS = 12
STEPS = 500
# Relative change of the explained energy at which BFGS stops; its error is quadratic
# in the step, so steps of √ε settle the value to rounding.
TOLERANCE = 1e-9
# Keeps BᵀH_iB regular where a task sees fewer than r directions: a share of its own
# trace, since weights and units may make H_i small beside Σ H_i = I.
RIDGE = 1e-12


@partial(jax.jit, static_argnames=("width", "bounded"))
def multi_start_optimum(
    statistics: TaskStatistics,
    width: int,
    weights: Float[Array, " k"],
    *,
    extra_starts: Float[Array, "n d r"] | None = None,
    bounded: bool = True,
) -> SharedOptimum:
    """Best of many quasi-Newton searches on the loss with the heads eliminated.

        φ(B) = −Σ_i h_iᵀB (BᵀH_iB)⁻¹ Bᵀh_i

    (variable projection) is minimised in whitened coordinates, with
    `theory.linear.metric_bound` below it. The starts come from the data: leading
    singular vectors of the whitened
    solutions, as they are and in the metric of each task, and spans of `r` tasks'
    solutions. `loss` has a gradient, `shared` and `heads` none, since which start
    wins can change.

    Args:
        statistics: The tasks.
        width: `r < min(k, d)`.
        weights: `α_i`.
        extra_starts: Modules of your own, in the coordinates of the data.
        bounded: `False` skips the lower bound, which is then that of `r ≥ k`.

    Source: variable projection, Golub & Pereyra 1973; applied to W eq 3.
    """
    tasks = whiten(statistics, weights)
    starts = _starts(tasks, width)
    if extra_starts is not None:
        # Wᵀ Φ = B is solved through Σ H_i = I: Φ = W (Σ α_iG_i) B.
        total = jnp.einsum("k,kde->de", weights, statistics.gram)
        own = tasks.basis @ total @ extra_starts
        starts = jnp.concatenate([starts, own])
    modules = jax.vmap(lambda start: tasks.basis.T @ _descend(tasks, start))(starts)
    if extra_starts is not None:
        modules = jnp.concatenate([modules, extra_starts])
    best = _least(statistics, weights, modules)
    least = metric_lower_bound(tasks, width) if bounded else tasks.residual
    return assemble(
        statistics,
        weights,
        best,
        lower_bound=least,
        rank=task_ranks(statistics),
        route="multi-start: variable projection with BFGS",
    )


def _descend(tasks: Whitened, start: Float[Array, "d r"]) -> Float[Array, "d r"]:
    solver = optx.BFGS(rtol=TOLERANCE, atol=TOLERANCE)
    solution = optx.minimise(
        _negative_explained, solver, start, args=tasks, max_steps=STEPS, throw=False
    )
    return jnp.linalg.qr(solution.value)[0]


def _least(
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    modules: Float[Array, "n d r"],
) -> Float[Array, "d r"]:
    """The best module on the statistics themselves.

    Whitening rounds what one task sees far less than another; so values in whitened
    coordinates are for searching and not for comparing. Rounding counts against a
    module, so that none wins by the rounding of its loss.
    """
    fixed, alpha, modules = lax.stop_gradient((statistics, weights, modules))
    norm = jnp.sqrt(jnp.sum(modules**2, axis=1, keepdims=True))
    units = modules / jnp.where(norm > 0, norm, 1)

    def value(module: Float[Array, "d r"]) -> Float[Array, ""]:
        heads = best_heads(fixed, module)
        rounding = inherent_rounding(fixed, alpha, heads @ module.T)
        return loss(fixed, module, heads, alpha) + rounding

    values = lax.map(value, units)
    return modules[jnp.argmin(jnp.where(jnp.isfinite(values), values, jnp.inf))]


def _negative_explained(
    module: Float[Array, "d r"], tasks: Whitened
) -> Float[Array, ""]:
    """`φ(B)`, as a share of the energy that the tasks explain alone."""
    small = jnp.einsum("dr,kde,es->krs", module, tasks.gram, module)
    size = jnp.trace(small, axis1=1, axis2=2)[:, None, None]
    size = RIDGE * jnp.where(size > 0, size, 1)
    right = tasks.moment @ module
    eye = jnp.eye(module.shape[1], dtype=module.dtype)
    heads = jnp.linalg.solve(small + size * eye, right[..., None])[..., 0]
    total = jnp.sum(tasks.moment * tasks.solution)
    return -jnp.sum(right * heads) / jnp.where(total > 0, total, 1)


def _starts(tasks: Whitened, width: int) -> Float[Array, "n d r"]:
    k = len(tasks.moment)
    share = jnp.trace(tasks.gram, axis1=1, axis2=2) / tasks.gram.shape[-1]
    signal = jnp.sqrt(share)[:, None] * tasks.solution

    def leading(metric: Float[Array, "d d"]) -> Float[Array, "d r"]:
        value, vector = jnp.linalg.eigh(metric)
        root = vector * jnp.sqrt(jnp.maximum(value, 0)) @ vector.T
        inverse = vector / jnp.sqrt(jnp.maximum(value, 1e-3 * value[-1])) @ vector.T
        left = jnp.linalg.svd(root @ signal.T, full_matrices=False)[0][:, :width]
        return jnp.linalg.qr(inverse @ left)[0]

    eye = jnp.eye(tasks.gram.shape[-1], dtype=share.dtype)
    half = STARTS // 2
    metrics = jnp.concatenate([eye[None], tasks.gram[: min(k, half)]])
    spectral = jax.vmap(leading)(metrics)
    # Spans of r tasks each, of which the order of the data decides; a little of the
    # spectral start keeps them regular where solutions coincide.
    picks = (jnp.arange(min(k, half))[:, None] + jnp.arange(width)) % k
    spans = jax.vmap(lambda pick: jnp.linalg.qr(signal[pick].T + 1e-3 * spectral[0])[0])
    return jnp.concatenate([spectral, spans(picks)])
