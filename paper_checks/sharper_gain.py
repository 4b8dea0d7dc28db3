"""W-T2s: a sufficient condition for a gain that certifies more than Theorem 2."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray

from paper_checks.check import Check
from paper_checks.search import at_random
from paper_checks.settings import Settings
from paper_checks.statement import Statement
from paper_checks.stress import Effort, Stress, stress
from paper_checks.theorem_2_instances import Design, build, latent_shapes, whole
from paper_checks.verdict import (
    Control,
    Finding,
    Measurement,
    extreme,
    failure_rate,
    judge,
)
from theory.linear import two_task_optimum
from theory.linear.gain_certificate import GainCertificate, gain_certificate
from theory.tasks import TaskStatistics

SOURCE = "derived here (theory.linear.gain_certificate)"
DIMENSION = 10
# Of ‖X_2θ_2‖: parameters of the optimum are good to the root of its certificate.
ROUNDING = 1e-6
# Largest m_1, in powers of e above d.
MOST_ROWS = 12.0

Bound = Callable[[Array, Array, Array], GainCertificate]


class Sides(NamedTuple):
    """One draw: errors measured, and their bounds."""

    shared: Float[Array, ""]  # ‖X_2(B*A_2 − θ_2)‖
    bound: GainCertificate
    scale: Float[Array, ""]  # ‖X_2θ_2‖


def sides(design: Design, key: PRNGKeyArray, bound: Bound = gain_certificate) -> Sides:
    """Train both tasks on one draw of the source, and bound the target's error."""
    tasks = design.draw(key)
    optimum = two_task_optimum(tasks, jnp.ones(2), full_rank=True)
    apart = optimum.parameters[1] - design.parameter[1]
    shared = jnp.sqrt(apart @ tasks.gram[1] @ apart)
    return Sides(
        shared,
        bound(tasks.gram, design.parameter, _errors(design, tasks)),
        design.signal,
    )


def _errors(design: Design, tasks: TaskStatistics) -> Float[Array, "2 d"]:
    source = jnp.linalg.solve(tasks.gram[0], tasks.moment[0]) - design.parameter[0]
    return jnp.stack([source, design.noise_target / design.target])


def sharper_gain(
    dimension: int = DIMENSION, *, bound: Bound = gain_certificate
) -> Statement[Design]:
    """The bound of `gain_certificate` on the target's prediction error.

    Given the draw it always holds; the key chooses the draw.
    """

    def conclude(design: Design, key: PRNGKeyArray) -> Check:
        found = sides(design, key, bound)
        return Check(
            lhs=found.shared,
            rhs=found.bound.error,
            tolerance=ROUNDING * (found.scale + found.bound.alone),
            relation="<=",
            source=SOURCE,
        )

    return Statement(
        name="W-T2s",
        source=SOURCE,
        version=1,
        latent=latent_shapes(dimension),
        hypotheses=("m_1 above d",),
        build=_design,
        margins=lambda design: (design.samples - (len(design.target) + 1),),
        conclude=conclude,
        baseline=lambda design: jnp.linalg.norm(design.noise_target),
    )


def _design(latent: Mapping[str, Array], dropped: Int[Array, ""]) -> Design:
    """Theorem 2's target and source, at any angle and with any number of rows."""
    del dropped
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
        Effort(instances=8_192, starts=32, steps=40, examples=0)
        if settings.profile == "quick"
        else Effort(instances=1_000_000, examples=0)
    )
    statement = sharper_gain()
    found = stress(
        statement,
        key,
        effort,
        folder=settings.results / "worst_instances",
        drop=(),
    )
    wrong = at_random(sharper_gain(bound=half_the_turn), key, effort.instances_dropped)
    keys = jax.random.split(key, settings.scaled(2_000, 20_000))
    counts = {name: int(n) for name, n in _regions(statement, keys)._asdict().items()}
    return _finding(settings, found, wrong.broken, wrong.feasible, counts, len(keys))


def half_the_turn(
    gram: Float[Array, "2 d d"],
    parameter: Float[Array, "2 d"],
    error: Float[Array, "2 d"],
) -> GainCertificate:
    """A mutant: the bound without the turn of `B*` that the target brings about."""
    return gain_certificate(gram, parameter, error, jnp.array([1.0, 1e-12]))


class Regions(NamedTuple):
    """Draws on which sharing helps, and on which it is known to."""

    helps: Int[Array, ""]
    sharper: Int[Array, ""]
    theorem_2: Int[Array, ""]
    theorem_2_only: Int[Array, ""]


def _regions(statement: Statement[Design], keys: Key[Array, " n"]) -> Regions:
    """Count them, in the norm of Theorem 2, that of the parameters.

    Theorem 2 is given its most: its bound at `c = κ(X_2) sin(θ_1, θ_2)`, whether there
    are rows enough or not.
    """

    @jax.jit
    @jax.vmap
    def one(key: PRNGKeyArray) -> Regions:
        first, second = jax.random.split(key)
        design = _design(statement.draw_latent(first), jnp.asarray(-1))
        tight = design._replace(c=design.condition_target * design.sine)
        found = sides(tight, second)
        theirs = (tight.c < 1 / 3) & (tight.right_side < tight.alone)
        ours = found.bound.parameter_certified
        return Regions(found.shared < found.bound.alone, ours, theirs, theirs & ~ours)

    return jax.tree.map(jnp.sum, one(keys))


def _finding(
    settings: Settings,
    found: Stress,
    noticed: int,
    tried: int,
    counts: dict[str, int],
    draws: int,
) -> Finding:
    controls = (
        Control(
            dropped="the turn of B* that the target brings about (a mutant)",
            noticed=int(noticed > 0),
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
            f"no instance breaks the bound (tightest {found.tightness:.3g}; its mutant "
            f"breaks on {noticed} of {tried}); of {draws} draws sharing helps on "
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
