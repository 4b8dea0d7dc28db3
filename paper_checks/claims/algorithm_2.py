"""W-A2: weights from a singular value decomposition against label noise.

What the weights gain without noise is no matter of noise: a gain is judged beside what
it is beyond that, on the same draws. A reading fails if it is worse somewhere, beyond
its interval. It holds if at the paper's share of random labels it is better, and by
more than without noise. Else uniform weights, or clean labels, do the same: vacuous.
"""

from functools import partial

import xarray as xr

from paper_checks.judge import Control, Evidence, Family, StudyClaim, Verdict, decides
from paper_checks.studies.linear_benchmarks import Study, data_named, studies
from paper_checks.studies.simulated import FOR_CLAIMS
from paper_checks.studies.weight_gains import (
    AXES,
    PRINTED,
    SCALING,
    STANDARDISED,
    Gains,
    Weighting,
    on_real_sets,
    without_noise,
)

SHARE = 0.2  # of labels that the paper randomises
KINDS = {"random": "random labels", "added": "additive noise"}


def judged(
    found: tuple[xr.Dataset, dict[str, Study]], weighting: Weighting
) -> Evidence:
    sweep, studied = found
    sets = {name: s["label_noise"] for name, s in studied.items() if "label_noise" in s}
    # Being worse in any one of these comparisons decides the verdict.
    count = 2 * sum(int((sweep[axis] > 0).sum()) for axis in AXES) + len(sets)
    random, added = (Gains.along(sweep, weighting, axis, count) for axis in AXES)
    real = on_real_sets(sets, weighting, count)
    every = Family((*sum(random, ()), *sum(added, ()), *real))
    quiet, halves = without_noise(sweep, weighting, count)
    paper = sweep.share.values[sweep.share.values > 0].tolist().index(SHARE)
    gain, extra = (one[paper] for one in random)
    weakest = min(gain, extra, key=lambda one: one.low)
    # At the paper's share if it is worse there, else where it is so most clearly.
    worst = gain if gain.high < 0 else min(every, key=lambda one: one.high)
    left_out = ", ".join(name for name in studied if name not in sets)
    return Evidence(
        holds=every.below == 0,
        useful=weakest.low > 0,
        deciding=decides(worst if every.below else weakest),
        named={
            **{"random": random, "added": added, "real": real, "every": every},
            **{"quiet": quiet[0], "gain": gain, "extra": extra},
            **{"noisy": int(sweep.corrupted.sum()), "tasks": sweep.sizes["task"]},
        },
        measurements=(*quiet, *every),
        controls=controls(sweep, halves, count),
        data=data_named(studied),
        caveats=(f"Left out of the real sets: {left_out}.",) if left_out else (),
    )


def controls(sweep: xr.Dataset, halves: Family, count: int) -> tuple[Control, ...]:
    """An effect that must be seen, and draws without noise, where none may be."""
    scaling = Gains.along(sweep, SCALING, "loudness", count)
    loudest = float(sweep.loudness.values[-1])
    return (
        Control.once(
            f"labels of one size (noise of {loudest:g} label sd on some tasks; scaling "
            "their labels must then help, more than without noise)",
            all(one[-1].low > 0 for one in scaling),
        ),
        Control.once(
            "noise in the labels (half of the draws without it against the other half: "
            "no gain may be seen)",
            not halves.above,
        ),
    )


GAINED = (
    f"At {SHARE:.0%} random labels it gains {{gain}}, {{extra}} more than without noise"
)
CLAIMS = tuple(
    StudyClaim(
        id=number,
        title=f"Algorithm 2's weights resist label noise, {name}",
        source="W-A2 (Algorithm 2)",
        statement=f"Algorithm 2 {name}: weights |theta_i' U_r| make training more "
        f"robust to label noise ({SHARE:.0%} random labels on some tasks).",
        headline={
            Verdict.FAILS: f"At {SHARE:.0%} random labels it gains {{gain.value:+.3f}} "
            "over uniform weights; without noise {quiet.value:+.3f}",
            Verdict.HOLDS: GAINED,
            Verdict.VACUOUS: GAINED,
        },
        details=(
            "The gain is that of clean tasks over uniform weights on the same labels; "
            "{noisy} of {tasks} tasks are noisy.",
            "Of {every.n} comparisons it is worse in {every.below}, better in "
            "{every.above}; what it loses without noise is no matter of robustness.",
            "Without any noise it gains {quiet}.",
            *(
                f"Of {{{name}.over_uniform.n}} levels of {kind} it is better at "
                f"{{{name}.over_uniform.above}} and worse at "
                f"{{{name}.over_uniform.below}}; beyond the gain without noise it is "
                f"at {{{name}.beyond_quiet.above}} and {{{name}.beyond_quiet.below}}."
                for name, kind in KINDS.items()
            ),
            GAINED + ".",
            f"Of {{real.n}} real sets with {SHARE:.0%} random labels on one task it is "
            "better on {real.above} and worse on {real.below}.",
        ),
        repairs=repairs,
        study=lambda s: (FOR_CLAIMS["weights"](s), studies(s, lambda _: None)),
        judged=partial(judged, weighting=weighting),
    )
    for number, name, weighting, repairs in (
        ("W-A2", "as printed", PRINTED, ()),
        ("W-A2s", "on labels of unit energy", STANDARDISED, ("W-A2",)),
    )
)
