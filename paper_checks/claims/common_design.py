"""M-CX: risk of tasks with one X at every width of the shared module.

The optimum of width `r` projects single-task solutions on the top `r` eigenvectors of
their Gram matrix. With those of `ΘᵀΘ` instead, of which `a_t` is column `t` of the
projector, bias and variance are as stated. That eigenvectors are estimated costs the
order of `1/n`, provided that there is a gap behind eigenvalue `r`.
"""

import numpy as np

from paper_checks.judge import (
    Control,
    Evidence,
    StudyClaim,
    extreme,
    listed,
    mean_with_interval,
    share_broken,
)
from paper_checks.studies.capacity_curves import check, curve

SIZES = ((16, 32), (64, 128), (256, 512))  # p, n: exact as both grow
SIGNALS, TIED = (9.0, 4.0, 1.0, 0.25), (9.0, 2.5, 2.5, 0.25)
WRONG = {  # variances, of which p/(n - p) and ‖a_t‖² are factors
    "p/(n - p) (p/n instead)": lambda one, p, n: one * (1 - p / n),
    "|a_t|^2 of each task (r/k instead)": lambda one, p, n: one.mean(2, keepdims=True),
}


def noticed(curves):  # levels of noise at which any risk is not as stated
    return np.any(~np.asarray(check(curves).holds), axis=(1, 2))


def drawn(settings):  # curves at three sizes, and at two with a tie
    counts = [settings.scaled(n, 20 * n) for n in (400, 200, 60)]
    sized = list(zip(SIZES, counts, strict=True))
    rng = np.random.default_rng(settings.seed)
    curves = [curve(rng, size, SIGNALS, n) for size, n in sized]
    return curves, [curve(rng, size, TIED, n) for size, n in sized[:2]]


def judged(data):  # widths of least risk, and risks, by level of noise
    (curves, tied), last = data, data[0][-1]
    wide, stated = (np.argmin(r.sum(2), 1) + 1.0 for r in (last.measured, last.stated))
    broken = share_broken("risks that are not as stated", ~check(curves).holds)
    others = share_broken("other best widths", wide != stated)
    order = mean_with_interval(
        "exponent of n in what is left out, a width below k",
        np.log(last.apart / curves[0].apart) / np.log(SIZES[-1][1] / SIZES[0][1]),
    )
    name = "largest |measured/stated - 1| of a mean over tasks, n = "
    sized = list(zip(curves, SIZES, strict=True))
    off = [extreme(f"{name}{n}", one.apart) for one, (_, n) in sized]
    mutants = {
        name: [one._replace(variance=wrong(one.variance, *size)) for one, size in sized]
        for name, wrong in WRONG.items()
    }
    mutants["a gap behind eigenvalue r (2 and 3 are equal)"] = tied
    named = {"broken": broken, "others": others, "order": order, "widths": listed(wide)}
    return Evidence(
        holds=broken.count == others.count == 0,
        deciding=broken,
        named=named | {"few": off[0], "many": off[-1]},
        measurements=(broken, others, order, *off),
        controls=tuple(Control.among(x, noticed(one)) for x, one in mutants.items()),
    )


CLAIM = StudyClaim(
    id="M-CX",
    title="With one X, the risk at every width follows from the top directions",
    source='M-CX (docs/mathematics.md, "Common design")',
    statement="Common X, k tasks, width r: the risk of task t is close to |Theta a_t - "
    "theta_t|^2 + sigma^2 |a_t|^2 p/(n-p), a_t column t of the projector on the top r "
    "eigenvectors of Theta'Theta.",
    tex=r"\text{risk}_t \approx \lVert\Theta a_t - \theta_t\rVert^2 "
    r"+ \sigma^2\lVert a_t\rVert^2\frac{p}{n-p}",
    headline="{broken.rest} of {broken.n} risks of tasks and widths are as stated, but "
    "for what falls with n",
    details=(
        "For growing noise the best widths are {widths}, which are the stated ones at "
        "{others.rest} of {others.n} levels.",
        "Means over tasks are off by up to {few:.0%} at n = 32, p = 16, and {many:.0%} "
        "at n = 512, p = 256.",
        "Between these, what is left out falls as n to the power {order}.",
    ),
    caveats=("With few rows and large r, most of a risk is that of the directions.",),
    study=drawn,
    judged=judged,
)
