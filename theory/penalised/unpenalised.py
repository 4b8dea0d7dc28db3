"""What is left at strength 0: least squares, or ridge, of every task apart."""

import jax
import jax.numpy as jnp

from theory.linear.rounding import alone_bounds
from theory.linear.single_task import single_task_optimum
from theory.penalised.duality import Problem, judge
from theory.penalised.loop import Found
from theory.penalised.penalty import Penalty
from theory.tasks import TaskStatistics


@jax.jit
def apart(problem: Problem, penalty: Penalty) -> Found:
    """Minimise `F` where `R = 0`: `w_i = (α_iG_i + ρI)⁺α_ig_i`.

    A scaled residual certifies nothing there: `R*` is finite only where its slope is
    exactly zero. The ridge is as good as `d` more rows `(ρ/α_i)^½ I` with labels 0, and
    the bound is that of `theory.linear.rounding.alone_bounds` for each task with them;
    it is 0 where rounding hides a direction. Where it hides none, only rounding is
    between the bound and the objective, and is called so.
    """
    alpha = problem.weights
    extra = jnp.where(alpha > 0, penalty.ridge / jnp.where(alpha > 0, alpha, 1), 0)
    d = problem.moment.shape[1]
    eye = jnp.eye(d, dtype=extra.dtype)
    tasks = TaskStatistics(
        gram=problem.gram + extra[:, None, None] * eye,
        moment=problem.moment,
        energy=problem.energy,
        samples=problem.samples + jnp.where(extra > 0, d, 0),
    )
    point = jnp.where(alpha[:, None] > 0, single_task_optimum(tasks), 0)
    best = judge(problem, penalty, point, problem.seen(point))
    least = alone_bounds(tasks)
    bound = jnp.sum(alpha * least.residual) / 2
    left = jnp.where(jnp.all(least.definite), best.objective - bound, 0)
    rounding = jnp.maximum(best.rounding, left)
    return Found(best._replace(bound=bound, rounding=rounding), jnp.zeros((), int))
