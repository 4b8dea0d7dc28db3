"""W-EX: a task and its noisy copy, as the clean task's weight grows."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from paper_checks.claims.noisy_copy_statement import SOURCE, noisy_copy
from paper_checks.judge.claim import attack, dropped, measured
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import extreme, failure_rate, mean_with_interval
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from paper_checks.studies.trained import train_each
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics

DIMENSION, SAMPLES = 6, 24
WEIGHTS = tuple(10.0 ** np.linspace(-2, 8, 21))
# The grid of `α_1` with `α_2 = 1`, and of `α_2` with `α_1 = 1`.
CLEAN_GROWS = np.stack([WEIGHTS, np.ones(len(WEIGHTS))], axis=1)
COPY_GROWS = CLEAN_GROWS[:, ::-1]
# The angle is about σ²/α_1 times a ratio of sizes; at the end of the grid, with noise
# of up to 100, that is 1e-4, and its cosine 1 − 5e-9. Twenty times that.
LIMIT = 1e-7
# cos is second order in the angle, and the certificate's module is good to √1e-15.
ROUNDING = 1e-12


def cosines(
    statistics: TaskStatistics,
    parameter: Float[Array, " d"],
    weights: Float[Array, "n 2"],
) -> Float[Array, " n"]:
    """`cos(B*, θ)` for each pair of weights, with `B` signed so that `A_1 > 0`.

    `B` and `A` share a sign that the loss does not see. Fixing it by `A_1 > 0` makes
    the curve continuous; the absolute cosine is not monotone where the noise turns
    the copy's least-squares solution by more than a right angle.
    """

    def one(pair: Array) -> Array:
        optimum = two_task_optimum(statistics, pair, full_rank=True)
        return _cosine(optimum.shared, optimum.heads, parameter)

    return jax.vmap(one)(weights)


def problem(
    key: PRNGKeyArray, noise: float | Array, *, common: bool = True
) -> tuple[TaskStatistics, Array]:
    """`y_1 = Xθ` and `y_2 = Xθ + ε`, on one `X` unless `common` is dropped."""
    keys = jax.random.split(key, 4)
    x = jax.random.normal(keys[0], (SAMPLES, DIMENSION))
    other = (
        x
        if common
        else jax.random.normal(keys[3], (SAMPLES, DIMENSION))
        * (10.0 ** jnp.linspace(-1, 1, DIMENSION))
    )
    theta = jax.random.normal(keys[1], (DIMENSION,))
    labels = jnp.stack([x @ theta, other @ theta])
    labels = labels.at[1].add(noise * jax.random.normal(keys[2], (SAMPLES,)))
    stacked = jnp.stack([x, other])
    return TaskStatistics(
        gram=jnp.einsum("kmd,kme->kde", stacked, stacked),
        moment=jnp.einsum("kmd,km->kd", stacked, labels),
        energy=jnp.sum(labels**2, axis=1),
        samples=jnp.full(2, float(SAMPLES)),
    ), theta


def steps_down(curves: Float[Array, "n a"]) -> Bool[Array, " n"]:
    """Whether each curve falls anywhere by more than rounding, or has a NaN."""
    return ~jnp.all(jnp.diff(curves, axis=1) >= -ROUNDING, axis=1)


def breaks(curves: Float[Array, "n a"]) -> Bool[Array, " n"]:
    """Whether each curve falls anywhere, or does not end at 1; a NaN breaks it."""
    return steps_down(curves) | ~(1 - curves[:, -1] < LIMIT)


def find(settings: Settings) -> Finding:
    """Measure whether `cos(B*, θ)` grows to 1 along a grid of `α_1`."""
    attacked = attack(settings, noisy_copy())
    count = settings.scaled(150, 5000)
    keys = jax.random.split(jax.random.key(settings.seed), count)
    # Noise of 0.1 to 100, where labels without noise have a deviation of ‖θ‖, about
    # 2.4: with the loudest some copies point away from θ.
    noise = 10.0 ** jnp.linspace(-1, 2, count)
    problems, theta = jax.vmap(problem)(keys, noise)
    over = jax.jit(jax.vmap(cosines, in_axes=(0, 0, None)))
    curves = over(problems, theta, jnp.asarray(CLEAN_GROWS))
    by_copy = over(problems, theta, jnp.asarray(COPY_GROWS))
    falls = int(jnp.sum(steps_down(jnp.abs(curves))))
    weights = jnp.asarray([WEIGHTS[-1], 1.0])
    trained = train_each(problems, 1, jnp.broadcast_to(weights, (count, 2)), keys)
    by_training = jax.vmap(_cosine)(trained.shared, trained.heads, theta)
    final = 1 - np.asarray(curves[:, -1])
    broken = int(jnp.sum(breaks(curves)))
    # As the copy's weight grows the limit is the copy's own solution, not θ.
    controls = (
        Control(
            dropped="alpha_1 grows (alpha_2 grows instead)",
            noticed=int(jnp.sum(breaks(by_copy))),
            instances=count,
        ),
        *dropped(attacked),
    )
    return Finding(
        claim="W-EX",
        statement="y_1 = X theta, y_2 = X theta + eps: cos(B*, theta) grows to 1 as "
        "alpha_1 grows.",
        source=SOURCE,
        verdict=judge(broken == 0 and not attacked.refuted, controls),
        reason=(
            f"with B signed so that A_1 > 0, {count - broken} of {count} curves grow "
            f"to 1; the absolute cosine falls somewhere on {falls}, where noise turned "
            "the copy's solution away from theta. Under attack the angle falls with "
            "every increase, and like 1/alpha_1; without one X for both it may grow"
        ),
        measurements=(
            failure_rate("curves that fall or do not end at 1", broken, count),
            failure_rate("curves of |cos| that fall somewhere", falls, count),
            extreme(f"largest 1 - cos at alpha_1 = {WEIGHTS[-1]:g}", final),
            mean_with_interval(
                "cos at alpha_1 = alpha_2",
                curves[:, int(np.argmin(np.abs(np.log(WEIGHTS))))],
            ),
            extreme(
                "largest |trained - closed form| cos",
                jnp.abs(by_training - curves[:, -1]),
            ),
            *measured(attacked),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=attacked.attack,
    )


def _cosine(
    shared: Float[Array, "d 1"],
    heads: Float[Array, "2 1"],
    parameter: Float[Array, " d"],
) -> Float[Array, ""]:
    direction = shared[:, 0] * jnp.sign(heads[0, 0])
    size = jnp.linalg.norm(direction) * jnp.linalg.norm(parameter)
    return direction @ parameter / size
