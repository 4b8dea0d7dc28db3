"""W-T2s: a sufficient condition for a gain that certifies more than Theorem 2."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from paper_checks.claims.theorem_2.pair import Design, build, latent_shapes, whole
from paper_checks.judge.check import Check
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, extreme, failure_rate
from paper_checks.judge.statement import Statement
from paper_checks.judge.stress import Effort, Stress, stress
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from theory.linear import two_task_optimum
from theory.linear.gain_certificate import GainCertificate, gain_certificate
from theory.tasks import TaskStatistics

SOURCE = "derived here (theory.linear.gain_certificate)"
DIMENSION = 10
# Of ‖X_2θ_2‖ and the error alone: the error is the root of a sum of squares that may
# cancel, so that it is good to √ε and no better.
ROUNDING = 1e-6
# Largest m_1, in powers of e above d.
MOST_ROWS = 12.0

Bound = Callable[[Array, Array, Array, Array], GainCertificate]
# A_2/A_1 that are tried, in units of the ratio of the tasks' own solutions.
RATIOS = np.concatenate([[0.0], np.geomspace(1 / 8, 8, 9), -np.geomspace(1 / 8, 8, 9)])
TURN = "the turn of B* counted"


class Shared(NamedTuple):
    """Two tasks, and the weight of the target in the bound on the turn of `B*`.

    That weight is 1. Without it the target's pull on `B*` is left out: a mutant, by
    which the test shows that it would see a bound that is wrong.
    """

    design: Design
    turn: Float[Array, ""]


class Sides(NamedTuple):
    """One draw: errors measured, and their bounds."""

    shared: Float[Array, ""]  # ‖X_2(B*A_2 − θ_2)‖
    bound: GainCertificate


def sides(design: Design, key: PRNGKeyArray) -> Sides:
    """Train both tasks on one draw of the source, and bound the target's error."""
    tasks = design.draw(key)
    optimum = two_task_optimum(tasks, jnp.ones(2), full_rank=True)
    apart = optimum.parameters[1] - design.parameter[1]
    shared = jnp.sqrt(apart @ tasks.gram[1] @ apart)
    bound = gain_certificate(tasks.gram, design.parameter, _errors(design, tasks))
    return Sides(shared, bound)


def _errors(design: Design, tasks: TaskStatistics) -> Float[Array, "2 d"]:
    source = jnp.linalg.solve(tasks.gram[0], tasks.moment[0]) - design.parameter[0]
    return jnp.stack([source, design.noise_target / design.target])


def worst_error(
    tasks: TaskStatistics, parameter: Float[Array, " d"]
) -> Float[Array, ""]:
    """Largest `‖X_2(bA_2 − θ_2)‖` of modules that are as good for both as `θ̂_1`.

    The bound speaks of all of these, `B*` among them. They are looked for among
    `b = (G_1 + x²G_2)⁻¹(g_1 + xg_2)`, the best module for heads of ratio `x`: `θ̂_1` at
    0, and `B*` at the best ratio. No search for `B*` is compiled, and its derivative
    is that at a fixed `x`.
    """

    def module(tasks: TaskStatistics, x: Array) -> Array:
        (one, other), (first, second) = tasks.gram, tasks.moment
        return jnp.linalg.solve(one + x**2 * other, first + x * second)

    def explained(tasks: TaskStatistics, b: Array) -> Array:
        size = jnp.sum((tasks.gram @ b) * b, axis=1)
        return jnp.sum((tasks.moment @ b) ** 2 / size)

    def error(tasks: TaskStatistics, b: Array) -> Array:
        gram = tasks.gram[1]
        apart = (tasks.moment[1] @ b) / (b @ gram @ b) * b - parameter
        return jnp.sqrt(apart @ gram @ apart)

    fixed = lax.stop_gradient(tasks)
    alone = jnp.linalg.solve(fixed.gram, fixed.moment[:, :, None])[:, :, 0]
    size = jnp.sum((alone @ fixed.gram[1]) * alone, axis=1)
    ratios = jnp.sqrt(size[1] / size[0]) * RATIOS
    modules = jax.vmap(partial(module, fixed))(ratios)
    good = jax.vmap(partial(explained, fixed))(modules)
    far = jax.vmap(partial(error, fixed))(modules)
    # The first is that of θ̂_1; its own rounding is no reason to leave it out.
    worst = jnp.argmax(jnp.where(good >= (1 - 1e-12) * good[0], far, -jnp.inf))
    return error(tasks, module(tasks, lax.stop_gradient(ratios[worst])))


def sharper_gain(
    dimension: int = DIMENSION, *, bound: Bound = gain_certificate
) -> Statement[Shared]:
    """The bound of `gain_certificate` on the target's prediction error.

    Given the draw it always holds, of every module as good as `θ̂_1`; the key chooses
    the draw.
    """

    def conclude(shared: Shared, key: PRNGKeyArray) -> Check:
        design = shared.design
        tasks = design.draw(key)
        weights = jnp.stack([jnp.ones(()), shared.turn])
        found = bound(tasks.gram, design.parameter, _errors(design, tasks), weights)
        return Check(
            lhs=worst_error(tasks, design.parameter[1]),
            rhs=found.error,
            tolerance=ROUNDING * (design.signal + found.alone),
            relation="<=",
            source=SOURCE,
        )

    def build(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> Shared:
        return Shared(_design(latent), jnp.where(dropped == 1, 1e-12, 1.0))

    return Statement(
        name="W-T2s",
        source=SOURCE,
        version=2,
        latent=latent_shapes(dimension),
        hypotheses=("m_1 above d", TURN),
        build=build,
        margins=lambda shared: (
            shared.design.samples - (len(shared.design.target) + 1),
            shared.turn - 0.5,
        ),
        conclude=conclude,
        baseline=lambda shared: jnp.linalg.norm(shared.design.noise_target),
    )


def _design(latent: Mapping[str, Array]) -> Design:
    """Theorem 2's target and source, at any angle and with any number of rows."""
    design, free = build(latent), latent["scalars"]
    d = len(design.target)
    first = design.parameter[0] / jnp.linalg.norm(design.parameter[0])
    other = latent["parameter"][1] + 1e-3 * jnp.eye(2, d)[1]
    across = other - (other @ first) * first
    # Half of the angles are below 0.1, where sharing may help.
    angle = jnp.pi / 2 * jax.nn.sigmoid(2 * free[1] - 2.5)
    second = jnp.cos(angle) * first + jnp.sin(angle) * across / jnp.linalg.norm(across)
    second = second * design.signal / jnp.linalg.norm(design.target * second)
    more = jnp.exp(MOST_ROWS * jax.nn.sigmoid(free[6]))
    return design._replace(
        parameter=design.parameter.at[1].set(second), samples=whole(d + more)
    )


def find(settings: Settings) -> Finding:
    """Attack the bound, and count what it certifies beside Theorem 2."""
    key = jax.random.key(settings.seed)
    effort = (
        Effort(instances=8_192, starts=16, steps=40, examples=0)
        if settings.profile == "quick"
        else Effort(instances=1_000_000, examples=0)
    )
    statement = sharper_gain()
    found = stress(
        statement,
        key,
        effort,
        folder=settings.results / "worst_instances",
        drop=(TURN,),
    )
    keys = jax.random.split(key, settings.scaled(2_000, 20_000))
    counts = {name: int(n) for name, n in _regions(statement, keys)._asdict().items()}
    return _finding(settings, found, counts, len(keys))


class Regions(NamedTuple):
    """Draws on which sharing helps, and on which it is known to."""

    helps: Int[Array, ""]
    sharper: Int[Array, ""]
    theorem_2: Int[Array, ""]
    theorem_2_only: Int[Array, ""]


def _regions(statement: Statement[Shared], keys: Key[Array, " n"]) -> Regions:
    """Count them, in the norm of Theorem 2, that of the parameters.

    Theorem 2 is given its most: its bound at `c = κ(X_2) sin(θ_1, θ_2)`, whether there
    are rows enough or not.
    """

    @jax.jit
    @jax.vmap
    def one(key: PRNGKeyArray) -> Regions:
        first, second = jax.random.split(key)
        design = _design(statement.draw_latent(first))
        tight = design._replace(c=design.condition_target * design.sine)
        found = sides(tight, second)
        theirs = (tight.c < 1 / 3) & (tight.right_side < tight.alone)
        ours = found.bound.parameter_certified
        return Regions(found.shared < found.bound.alone, ours, theirs, theirs & ~ours)

    return jax.tree.map(jnp.sum, one(keys))


def _finding(
    settings: Settings,
    found: Stress,
    counts: dict[str, int],
    draws: int,
) -> Finding:
    controls = (
        Control(
            dropped=f"{TURN} (a mutant)",
            noticed=int(found.needed[TURN] is not None),
            instances=1,
        ),
    )
    names = {
        "helps": "sharing helps the target's prediction",
        "sharper": "a nearer parameter is certified here",
        "theorem_2": "Theorem 2's right side is below the target alone",
        "theorem_2_only": "by Theorem 2 and not here",
    }
    return Finding(
        claim="W-T2s",
        statement="||X_2(B*A_2 - theta_2)|| is at most the bound of gain_certificate, "
        "which certifies a gain where Theorem 2 cannot.",
        source=SOURCE,
        verdict=judge(
            not found.refuted
            and counts["sharper"] > counts["theorem_2"] + counts["theorem_2_only"],
            controls,
        ),
        reason=(
            f"no instance breaks the bound (tightest {found.tightness:.3g}), for any "
            f"module as good as theta_1's; of {draws} draws sharing helps on "
            f"{counts['helps']}, a nearer parameter is certified on "
            f"{counts['sharper']}, by Theorem 2 on {counts['theorem_2']}, and on "
            f"{counts['theorem_2_only']} by Theorem 2 alone"
        ),
        measurements=(
            Measurement(
                quantity="instances that break it",
                value=found.failure.value,
                low=found.failure.low,
                high=found.failure.high,
                interval=found.failure.interval,
                n=found.failure.n,
            ),
            extreme("largest lhs/rhs found", [found.tightness]),
            *(failure_rate(names[name], n, draws) for name, n in counts.items()),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=found.attack,
    )
