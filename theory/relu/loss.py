"""The loss of the ReLU shared-module model on rows, and of one unit by direction."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from theory.arguments import check_weights
from theory.linear.single_task import minimum_norm_solution
from theory.task_checks import check_tasks
from theory.tasks import Tasks


def task_losses(
    tasks: Tasks, shared: Float[Array, "d r"], heads: Float[Array, "k r"]
) -> Float[Array, " k"]:
    """Squared loss of each task, `‖ReLU(X_iB)A_i − y_i‖²`, summed over its rows.

    Raises:
        ValueError: As `theory.task_checks.check_tasks`; another `d` in `shared`.

    Source: W eq 1 (ReLU `g`).
    """
    check_tasks(tasks, shared.shape[0])
    hidden = jax.nn.relu(tasks.covariates @ shared)
    return jnp.sum((jnp.einsum("kmr,kr->km", hidden, heads) - tasks.labels) ** 2, 1)


def loss(
    tasks: Tasks,
    shared: Float[Array, "d r"],
    heads: Float[Array, "k r"],
    weights: Float[Array, " k"] | None = None,
) -> Float[Array, ""]:
    """Weighted loss of the shared-module model.

        f(A_1..A_k; B) = Σ_i α_i ‖ReLU(X_iB)A_i − y_i‖².

    Raises:
        ValueError: As `task_losses`; weights that are negative or do not fit.

    Source: W eq 1 (α_i = 1) and eq 2, with ReLU `g`.
    """
    losses = task_losses(tasks, shared, heads)
    return jnp.sum(check_weights(weights, len(losses)) * losses)


def best_heads(tasks: Tasks, shared: Float[Array, "d r"]) -> Float[Array, "k r"]:
    """The heads that are best for a given module, `A_i = ReLU(X_iB)⁺ y_i`.

    Of least norm where the columns of `ReLU(X_iB)` are dependent; a unit that is
    dead on all rows of a task has head 0 there. As in `theory.linear`, the normal
    equations lose half the digits of an ill-conditioned `ReLU(X_iB)`.

    Raises:
        ValueError: As `task_losses`.

    Source: normal equations of W eq 1 in `A_i`.
    """
    check_tasks(tasks, shared.shape[0])
    hidden = jax.nn.relu(tasks.covariates @ shared)
    gram = jnp.einsum("kmr,kms->krs", hidden, hidden)
    moment = jnp.einsum("kmr,km->kr", hidden, tasks.labels)
    return jax.vmap(minimum_norm_solution)(gram, moment)


def single_neuron_loss(
    tasks: Tasks,
    direction: Float[Array, " d"],
    weights: Float[Array, " k"] | None = None,
) -> Float[Array, ""]:
    """Least loss over the heads of one shared ReLU unit `B`.

        min_A f(A; B) = Σ_i α_i (y_iᵀy_i − ⟨ReLU(X_iB), y_i⟩²/‖ReLU(X_iB)‖²),

    the second term zero for a task on which the unit is dead. For fixed `B` the task's
    loss is a parabola in its number `A_i`, with its least value there. It depends on
    the direction of `B` alone, not on its length; `B` and `−B` differ.

    jit-, vmap- and grad-compatible. The derivative is that of the active rows, zero for
    a dead task; it jumps where a row with `A_i ≠ 0` becomes active. Where a task's
    only active rows are parallel its term is constant, so that the loss itself jumps
    where they become inactive: the least value need not be attained.

    Args:
        tasks: Rows.
        direction: `B`, of any length.
        weights: `α_i ≥ 0`, ones if not given.

    Raises:
        ValueError: As `theory.task_checks.check_tasks` and
            `theory.arguments.check_weights`.

    Source: W-E4 (W eq 4) with ReLU; derived here.
    """
    alpha = check_weights(weights, tasks.labels.shape[0])
    energy = jnp.sum(tasks.labels**2, axis=1)
    return jnp.sum(alpha * (energy - explained_energy(tasks, direction)))


def explained_energy(tasks: Tasks, direction: Float[Array, " d"]) -> Float[Array, " k"]:
    """`⟨ReLU(X_iB), y_i⟩²/‖ReLU(X_iB)‖²` of each task, zero where the unit is dead.

    Raises:
        ValueError: As `theory.task_checks.check_tasks`.

    Source: W-E4 (W eq 4) with ReLU; derived here.
    """
    check_tasks(tasks, direction.shape[0])
    hidden = jax.nn.relu(tasks.covariates @ direction)
    # The ratio has no unit in the hidden values: this keeps their squares in range.
    size = lax.stop_gradient(jnp.max(hidden, axis=1, keepdims=True))
    active = size[:, 0] > 0
    hidden = hidden / jnp.where(size > 0, size, 1)
    square = jnp.sum(hidden**2, axis=1)
    moment = jnp.sum(hidden * tasks.labels, axis=1)
    return jnp.where(active, moment**2 / jnp.where(active, square, 1), 0)
