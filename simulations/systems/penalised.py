"""Systems whose objective is a penalty of theory beside the squared losses."""

from typing import Any

from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from simulations.systems.fitted import Fitted, from_optimum
from simulations.systems.system import System
from theory.penalised import Penalty, largest_strength, penalised_optimum
from theory.penalised.quadratic import quadratic_optimum
from theory.penalised.ties import QuadraticPenalty
from theory.tasks import TaskStatistics


class PenalisedSystem(System):
    """A system that is fitted by the optimum of its penalty, of class `form`."""

    form: type[Penalty] | type[QuadraticPenalty]

    def penalty(self) -> Penalty | QuadraticPenalty:
        """Return the penalty, whose fields are the arguments of the constructor.

        Raises:
            ValueError: An argument is out of range.
        """
        return self.form(**self.fields())

    def fields(self) -> dict[str, Any]:
        """Return the fields of the penalty."""
        given = self.get_params(deep=False)
        del given["fit_intercept"]
        return given

    def relation(self, parameters: Float[Array, "k d"]) -> Float[Array, "k k"] | None:
        """Return the relation of the tasks that is best for these parameters."""
        del parameters

    def largest_strength(
        self, statistics: TaskStatistics, weights: ArrayLike | None = None
    ) -> float:
        """Return the least strength at which all parameters are zero.

        Infinite for penalties that no strength reduces to zero.

        Raises:
            ValueError: Bad statistics, weights or parameters.
        """
        penalty = self.penalty()
        if isinstance(penalty, QuadraticPenalty):
            return float("inf")
        return float(largest_strength(statistics, penalty, weights))

    def _solve(self, statistics: TaskStatistics, weights: Float[Array, " k"]) -> Fitted:
        penalty = self.penalty()
        if isinstance(penalty, QuadraticPenalty):
            return from_optimum(quadratic_optimum(statistics, penalty, weights))
        found = penalised_optimum(statistics, penalty, weights)
        return from_optimum(found, self.relation(found.parameters))
