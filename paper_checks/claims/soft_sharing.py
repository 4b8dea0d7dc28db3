"""M-SS: one penalty is the best of soft sharing, whatever the rows.

`b̂(λ)` minimises `‖X_1(b + z) − y_1‖² + ‖X_2b − y_2‖² + λ‖z‖²`. At `λ = σ²p/(2μ²)` it
is generalised least squares for `b_2`, and every `b̂(λ)` is linear and unbiased, so by
Gauss and Markov none has a lower risk.
"""

import jax.numpy as jnp
import numpy as np

from paper_checks.judge import (
    Check,
    Control,
    Evidence,
    StudyClaim,
    extreme,
    mean_with_interval,
    share_broken,
)
from paper_checks.studies.penalties import DIMENSION, draw
from theory.risk import best_penalty

# n_1, n_2: a source below p, one below the target, one far above.
SIZES = ((3, 14), (9, 20), (60, 10))
DRAWS = 200


def stated(pair):  # σ²p/(2μ²), of the target's noise and the mean shift
    return float(best_penalty(DIMENSION, pair.noise[1], np.mean(pair.shift)))


def check(pairs, factor=1.0):  # log λ; a factor other than 1 is a mutant
    found, tolerance = np.transpose([one.search(stated(one)) for one in pairs])
    told = np.log([factor * stated(one) for one in pairs])
    return Check(jnp.asarray(found), jnp.asarray(told), jnp.asarray(tolerance), "==")


def drawn(settings):  # pairs as stated, and those that violate either hypothesis
    rng, each = np.random.default_rng(settings.seed), settings.scaled(8, 200)
    return rng, *(
        [draw(rng, sizes, dropped) for sizes in SIZES for _ in range(each)]
        for dropped in ("", "noise", "directions")
    )


def judged(data):
    rng, pairs, noise, directions = data
    held = check(pairs)
    ratios = [one.drawn_risks(rng, stated(one), DRAWS) for one in pairs]
    broken = share_broken("pairs with another best penalty", ~held.holds)
    gap = extreme("largest |best/stated - 1|", np.exp(held.apart) - 1)
    cost = mean_with_interval(
        "what 10 or 1/10 times it costs, in risks",
        [one.excess(stated(one), (0.1, 10.0)) for one in pairs],
    )
    risk = mean_with_interval("squared error of draws over the mean risk", ratios)
    without = {
        "one noise for both tasks (the source's is nine times)": check(noise),
        "differences alike in all directions": check(directions),
        "the 2 of 2 mu^2 (a penalty twice as large)": check(pairs, factor=2.0),
    }
    return Evidence(
        holds=broken.count == 0,
        deciding=broken,
        named={"broken": broken, "gap": gap, "cost": cost, "risk": risk},
        measurements=(broken, gap, cost, risk),
        controls=tuple(Control.among(name, ~c.holds) for name, c in without.items()),
    )


CLAIM = StudyClaim(
    id="M-SS",
    title="One penalty is the best of soft sharing, whatever the rows",
    source='M-SS (docs/mathematics.md, "Soft sharing")',
    statement="For b_i = b_0 + N(0, (mu^2/p) I) the penalty with the least risk of "
    "soft sharing is sigma^2 p/(2 mu^2), for every n_1, n_2, Sigma_1 and Sigma_2.",
    tex=r"\lambda^* = \frac{\sigma^2 p}{2\mu^2}",
    headline="A search finds the stated penalty, to {gap:.1g}, on {broken.rest} of "
    "{broken.n} pairs of tasks",
    details=(
        "The risk is the mean given the rows, of covariances that do not commute.",
        "A tenth or ten times of the penalty costs {cost:.0%} of the risk in the mean.",
        "Squared errors on drawn labels are {risk:.3f} times that risk in the mean.",
    ),
    caveats=(
        "It needs one noise for both tasks, and differences alike in all directions.",
    ),
    study=drawn,
    judged=judged,
)
