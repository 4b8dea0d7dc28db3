"""Solvers by the names that specs and command lines call them."""

from collections.abc import Sequence

from simulations.training import (
    LBFGS,
    Adam,
    GradientDescent,
    LevenbergMarquardt,
    Solver,
)

# Each with its default settings and budget.
SOLVERS: dict[str, Solver] = {
    "gradient-descent": GradientDescent(),
    "adam": Adam(),
    "l-bfgs": LBFGS(),
    "levenberg-marquardt": LevenbergMarquardt(),
}
# Of the codes of `simulations.training.Status`.
ENDS = "how a start ended: 0 converged, 1 out of steps, 2 diverged, 3 dead, 4 stalled"


def check_solvers(names: Sequence[str]) -> None:
    """Refuse a choice of solvers that cannot be run.

    Raises:
        ValueError: None, one twice, or a name that is not in `SOLVERS`.
    """
    if not names or len(set(names)) < len(names) or set(names) - set(SOLVERS):
        raise ValueError(
            f"solvers must be one or more of {', '.join(SOLVERS)}, each once, got "
            f"{tuple(names)}"
        )
