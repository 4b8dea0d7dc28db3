"""The best module found from many starts, for any tasks and any width."""

from functools import partial

import jax
import jax.numpy as jnp
import optimistix as optx
from jaxtyping import Array, Float

from theory.linear.metric_bound import metric_lower_bound
from theory.linear.result import SharedOptimum, assemble
from theory.linear.single_task import task_ranks
from theory.linear.whitened import Whitened, whiten
from theory.tasks import TaskStatistics

STARTS = 12
STEPS = 500
# Relative change of the explained energy at which BFGS stops; its error is quadratic
# in the step, so steps of √ε settle the value to rounding.
TOLERANCE = 1e-9
# Keeps BᵀH_iB regular where a task sees fewer than r directions; Σ H_i = I.
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
    modules, values = jax.vmap(lambda start: _descend(tasks, start))(starts)
    best = modules[jnp.argmin(jnp.where(jnp.isfinite(values), values, jnp.inf))]
    least = metric_lower_bound(tasks, width) if bounded else tasks.residual
    return assemble(
        statistics,
        weights,
        jax.lax.stop_gradient(tasks.basis.T @ best),
        lower_bound=least,
        rank=task_ranks(statistics),
        route="multi-start: variable projection with BFGS",
    )


def _descend(
    tasks: Whitened, start: Float[Array, "d r"]
) -> tuple[Float[Array, "d r"], Float[Array, ""]]:
    solver = optx.BFGS(rtol=TOLERANCE, atol=TOLERANCE)
    solution = optx.minimise(
        _negative_explained, solver, start, args=tasks, max_steps=STEPS, throw=False
    )
    module, _ = jnp.linalg.qr(solution.value)
    return module, _negative_explained(module, tasks)


def _negative_explained(
    module: Float[Array, "d r"], tasks: Whitened
) -> Float[Array, ""]:
    """`φ(B)`, as a share of the energy that the tasks explain alone."""
    small = jnp.einsum("dr,kde,es->krs", module, tasks.gram, module)
    size = jnp.sum(module**2) * RIDGE
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
