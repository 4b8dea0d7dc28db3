"""R-L2-1: the best penalty of soft sharing among many tasks falls with their number.

For `b_i = b_0 + N(0, (μ²/p)I)` with any `b_0`, the mode given the labels minimises
`½ Σ‖X_iw_i − y_i‖² + (σ²p/2μ²) tr(WΠWᵀ)`. Soft sharing has `(λ/2) tr(WLWᵀ)` with
`L = kΠ`, so it is that mode at `λ = σ²p/(kμ²)`. The mode is linear, unbiased in `b_0`,
and the mean, so no other `λ` has a lower risk, on any rows.
"""

from paper_checks.judge import Claim, Draws, Route
from paper_checks.studies import tied_tasks


def without(check, change=lambda tied: tied, **wrong):
    return lambda keys: check(change(tied_tasks.drawn(keys)), keys, **wrong)


CLAIM = Claim(
    id="R-L2-1",
    title="The best penalty of soft sharing is s^2 p/(k mu^2) for k tasks",
    source="R-L2-1 (derived here; Ruder 1706.05098, soft parameter sharing)",
    statement="For k tasks b_i = b_0 + N(0, (mu^2/p) I) and noise of variance "
    "sigma^2 the penalty of soft sharing with the least risk is sigma^2 p/(k mu^2), "
    "whatever the X_i.",
    tex=r"\lambda^* = \frac{\sigma^2 p}{k \mu^2}",
    draws=Draws(
        draw=tied_tasks.drawn,
        count=(100, 2000),
        routes=(
            Route(tied_tasks.least, "most that the stated risk is above another's"),
            Route(tied_tasks.level, "largest slope of log risk in log penalty"),
        ),
        without={
            "one noise for all tasks": without(tied_tasks.level, tied_tasks.louder),
            "differences alike in all directions": without(
                tied_tasks.level, tied_tasks.uneven
            ),
            "the k (a penalty for two tasks)": without(tied_tasks.least, factor=2.0),
        },
    ),
)
