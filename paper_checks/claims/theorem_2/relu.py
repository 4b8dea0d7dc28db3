"""W-T2r: Theorem 2 for a ReLU module, whose order is checked and not its constant."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.claims.theorem_2.bound import (
    ADDED,
    FAILURE,
    MET,
    PRINTED,
    ROUNDING,
    USEFUL,
)
from paper_checks.claims.theorem_2.pair import SMALLEST_C
from paper_checks.claims.theorem_2.relu_pair import ReluDesign, build, latent_shapes
from paper_checks.judge.ascent import by_ascent
from paper_checks.judge.check import Check
from paper_checks.judge.finding import Attack, Finding
from paper_checks.judge.instance_file import save
from paper_checks.judge.measurement import extreme, mean_with_interval
from paper_checks.judge.search import BATCH, Seen, Worst, look, normal_latents
from paper_checks.judge.statement import Statement
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings

SOURCE = "W-T2r (Theorem 2 with ReLU)"
DIMENSION = 6
# Instances on which the order in c is measured, and these c.
ORDERED = 100
LADDER = (0.0503, 0.08, 0.126, 0.2, 0.33)
# A left side of order c falls as c¹ or faster. Without noise it is c times a smooth
# function of c: its bend moves a slope by some 0.01, and √c or c^¾ is far below.
ORDER = 0.9


def conclude(design: ReluDesign, key: PRNGKeyArray) -> Check:
    """`‖B*A_2* − θ_2‖/‖θ_2‖ ≤ 6c + ‖ε_2‖/‖ReLU(X_2θ_2)‖/(1 − 3c)`."""
    right = design.right_side
    return Check(
        lhs=design.error(design.together(key)),
        rhs=right,
        tolerance=ROUNDING * jnp.abs(right),
        relation="<=",
        source=SOURCE,
    )


def margins(design: ReluDesign) -> tuple[Float[Array, ""], ...]:
    """Those of the linear theorem, and two that a ReLU needs."""
    d = len(design.singular)
    slack = design.c - design.condition_target * design.sine
    return (
        design.cosine,
        slack + MET,
        1 / 3 - design.c,
        jnp.log(design.samples / design.enough) + MET,
        design.strength - design.noise_source,
        jnp.log(design.energy / (d * design.strength**2)),
        design.seen - 1 / 2,
    )


def theorem_2_relu(dimension: int = DIMENSION) -> Statement[ReluDesign]:
    """Theorem 2 with ReLU, the linear constants, and what it needs beside them."""
    return Statement(
        name="W-T2r",
        source=SOURCE,
        version=1,
        latent=latent_shapes(dimension),
        hypotheses=(
            "θ_1ᵀθ_2 above 0",
            *PRINTED,
            *ADDED,
            "half of the target's signal seen",
        ),
        build=build,
        margins=margins,
        conclude=conclude,
        failure=FAILURE,
        baseline=lambda design: design.error(design.alone()),
    )


def slopes_in_c(
    statement: Statement[Any], seed: int, key: Key[Array, ""]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n c"]]:
    """Slopes of `log lhs` in `log c` on instances without target noise, and `lhs/c`.

    All else but `c` stays as it is: `sin(θ_1, θ_2)` is a share of `c/κ(X_2)`, and `m_1`
    a multiple of what is asked for, `∝ c⁻⁴`.
    """
    base = normal_latents(statement, seed, ORDERED)
    latent = {name: np.repeat(v, len(LADDER), axis=0) for name, v in base.items()}
    share = np.log(np.array(LADDER) / SMALLEST_C) / np.log(1 / 3 / SMALLEST_C)
    latent["scalars"][:, 0] = np.tile(np.log(share / (1 - share)), ORDERED)
    latent["noise_target"][:] = 0
    found = look(statement, latent, key)
    # Without noise the right side is 6c.
    ratio = 6 * np.asarray(found.outcome.ratio).reshape(ORDERED, len(LADDER))
    x = np.log(LADDER)
    slopes = 1 + np.polyfit(x, np.log(ratio).T, 1)[0]
    met = found.feasible.reshape(ratio.shape).all(axis=1)
    return slopes[met], ratio[met]


def find(settings: Settings) -> Finding:
    """Look for instances that break it, with and without each hypothesis."""
    statement = theorem_2_relu()
    count = settings.scaled(8 * BATCH, 64 * BATCH)
    key = jax.random.key(settings.seed)
    seen = look(statement, normal_latents(statement, settings.seed, count), key)
    without = {
        name: look(
            statement,
            normal_latents(statement, settings.seed + 1 + place, BATCH),
            jax.random.fold_in(key, place),
            dropped=name,
        )
        for place, name in enumerate(statement.hypotheses)
    }
    worst = seen.worst()
    if settings.profile == "full":
        climbed = by_ascent(statement, key, starts=64, steps=100).worst
        worst = max(worst, climbed or worst, key=lambda met: met.ratio)
    place = save(
        settings.results / "worst_instances" / f"{statement.name}.npz", statement, worst
    )
    slopes = slopes_in_c(statement, settings.seed, key)
    return _finding(settings, seen, without, slopes, worst, place.name)


def _finding(
    settings: Settings,
    seen: Seen,
    without: dict[str, Seen],
    ordered: tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n c"]],
    worst: Worst,
    place: str,
) -> Finding:
    failure = seen.rate(f"failures with the linear constants, allowed {FAILURE:g}")
    useful = seen.rate("right side below the target alone", "useful")
    order = mean_with_interval("slope of log lhs in log c, no target noise", ordered[0])
    rates = {
        name: found.rate(f"failures without '{name}'")
        for name, found in without.items()
    }
    needed = tuple(name for name, rate in rates.items() if rate.low > FAILURE)
    controls = tuple(
        Control(dropped=name, noticed=int(name in needed), instances=1)
        for name in without
    )
    verdict = judge(failure.low <= FAILURE and order.low > ORDER, controls)
    if verdict is Verdict.HOLDS and useful.high < USEFUL:
        verdict = Verdict.VACUOUS
    loud = rates[ADDED[0]]
    return Finding(
        claim="W-T2r",
        statement="One ReLU unit, Gaussian source rows: ||B*A_2* - theta_2||/"
        "||theta_2|| is of the order of c + ||eps_2||/||ReLU(X_2 theta_2)|| once m_1 "
        "is of the order of kappa(Sigma_1)^2 kappa(X_2)^4 ||y_2||^2/c^4.",
        source=SOURCE,
        verdict=verdict,
        reason=(
            f"without target noise the left side goes as c^{order.value:.3g} and is "
            f"{np.max(ordered[1]):.2g} c at most; of the right side with the linear "
            f"theorem's constants {worst.ratio:.2g} is used at most. It needs, beside "
            "what W-T2h needs, an angle below 90 degrees (sin(theta_1, theta_2) does "
            "not see that a ReLU of -theta_1 is another function) and a target half of "
            "whose signal the unit lets through. It certifies a gain on "
            f"{100 * useful.value:.2g} % of random instances; with loud sources it "
            f"fails on {100 * loud.value:.3g} %"
        ),
        measurements=(
            failure,
            useful,
            order,
            extreme("largest lhs/c without target noise", ordered[1]),
            extreme("largest lhs/rhs found", [worst.ratio]),
            *rates.values(),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
        attack=Attack(
            tightness=worst.ratio,
            worst=place,
            needed=needed,
            not_needed=tuple(name for name in without if name not in needed),
        ),
    )
