"""W-T2s: a sufficient condition for a gain that certifies more than Theorem 2.

The bound is that of `theory.linear.gain_certificate`. Given the draw it always holds,
of every module that is as good for both tasks as `θ̂_1`, `B*` among them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from paper_checks.claims.theorem_2 import pair
from paper_checks.claims.theorem_2.worst_module import worst_error
from paper_checks.judge import (
    Claim,
    Effort,
    Evidence,
    Formula,
    Settings,
    Sides,
    failure_rate,
)
from paper_checks.studies.theorem_2_regions import regions
from theory.linear.gain_certificate import gain_certificate

DIMENSION = 10
# Of ‖X_2θ_2‖ and the error alone: the error is the root of a sum of squares that may
# cancel, so that it is good to √ε and no better.
ROUNDING = 1e-6
# Largest m_1, in powers of e above d.
MOST_ROWS = 12.0
TURN = "the turn of B* counted"
REGIONS = {
    "helps": "sharing helps the target's prediction",
    "sharper": "a nearer parameter is certified here",
    "theorem_2": "Theorem 2's right side is below the target alone",
    "theorem_2_only": "by Theorem 2 and not here",
}


class Shared(NamedTuple):
    """Two tasks, and the weight of the target in the bound on the turn of `B*`.

    That weight is 1; without it the target's pull on `B*` is left out.
    """

    design: pair.Design
    turn: Float[Array, ""]


def any_angle(z) -> pair.Design:
    """Theorem 2's target and source, at any angle and with any number of rows."""
    design, free = pair.build(z), z["scalars"]
    # Half of the angles are below 0.1, where sharing may help.
    angle = jnp.pi / 2 * jax.nn.sigmoid(2 * free[1] - 2.5)
    side, size = pair.other_side(z), design.signal
    turned = design.turned(side, jnp.cos(angle), jnp.sin(angle), size)
    more = jnp.exp(MOST_ROWS * jax.nn.sigmoid(free[6]))
    return turned.but(samples=pair.whole(len(side) + more))


def margins(p):
    return p.design.samples - (len(p.design.singular) + 1), p.turn - 0.5


def sides(p, says, key):
    tasks, theta = p.design.draw(key), p.design.parameter
    weights = jnp.stack([jnp.ones(()), p.turn])
    found = says(tasks.gram, theta, p.design.errors(tasks), weights)
    tolerance = ROUNDING * (p.design.signal + found.alone)
    return Sides(worst_error(tasks, theta[1]), found.error, tolerance)


def certified(settings: Settings) -> Evidence:
    """Count draws on which sharing helps and is known to, in the norm of Theorem 2.

    Theorem 2 is given its most: its bound at `c = κ(X_2) sin(θ_1, θ_2)`, whether there
    are rows enough or not.
    """

    @jax.jit
    @jax.vmap
    def one(key):
        first, second = jax.random.split(key)
        design = any_angle(CLAIM.attacked.draw_latent(first))
        tight = design.but(c=design.condition_target * design.sine)
        found = regions(tight, second)
        theirs = (tight.c < 1 / 3) & (tight.right_side < tight.alone)
        only = theirs & ~found.sharper
        return jnp.stack([found.helps_prediction, found.sharper, theirs, only])

    draws = settings.scaled(2_000, 20_000)
    seen = one(jax.random.split(jax.random.key(settings.seed), draws)).sum(axis=0)
    rates = {
        name: failure_rate(text, int(count), draws)
        for (name, text), count in zip(REGIONS.items(), seen, strict=True)
    }
    only = rates["theorem_2_only"].count
    more = rates["sharper"].count > rates["theorem_2"].count + only
    return Evidence(holds=more, named=rates, measurements=tuple(rates.values()))


CLAIM = Claim(
    id="W-T2s",
    title="A sharper bound certifies gains that Theorem 2 cannot",
    source="derived here (theory.linear.gain_certificate)",
    statement="||X_2(B*A_2 - theta_2)|| is at most the bound of gain_certificate, "
    "which certifies a gain where Theorem 2 cannot.",
    headline="It certifies a nearer parameter on {sharper.count} of {sharper.n} draws, "
    "Theorem 2 on {theorem_2.count}",
    details=(
        "Sharing helps the target's prediction on {helps.count} of {helps.n} draws.",
        "Theorem 2 certifies {theorem_2_only.count} draws that this bound does not.",
        "The bound is attacked for every module that is as good as theta_1's.",
    ),
    formula=Formula(
        latent=pair.latent_shapes(DIMENSION),
        build=lambda z: Shared(any_angle(z), jnp.ones(())),
        without={
            "m_1 above d": lambda p, z: p,
            TURN: lambda p, z: p._replace(turn=1e-12 * p.turn),
        },
        margins=margins,
        sides=sides,
        says=gain_certificate,
        version=2,
        drop=(TURN,),
        quick=Effort(instances=8_192, starts=16, steps=40, examples=0),
        full=Effort(instances=1_000_000, examples=0),
    ),
    extra=certified,
    repairs=("W-T2h",),
)
