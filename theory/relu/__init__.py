"""One shared ReLU layer: Gaussian moments, population loss, exact plane search."""

from theory.relu.gaussian import cross_moment, gradient_moment, second_moment
from theory.relu.loss import (
    best_heads,
    explained_energy,
    loss,
    single_neuron_loss,
    task_losses,
)
from theory.relu.plane_optimum import PlaneMinima, PlaneOptimum, plane_optimum
from theory.relu.population import (
    Population,
    population_heads,
    population_loss,
    population_task_losses,
)

__all__ = [
    "PlaneMinima",
    "PlaneOptimum",
    "Population",
    "best_heads",
    "cross_moment",
    "explained_energy",
    "gradient_moment",
    "loss",
    "plane_optimum",
    "population_heads",
    "population_loss",
    "population_task_losses",
    "second_moment",
    "single_neuron_loss",
    "task_losses",
]
