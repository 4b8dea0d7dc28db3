"""Arguments that public functions of theory accept, to be spoiled one at a time."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from tests.strategies import statistics
from theory import alignment, arguments, covariance, linear, relu, risk, weighting
from theory.tasks import Tasks, TaskStatistics

ONES, EYE, EYES = np.ones(2), np.eye(2), np.stack([np.eye(2)] * 2)
SQUARE = jnp.ones((2, 2))
X, Y = np.arange(12.0).reshape(4, 3) ** 1.5, np.array([1.0, -2.0, 3.0, 0.5])
PAIR = statistics(0, 2, 4)
SINGLE = jax.tree.map(lambda leaf: leaf[0], PAIR)
SHORT = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), PAIR)
POINT = alignment.AlignmentPoint(jnp.ones((4, 2)), SQUARE, jnp.stack([jnp.eye(4)] * 2))
STEPS = alignment.StepLengths(*(jnp.asarray(0.1) for _ in range(3)))
LAW = relu.Population.from_covariances(EYE, SQUARE)


def put(array: Any, index: Any, value: Any) -> Any:
    """The array with another value in one place."""
    return jnp.asarray(array).at[index].set(value)


def spoiled(tree: Any, fields: dict[str, Any]) -> Any:
    """With other fields, whose shapes need not fit."""
    for name, value in fields.items():
        tree = eqx.tree_at(lambda t, n=name: getattr(t, n), tree, value)
    return tree


def pair(**fields: Any) -> TaskStatistics:
    """The pair of tasks with other fields."""
    return spoiled(PAIR, fields)


def rows(**fields: Any) -> Tasks:
    """Rows of two tasks in the plane with other fields."""
    x, y = jnp.ones((2, 3, 2)), jnp.ones((2, 3))
    return spoiled(Tasks(x, y, y > 0), fields)


def joined(**fields: Any) -> TaskStatistics:
    """Two single tasks, of which the second has other fields."""
    return TaskStatistics.stack([SINGLE, spoiled(SINGLE, fields)])


MODEL = {"shared": SQUARE, "heads": SQUARE}
SIZES = {"n_target": 9, "dimension": 2, "noise_variance": 1, "shift_variance": 1}
BOTH = {"n_source": 5, **SIZES}
HEADS = {**BOTH, "common_variance": 1, "source_spectrum": ONES}
GRAMS = {"grams": EYES, "noise_variance": 1}
SHIFTED = {**GRAMS, "shift_variance": 1}
GIVEN = {**GRAMS, "parameters": EYE}
GOOD: dict[Callable[..., Any], dict[str, Any]] = {
    arguments.check_weights: {"weights": ONES, "count": 2},
    TaskStatistics.from_data: {"covariates": [X, X], "labels": [Y, Y]},
    Tasks.from_data: {"covariates": [X, X], "labels": [Y, Y]},
    linear.shared_optimum: {"statistics": PAIR, "width": 1},
    linear.single_task_optimum: {"statistics": PAIR},
    covariance.similarity: {"x1": np.ones((3, 2)), "x2": np.ones((3, 2))},
    covariance.gram_similarity: {"g1": EYE, "g2": EYE},
    covariance.similarity_matrix: {"tasks": EYES},
    covariance.whitening_maps: {"covariances": jnp.asarray(EYES)},
    weighting.svd_weights: {"moments": SQUARE, "rank": 1},
    weighting.proposition_3_span: {"gram": EYE, "moments": SQUARE, "rank": 1},
    weighting.principal_angles: {"first": jnp.eye(3), "second": jnp.eye(3)},
    alignment.alignment_loss: {"statistics": PAIR, "point": POINT},
    alignment.alignment_slopes: {"statistics": PAIR, "point": POINT},
    alignment.alignment_step: {"statistics": PAIR, "point": POINT, "lengths": STEPS},
    relu.second_moment: {"w": ONES, "v": ONES},
    relu.gradient_moment: {"w": ONES, "v": ONES},
    relu.Population.from_covariances: {"covariances": EYE, "teachers": SQUARE},
    relu.population_heads: {"population": LAW, "shared": SQUARE},
    relu.population_loss: {"population": LAW, **MODEL},
    relu.loss: {"tasks": rows(), **MODEL},
    relu.best_heads: {"tasks": rows(), "shared": SQUARE},
    relu.single_neuron_loss: {"tasks": rows(), "direction": jnp.ones(2)},
    relu.plane_optimum: {"tasks": rows()},
    risk.pooled_risk: BOTH,
    risk.crossings: {**SIZES, "n_source_max": 9},
    risk.phase_transition: {key: SIZES[key] for key in list(SIZES)[:3]},
    risk.best_penalty: {key: SIZES[key] for key in list(SIZES)[1:]},
    risk.soft_sharing_limit: {**BOTH, "penalty": 1},
    risk.scalar_heads_risk: {"ratio": 1, **HEADS},
    risk.best_head_ratio: HEADS,
    risk.conditional_risk: GIVEN,
    risk.mean_conditional_risk: SHIFTED,
    risk.soft_sharing_risk: {**GIVEN, "penalty": 1},
    risk.mean_soft_sharing_risk: {**SHIFTED, "penalty": 1},
    risk.weighted_risk: {**GIVEN, "weights": ONES},
    risk.mean_weighted_risk: {**SHIFTED, "weights": ONES},
    risk.best_weights: SHIFTED,
    risk.best_weights_given_parameters: GIVEN,
    risk.common_design_risk: {"parameters": EYE, "samples": 9, "noise_variance": 1},
    risk.weighted_limit_risk: {
        **{"samples": ONES, "dimension": 2, "weights": ONES},
        **{"noise_variance": 1, "shift_variance": 1},
    },
    risk.task_estimates: {"statistics": PAIR},
    risk.estimate_gain: {"statistics": PAIR, "weights": ONES},
    risk.pairwise_gains: {"statistics": PAIR},
    risk.source_weights: {"statistics": PAIR},
}
