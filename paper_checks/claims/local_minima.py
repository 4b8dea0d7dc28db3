"""W-LM: with one X, every local minimum of the linear model is global."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from paper_checks.claims.local_minima_statement import SOURCE, local_minima
from paper_checks.judge.claim import attack, dropped, measured
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate
from paper_checks.judge.stress import Stress
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from paper_checks.studies.problems import random_problem
from theory.linear import common_covariance_optimum, loss, two_task_optimum
from theory.tasks import TaskStatistics

TASKS, DIMENSION, SAMPLES, WIDTH = 3, 4, 20, 2
NEWTON_STEPS, LONGEST = 300, 0.2
# Of the starts: small ones are near the saddle at 0 and its neighbours, and Newton's
# method ends at a stationary point from twice as many of them as from large ones.
SPREAD = 0.3
# f is divided by the label energy. Newton's method ends at rounding, about 1e-15, or
# has not ended: few points lie in between.
STATIONARY = 1e-12
# Global: f is above f* by the square of the gradient over a curvature, far below this.
GLOBAL = 1e-8
# A direction of negative curvature must exceed the rounding of a Hessian of norm ~1
# and the error of its point; f* is separated from the saddles by far more than this.
NEGATIVE = -1e-6


class Stationary(NamedTuple):
    """Points met by a search for `∇f = 0`, one a start."""

    found: Bool[Array, "*n"]
    excess: Float[Array, "*n"]
    curvature: Float[Array, "*n"]

    @property
    def trap(self) -> Bool[Array, "*n"]:
        """Stationary, not global, and without a direction of negative curvature.

        A NaN counts as a trap, and so does a point below the optimum, which then is
        none.
        """
        return self.found & ~(jnp.abs(self.excess) <= GLOBAL) & ~self.saddle

    @property
    def saddle(self) -> Bool[Array, "*n"]:
        """Stationary and above the optimum, but with negative curvature."""
        return self.found & (self.excess > GLOBAL) & (self.curvature <= NEGATIVE)


def stationary_points(
    statistics: TaskStatistics,
    optimum: Float[Array, ""],
    width: int,
    starts: Float[Array, "n p"],
) -> Stationary:
    """Find points where the gradient vanishes, minima and saddles alike.

    Newton's method for `∇f = 0` is drawn to saddles as much as to minima. Its step
    leaves the flat directions of the gauge alone and is at most `LONGEST` long.
    `excess` is `(f − f*)/Σe_i` and `curvature` the least eigenvalue of the Hessian;
    the gauge `B → BM, A → M⁻¹A` gives it zeros, so only a negative one says anything.
    """
    value = _scaled_loss(statistics, width)

    def step(_: object, point: Array) -> Array:
        slope, hessian = (
            jax.grad(value)(point, statistics),
            jax.hessian(value)(point, statistics),
        )
        size, vector = jnp.linalg.eigh(hessian)
        # The gauge gives r² eigenvalues that vanish at a stationary point.
        flat = jnp.abs(size) < 1e-7
        change = vector @ ((vector.T @ slope) / jnp.where(flat, jnp.inf, size))
        length = jnp.linalg.norm(change)
        return point - change * jnp.minimum(1, LONGEST / jnp.maximum(length, LONGEST))

    points = jax.vmap(lambda start: lax.fori_loop(0, NEWTON_STEPS, step, start))(starts)
    return _examined(statistics, optimum, width, points, STATIONARY)


def descended_points(
    statistics: TaskStatistics,
    optimum: Float[Array, ""],
    width: int,
    starts: Float[Array, "n p"],
) -> Stationary:
    """As `stationary_points`, but minimising `f`: what training would end at."""
    value = _scaled_loss(statistics, width)

    def descend(start: Array) -> Array:
        solver = optx.BFGS(rtol=1e-13, atol=1e-13)
        return optx.minimise(
            value, solver, start, args=statistics, max_steps=2000, throw=False
        ).value

    # BFGS settles f, not its gradient: √ε is what it can promise.
    return _examined(statistics, optimum, width, jax.vmap(descend)(starts), 1e-6)


def _scaled_loss(
    statistics: TaskStatistics, width: int
) -> Callable[[Array, TaskStatistics], Array]:
    """`f/Σe_i` of tasks of this shape, at a point: `B` and then `A` in one vector."""
    energy = jnp.sum(statistics.energy)
    d, k = statistics.dimension, statistics.count
    _, unravel = ravel_pytree((jnp.zeros((d, width)), jnp.zeros((k, width))))
    return lambda point, tasks: loss(tasks, *unravel(point)) / energy


def _examined(
    statistics: TaskStatistics,
    optimum: Float[Array, ""],
    width: int,
    points: Float[Array, "n p"],
    stationary: float,
) -> Stationary:
    """What points are, found if the gradient is below `stationary`."""
    value = _scaled_loss(statistics, width)

    def one(point: Array) -> Stationary:
        slope = jnp.linalg.norm(jax.grad(value)(point, statistics))
        hessian = jax.hessian(value)(point, statistics)
        return Stationary(
            found=slope < stationary,
            excess=value(point, statistics) - optimum / jnp.sum(statistics.energy),
            curvature=jnp.linalg.eigvalsh(hessian)[0],
        )

    return jax.vmap(one)(points)


def _unlike_pair(key: PRNGKeyArray) -> TaskStatistics:
    """Two tasks with very different covariances, where local minima are common."""
    return random_problem(key, 2, DIMENSION, SAMPLES, spread=2.0, noise=0.1)


def find(settings: Settings) -> Finding:
    """Look at stationary points of problems with one X, and of unlike pairs."""
    count, starts = settings.scaled(12, 400), settings.scaled(24, 64)
    keys = jax.random.split(jax.random.key(settings.seed), count)
    problems = jax.vmap(
        lambda k: random_problem(k, TASKS, DIMENSION, SAMPLES, common=True)
    )(keys)
    best = jax.vmap(
        lambda s: common_covariance_optimum(s, WIDTH, jnp.ones(TASKS)).loss
    )(problems)
    points = SPREAD * jax.random.normal(
        jax.random.key(settings.seed + 1), (starts, WIDTH * (DIMENSION + TASKS))
    )
    search = jax.jit(jax.vmap(partial(stationary_points, width=WIDTH, starts=points)))
    met = search(problems, best)
    # From all starts the same search as for the pairs, which does find their traps.
    wide = jax.random.normal(jax.random.key(settings.seed + 3), points.shape)
    trained = jax.jit(jax.vmap(partial(descended_points, width=WIDTH, starts=wide)))(
        problems, best
    )
    pairs = jax.vmap(_unlike_pair)(keys)
    best_pairs = jax.vmap(lambda s: two_task_optimum(s, jnp.ones(2)).loss)(pairs)
    few = jax.random.normal(jax.random.key(settings.seed + 2), (starts, DIMENSION + 2))
    ends = jax.jit(jax.vmap(partial(descended_points, width=1, starts=few)))(
        pairs, best_pairs
    )
    return _finding(settings, attack(settings, local_minima()), met, trained, ends)


def _finding(
    settings: Settings,
    attacked: Stress,
    met: Stationary,
    trained: Stationary,
    ends: Stationary,
) -> Finding:
    found = int(np.sum(np.asarray(met.found)))
    traps = int(np.sum(np.asarray(met.trap)))
    ended = int(np.sum(np.asarray(trained.found)))
    caught = int(np.sum(np.asarray(trained.trap)))
    # Points of one problem are not independent, so the rate is that of problems.
    with_trap = np.any(np.asarray(met.trap) | np.asarray(trained.trap), axis=1)
    saddles = int(np.sum(np.asarray(met.saddle)))
    trapped = np.any(np.asarray(ends.trap), axis=1)
    # Local minima of unlike pairs are common, not certain: noticed means "some pair".
    controls = (
        Control(
            dropped="a common X (two unlike tasks at r = 1; a pair counts if training "
            "ends in a local minimum from some start)",
            noticed=int(trapped.any()),
            instances=1,
        ),
        *dropped(attacked),
    )
    curvature = np.where(np.asarray(met.saddle), np.asarray(met.curvature), -np.inf)
    return Finding(
        claim="W-LM",
        statement="Common X, linear: every local minimum is global.",
        source=SOURCE,
        verdict=judge(
            not attacked.refuted and traps + caught == 0 and saddles > 0 and ended > 0,
            controls,
        ),
        reason=(
            f"of {found} stationary points met by Newton's method {saddles + traps} "
            f"were not global, and {saddles} of these have negative curvature; "
            f"training ended in a local minimum from {caught} of {ended} starts; "
            f"without a common X training ended in a local minimum on "
            f"{int(trapped.sum())} of {trapped.size} pairs. Under attack, with tasks "
            "made for a stationary point, none without negative curvature was above "
            "the optimum"
        ),
        measurements=(
            failure_rate("problems with a trap", int(with_trap.sum()), len(with_trap)),
            extreme("least negative curvature among saddles", curvature),
            failure_rate(
                "problems at which a saddle was met",
                int(np.sum(np.any(np.asarray(met.saddle), axis=1))),
                len(met.found),
            ),
            *measured(attacked),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=attacked.attack,
    )
