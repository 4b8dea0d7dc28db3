"""The optimum of a convex objective of several tasks, with its certificate."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from theory.arguments import check_array, check_share, is_traced
from theory.penalised.descent import descend
from theory.penalised.duality import Judged, Problem, allowed, judge
from theory.penalised.loop import Found
from theory.penalised.penalty import Penalty, RowSparse
from theory.penalised.result import PenalisedOptimum
from theory.penalised.splitting import split
from theory.penalised.tensor_trace_norm import TensorTraceNorm
from theory.penalised.unpenalised import apart
from theory.penalised.working_set import WORTH, descend_on_rows
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics


def penalised_optimum(
    statistics: TaskStatistics,
    penalty: Penalty,
    weights: ArrayLike | None = None,
    *,
    tolerance: float = 1e-13,
    start: ArrayLike | None = None,
) -> PenalisedOptimum:
    """Minimise a convex penalty beside the squared losses of `k` linear tasks.

        min_W F(W) = ½ Σ_i α_i‖X_iw_i − y_i‖² + R(W) + (ρ/2)‖W‖².

    Nothing is divided by `m_i`; `loss` of the result is `Σ_i α_i‖X_iw_i − y_i‖²`, the
    house's, without the ½. The lower bound is that of `theory.penalised.duality`.

    Under jit and vmap, over statistics or strengths, values are unknown: nothing is
    checked, and no rows of `W` or copies of one Gram matrix are left out.

    Args:
        statistics: The tasks, in 64-bit floats.
        penalty: `R` and `ρ`.
        weights: `α_i ≥ 0`, ones by default.
        tolerance: Share of `Σ_i α_ie_i` below which the gap counts as closed, in
            (0, 1); at least what rounding leaves.
        start: Parameters (k x d) to start from; zeros by default.

    Raises:
        ValueError: Bad shapes or values, or 32-bit floats. The message names them. A
            solver that stops early does not raise: see `certified`.

    Source: derived here.
    """
    check_statistics(statistics)
    alpha = check_weights(weights, statistics)
    penalty.check(statistics.count)
    closed = jnp.asarray(check_share("tolerance", tolerance))
    first = _start(start, statistics)
    problem = Problem.of(statistics, alpha, common=has_common_gram(statistics))
    return _finished(problem, penalty, closed, *_route(problem, penalty, first, closed))


def _start(start: ArrayLike | None, statistics: TaskStatistics) -> Float[Array, "k d"]:
    if start is None:
        return jnp.zeros_like(statistics.moment)
    k, d = statistics.moment.shape
    return check_array("start", start, "k d", double=True, k=k, d=d)


def _route(
    problem: Problem,
    penalty: Penalty,
    start: Float[Array, "k d"],
    tolerance: Float[Array, ""],
) -> tuple[Found, str]:
    """What minimises this penalty, and what it is called."""
    known = not is_traced(problem, penalty)
    if known and bool(penalty.is_zero()):
        return apart(problem, penalty), "no penalty: tasks apart"
    arguments = (problem, penalty, start, tolerance)
    if isinstance(penalty, TensorTraceNorm):
        return split(*arguments), "alternating directions"
    if known and isinstance(penalty, RowSparse) and start.shape[1] >= WORTH:
        found = descend_on_rows(problem, penalty, start, tolerance)
        return found, "proximal gradient on a working set"
    return descend(*arguments), "proximal gradient"


def has_common_gram(statistics: TaskStatistics) -> bool:
    """Whether all Gram matrices are known and the same, to the last digit."""
    if is_traced(statistics.gram):
        return False
    gram = np.asarray(statistics.gram)
    return all(np.array_equal(gram[0], other) for other in gram[1:])


def _finished(
    problem: Problem,
    penalty: Penalty,
    tolerance: Float[Array, ""],
    found: Found,
    route: str,
) -> PenalisedOptimum:
    """The best point of a descent as a result.

    Its loss is computed anew. In the compiled loop a comparison of objectives that
    tie may be computed twice and rounded to both sides: the loss was then seen to be
    that of one point, and the parameters those of another.
    """
    best = _stated(problem, penalty, found.best.parameters)
    # The same to rounding; that of the loop has the rounding of its bound.
    objective = jnp.minimum(best.objective, found.best.objective)
    return PenalisedOptimum(
        parameters=best.parameters,
        objective=objective,
        loss=best.loss,
        lower_bound=jnp.minimum(found.best.bound, objective),
        rounding=best.rounding,
        tolerance=allowed(problem, best.rounding, tolerance),
        steps=found.steps,
        route=route,
    )


@jax.jit
def _stated(
    problem: Problem, penalty: Penalty, parameters: Float[Array, "k d"]
) -> Judged:
    """Objective and loss of a point; its bound is not looked for."""

    def none(_: Array, lin: Array, __: Array) -> tuple[Array, Array]:
        return 0 * lin, 0 * lin

    return judge(problem, penalty, parameters, problem.seen(parameters), none)
