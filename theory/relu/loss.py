"""The loss of the ReLU shared-module model on rows."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from theory.linear.single_task import minimum_norm_solution
from theory.relu.arguments import check_tasks
from theory.tasks import Tasks
from theory.weights import check_weights


def task_losses(
    tasks: Tasks, shared: Float[Array, "d r"], heads: Float[Array, "k r"]
) -> Float[Array, " k"]:
    """Squared loss of each task, `‖ReLU(X_iB)A_i − y_i‖²`, summed over its rows.

    Raises:
        ValueError: As `theory.relu.arguments.check_tasks`; another `d` in `shared`.

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
