"""A task and a noisy copy of it, and the module's angle as a weight grows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.judge.check import Check
from paper_checks.judge.measurement import Measurement, mean_with_interval, share
from paper_checks.studies.trained import train_each
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics

DIMENSION, SAMPLES = 6, 24
WEIGHTS = 10.0 ** np.linspace(-2, 8, 21)
CLEAN_GROWS = np.stack([WEIGHTS, np.ones(len(WEIGHTS))], axis=1)
# The angle is about σ²/α_1 times a ratio of sizes; at the end of the grid, with noise
# of up to 100, that is 1e-4, and its cosine 1 − 5e-9. Twenty times that.
LIMIT = 1e-7
# cos is second order in the angle, and the certificate's module is good to √1e-15.
ROUNDING = 1e-12
# Ratios of heads that are tried, and Newton's steps from the best: with condition
# numbers up to 51 no peak is narrower than 1/√51 = 0.14 rad, seven of these.
RATIOS, STEPS = 128, 5


class Curves(NamedTuple):
    """Pairs of tasks, and `cos(B*, θ)` along a grid of weights."""

    statistics: TaskStatistics
    parameter: Float[Array, "n d"]
    cosine: Float[Array, "n a"]


def curves(
    keys: Key[Array, " n"], grid: Float[np.ndarray, "a 2"] = CLEAN_GROWS
) -> Curves:
    """Pairs whose noise grows from 0.1 to 100, along a grid of weights.

    Labels without noise have a deviation of `‖θ‖`, about 2.4: the loudest copies point
    away from `θ`.
    """
    statistics, theta = jax.vmap(problem)(keys, 10.0 ** jnp.linspace(-1, 2, len(keys)))
    over = jax.jit(jax.vmap(cosines, in_axes=(0, 0, None)))
    return Curves(statistics, theta, over(statistics, theta, jnp.asarray(grid)))


def copy_grows(keys: Key[Array, " n"]) -> Check:
    """`ends` of the same pairs along weights of the copy."""
    return ends(curves(keys, CLEAN_GROWS[:, ::-1]), keys)


def falls(curves: Curves, keys: Key[Array, " n"]) -> Check:
    """The largest fall along each curve, which must be rounding."""
    del keys
    return _at_most(fall(curves.cosine), ROUNDING)


def ends(curves: Curves, keys: Key[Array, " n"]) -> Check:
    """`1 − cos` at the end of each curve."""
    del keys
    return _at_most(1 - curves.cosine[:, -1], LIMIT)


def trained(curves: Curves, keys: Key[Array, " n"]) -> Check:
    """The cosine at the end of each curve, by training."""
    weights = jnp.broadcast_to(CLEAN_GROWS[-1], (len(keys), 2))
    found = train_each(curves.statistics, 1, weights, keys)
    cosine = jax.vmap(_cosine)(found.shared, found.heads, curves.parameter)
    room = jnp.full(len(keys), LIMIT)
    return Check(cosine, curves.cosine[:, -1], room, "==")


def described(curves: Curves, keys: Key[Array, " n"]) -> dict[str, Measurement]:
    """Curves that are not monotone without their sign, and cosines at equal weights.

    `|cos|` falls where noise turns the copy's solution by more than a right angle.
    """
    del keys
    unsigned = ~(fall(jnp.abs(curves.cosine)) <= ROUNDING)
    equal = curves.cosine[:, int(np.argmin(np.abs(np.log(WEIGHTS))))]
    return {
        "unsigned": share("curves of |cos| that fall somewhere", unsigned),
        "equal": mean_with_interval("cos at alpha_1 = alpha_2", equal),
    }


def fall(cosine: Float[Array, "n a"]) -> Float[Array, " n"]:
    """The largest fall along each curve."""
    return jnp.maximum(jnp.max(-jnp.diff(cosine, axis=1), axis=1), 0)


def problem(
    key: PRNGKeyArray, noise: float | Float[Array, ""]
) -> tuple[TaskStatistics, Float[Array, " d"]]:
    """`y_1 = Xθ` and `y_2 = Xθ + ε`, and `θ`."""
    rows, theta_key, errors, _ = jax.random.split(key, 4)
    x = jax.random.normal(rows, (SAMPLES, DIMENSION))
    theta = jax.random.normal(theta_key, (DIMENSION,))
    error = noise * jax.random.normal(errors, (SAMPLES,))
    labels = jnp.stack([x @ theta, x @ theta + error])
    return TaskStatistics(
        gram=jnp.broadcast_to(x.T @ x, (2, DIMENSION, DIMENSION)),
        moment=labels @ x,
        energy=jnp.sum(labels**2, axis=1),
        samples=jnp.full(2, float(SAMPLES)),
    ), theta


def best_module(
    gram: Float[Array, "2 2 2"],
    solutions: Float[Array, "2 2"],
    weight: Float[Array, ""],
) -> Float[Array, "2"]:
    """The best module in the plane for weights `(weight, 1)`, with `A_1 > 0`.

    Found by a search over the ratio of the heads.
    """
    moment = jnp.einsum("ide,ie->id", gram, solutions)
    scaled = moment * jnp.stack([jnp.sqrt(weight), jnp.ones(())])[:, None]

    def module(t: Array) -> tuple[Array, Array]:
        heads = jnp.stack([jnp.cos(t), jnp.sin(t)])
        (a, b), (_, c) = jnp.tensordot(heads**2, gram, 1)
        right = heads @ scaled
        shared = jnp.stack([c * right[0] - b * right[1], a * right[1] - b * right[0]])
        shared = shared / (a * c - b**2)
        return shared, right @ shared

    def newton(_: object, t: Array) -> Array:
        explained = jax.grad(lambda t: module(t)[1])
        slope, curvature = explained(t), jax.grad(explained)(t)
        return t - slope / jnp.where(curvature < 0, curvature, -jnp.inf)

    grid = jnp.linspace(0, jnp.pi, RATIOS, endpoint=False)
    best = grid[jnp.argmax(jax.vmap(module)(grid)[1])]
    # The last step carries the derivative (implicit function theorem).
    best = lax.stop_gradient(lax.fori_loop(0, STEPS, newton, best))
    best = newton(None, best)
    return module(best)[0] * jnp.where(jnp.cos(best) < 0, -1, 1)


def cosines(
    statistics: TaskStatistics,
    parameter: Float[Array, " d"],
    weights: Float[Array, "a 2"],
) -> Float[Array, " a"]:
    """`cos(B*, θ)` for each pair of weights; `A_1 > 0` makes the curve continuous."""

    def one(pair: Array) -> Array:
        optimum = two_task_optimum(statistics, pair, full_rank=True)
        return _cosine(optimum.shared, optimum.heads, parameter)

    return jax.vmap(one)(weights)


def _cosine(
    shared: Float[Array, "d 1"],
    heads: Float[Array, "2 1"],
    parameter: Float[Array, " d"],
) -> Float[Array, ""]:
    direction = shared[:, 0] * jnp.sign(heads[0, 0])
    size = jnp.linalg.norm(direction) * jnp.linalg.norm(parameter)
    return direction @ parameter / size


def _at_most(values: Float[Array, " n"], most: float) -> Check:
    return Check(values, jnp.zeros(len(values)), jnp.full(len(values), most), "<=")
