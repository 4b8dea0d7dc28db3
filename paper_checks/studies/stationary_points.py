"""Stationary points of the linear loss: those met by Newton's method and training."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax import lax
from jaxtyping import Array, Bool, Float, Key

from paper_checks.judge.measurement import CheckError, extreme, share
from paper_checks.judge.stated import Evidence, decides
from paper_checks.judge.verdict import Control
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
# has not ended: few points lie in between. BFGS settles f, not its gradient, to √ε.
STATIONARY, TRAINED = 1e-12, 1e-6
# Global: f is above f* by the square of the gradient over a curvature, far below this.
GLOBAL = 1e-8
# A direction of negative curvature must exceed the rounding of a Hessian of norm ~1
# and the error of its point; f* is separated from the saddles by far more than this.
NEGATIVE = -1e-6
UNLIKE = (
    "a common X (two unlike tasks at r = 1; a pair counts if training ends in a local "
    "minimum from some start)"
)


class Stationary(NamedTuple):
    """Points met by a search for `∇f = 0`, one a start.

    `excess` is `(f − f*)/Σe_i` and `curvature` the least eigenvalue of the Hessian;
    the gauge `B → BM, A → M⁻¹A` gives it zeros, so only a negative one says anything.
    """

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


def scaled_loss(
    statistics: TaskStatistics, width: int
) -> Callable[[Array], Float[Array, ""]]:
    """`f/Σe_i` at a point: `B` and then `A` in one vector."""
    d, k = statistics.dimension, statistics.count

    def value(point: Array) -> Array:
        module, heads = point[: d * width], point[d * width :]
        f = loss(statistics, module.reshape(d, width), heads.reshape(k, width))
        return f / jnp.sum(statistics.energy)

    return value


def examined(
    statistics: TaskStatistics,
    optimum: Float[Array, ""],
    points: Float[Array, "n p"],
    *,
    width: int,
    stationary: float = STATIONARY,
) -> Stationary:
    """What points `(B, A)` are; found if the gradient is below `stationary`."""
    value = scaled_loss(statistics, width)

    def one(point: Array) -> Stationary:
        return Stationary(
            found=jnp.linalg.norm(jax.grad(value)(point)) < stationary,
            excess=value(point) - optimum / jnp.sum(statistics.energy),
            curvature=jnp.linalg.eigvalsh(jax.hessian(value)(point))[0],
        )

    return jax.vmap(one)(points)


@partial(jax.jit, static_argnames=("width", "newton"))
def met(
    problems: TaskStatistics,
    optima: Float[Array, " n"],
    starts: Float[Array, "s p"],
    *,
    width: int,
    newton: bool,
) -> Stationary:
    """Where searches on stacked problems end, from the same starts.

    Args:
        problems: Stacked problems.
        optima: `f*` of each.
        starts: Points that every search starts at.
        width: `r`.
        newton: Newton's method for `∇f = 0`, which ends at minima and saddles alike;
            else training, which ends at minima.
    """
    search = _newton if newton else _trained
    stationary = STATIONARY if newton else TRAINED

    def one(statistics: TaskStatistics, optimum: Array) -> Stationary:
        ends = jax.vmap(partial(search, scaled_loss(statistics, width)))(starts)
        return examined(statistics, optimum, ends, width=width, stationary=stationary)

    return jax.vmap(one)(problems, optima)


def _newton(value: Callable[[Array], Array], start: Array) -> Array:
    """Steps leave the flat directions of the gauge alone, and are bounded."""

    def step(_: object, point: Array) -> Array:
        size, vector = jnp.linalg.eigh(jax.hessian(value)(point))
        # The gauge gives r² eigenvalues that vanish at a stationary point.
        curved = jnp.where(jnp.abs(size) < 1e-7, jnp.inf, size)
        change = vector @ ((vector.T @ jax.grad(value)(point)) / curved)
        length = jnp.linalg.norm(change)
        return point - change * jnp.minimum(1, LONGEST / jnp.maximum(length, LONGEST))

    return lax.fori_loop(0, NEWTON_STEPS, step, start)


def _trained(value: Callable[[Array], Array], start: Array) -> Array:
    solver = optx.BFGS(rtol=1e-13, atol=1e-13)
    return optx.minimise(
        lambda point, _: value(point), solver, start, max_steps=2000, throw=False
    ).value


def measured(settings: Settings) -> Evidence:
    """Search drawn problems with one `X` for traps, and unlike pairs by training."""
    keys = jax.random.split(jax.random.key(settings.seed), settings.scaled(12, 400))
    one_x, pairs = _with_one_x(keys), _unlike_pairs(keys)

    def starts(place: int, size: int) -> Array:
        key = jax.random.key(settings.seed + place)
        return jax.random.normal(key, (settings.scaled(24, 64), size))

    size = WIDTH * (DIMENSION + TASKS)
    return judged(
        met(*one_x, SPREAD * starts(1, size), width=WIDTH, newton=True),
        met(*one_x, starts(3, size), width=WIDTH, newton=False),
        met(*pairs, starts(2, DIMENSION + 2), width=1, newton=False),
    )


def judged(by_newton: Stationary, trained: Stationary, unlike: Stationary) -> Evidence:
    """What stationary points and ends of training say, one row a problem.

    Raises:
        CheckError: No saddle was met, or no training ended: nothing was tried.
    """
    saddle, ended = np.asarray(by_newton.saddle), int(jnp.sum(trained.found))
    if not saddle.any() or not ended:
        raise CheckError(f"{saddle.sum()} saddles were met and {ended} trainings ended")
    # Points of one problem are not independent, so the rate is that of problems.
    traps = np.any(np.asarray(by_newton.trap | trained.trap), axis=1)
    trapped = np.any(np.asarray(unlike.trap), axis=1)
    rate = share("problems with a trap", traps)
    curvature = np.where(saddle, np.asarray(by_newton.curvature), -np.inf)
    return Evidence(
        holds=not traps.any(),
        deciding=decides(rate, 1 / rate.n),
        headline=f"{rate.rest} of {rate.n} problems have no trap",
        named={
            "stationary": int(jnp.sum(by_newton.found)),
            "above": int(jnp.sum(by_newton.saddle | by_newton.trap)),
            "saddles": int(saddle.sum()),
            "caught": int(jnp.sum(trained.trap)),
            "ended": ended,
            "trapped": share("pairs with a trap", trapped),
        },
        measurements=(
            rate,
            extreme("least negative curvature among saddles", curvature),
            share("problems at which a saddle was met", np.any(saddle, axis=1)),
        ),
        # Local minima of unlike pairs are common, not certain: some pair has one.
        controls=(Control.once(UNLIKE, trapped.any()),),
    )


def _with_one_x(keys: Key[Array, " n"]) -> tuple[TaskStatistics, Array]:
    draw = partial(
        random_problem, tasks=TASKS, dimension=DIMENSION, samples=SAMPLES, common=True
    )
    problems = jax.vmap(draw)(keys)
    ones = jnp.ones(TASKS)
    best = jax.vmap(lambda s: common_covariance_optimum(s, WIDTH, ones).loss)(problems)
    return problems, best


def _unlike_pairs(keys: Key[Array, " n"]) -> tuple[TaskStatistics, Array]:
    """Two tasks with very different covariances, where local minima are common."""
    draw = partial(random_problem, tasks=2, dimension=DIMENSION, samples=SAMPLES)
    pairs = jax.vmap(partial(draw, spread=2.0, noise=0.1))(keys)
    return pairs, jax.vmap(lambda s: two_task_optimum(s, jnp.ones(2)).loss)(pairs)
