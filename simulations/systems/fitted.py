"""What a system finds, and what a page on systems says of it."""

from typing import NamedTuple

from jaxtyping import Array, Float

from theory.penalised.result import PenalisedOptimum


class Fitted(NamedTuple):
    """Parameters (k x d) and the bracket of their objective.

    `penalty` is what the objective has beside half the loss; `tolerance` a gap that
    counts as closed even if it is above that of `System`.
    """

    coef: Float[Array, "k d"]
    penalty: Float[Array, ""] | float
    lower_bound: Float[Array, ""] | float
    route: str
    steps: int = 0
    tolerance: float = 0.0
    relation: Float[Array, "k k"] | None = None


class About(NamedTuple):
    """A row of the table of systems in docs/multi-task-systems.md."""

    objective: str
    convex: bool
    certificate: str
    reduces_to: str
    use: str
    source: str


def from_optimum(
    found: PenalisedOptimum, relation: Float[Array, "k k"] | None = None
) -> Fitted:
    """A penalised optimum as what a system finds."""
    return Fitted(
        coef=found.parameters,
        penalty=found.objective - found.loss / 2,
        lower_bound=found.lower_bound,
        route=found.route,
        steps=int(found.steps),
        tolerance=float(found.tolerance),
        relation=relation,
    )
