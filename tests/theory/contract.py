"""Arguments that functions of theory accept, and bad values with what refuses them.

`EVERY` has what every function must refuse that takes an argument of this name.
"""

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
    linear.skew_dual: {"statistics": PAIR},
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

NAN, INF = np.nan, np.inf
ROWS, LABELS = rows().covariates, rows().labels
SPECTRUM = "source_spectrum"


def real(name: str, shown: str = "") -> str:
    return f"{name} must be real numbers, got {shown}"


EVERY: dict[str, list[tuple[Any, str]]] = {
    "n_source": [(-1, "n_source must be finite and >= 0, got -1"), (NAN, "got nan")],
    "n_target": [(0, "n_target must be finite and > 0, got 0")],
    "n_source_max": [(INF, "n_source_max must be finite and > 0, got inf")],
    "dimension": [(0, "dimension must be finite and > 0, got 0")],
    "noise_variance": [
        (-0.1, "noise_variance must be finite and >= 0, got -0.1"),
        (INF, "noise_variance must be finite and >= 0, got inf"),
    ],
    "shift_variance": [
        (-2, "shift_variance must be finite and >= 0, got -2"),
        ("much", real("shift_variance", "'much'")),
    ],
    "common_variance": [(-1, "common_variance must be finite and >= 0, got -1")],
    "penalty": [(v, f"penalty must be >= 0, got {v}") for v in (-1, NAN)],
    SPECTRUM: [
        ([1.0, 0.0], rf"{SPECTRUM}\[1\] must be finite and > 0, got 0.0: give"),
        ([-1.0, 1.0], rf"{SPECTRUM}\[0\] must be finite and > 0, got -1.0"),
        ([1.0, NAN], rf"{SPECTRUM}\[1\] must be finite and > 0, got nan"),
        ([1.0], f"dimension must be the number of .* {SPECTRUM}, 1, got 2"),
        (1.0, rf"{SPECTRUM} must be a list of p numbers, got shape \(\)"),
    ],
    "grams": [
        (EYE, r"grams must be . x d x d, got shape \(2, 2\)"),
        (EYES * NAN, r"grams\[0, 0, 0\] must be finite, got nan"),
    ],
    "target_covariance": [(np.eye(3), r"target_covariance must be 2 x 2.*\(3, 3\)")],
    "target": [
        (bad, f"target must be an integer from -2 to 1, got {bad}") for bad in (2, 0.5)
    ],
    "parameters": [
        (ONES, r"parameters must be . x ., got shape \(2,\)"),
        (put(EYE, (0, 1), INF), r"parameters\[0, 1\] must be finite, got inf"),
    ],
    "weights": [
        (put(ONES, 1, -1.0), "weights.* must be finite and >= 0, got -1"),
        (jnp.zeros(2), "weights are all zero"),
        (jnp.ones(3), r"weights must be a list of 2 numbers, got shape \(3,\)"),
    ],
    "confidence": [(1.0, r"confidence must be a share in \(0, 1\), got 1.0")],
    "energy": [
        (bad, rf"energy must be a share in \(0, 1\], got {bad!r}")
        for bad in (0.0, 1.1, NAN, "a", None, 1j)
    ],
    "statistics": [
        (
            pair(moment=put(PAIR.moment, (1, 0), NAN)),
            r"task 1: moment\[0\] must be finite, got nan",
        ),
        (SINGLE, r"moment must be k x d, got shape \(4,\)"),
    ],
    "direction": [
        (jnp.ones(3), r"covariates must be k x m x 3, got shape \(2, 3, 2\)")
    ],
    "covariance": [(np.eye(3), r"covariance must be 2 x 2, got shape \(3, 3\)")],
    "rank": [(r, f"rank must be an integer from 1 to 2, got {r}") for r in (0, 3)],
    "moments": [
        (jnp.full((2, 3), NAN), r"moments\[0, 0\] must be finite, got nan"),
        (1e308 * SQUARE, r"task 0: moments\[0\] must be between .* got 1e.308: resc"),
        (np.full((2, 3), 1e-310), r"task 0: moments\[0\] must be .*1e-310: rescale"),
        ([["a", "b"]], real("moments")),
    ],
    "width": [
        (bad, "width must be an integer >= 1, got ")
        for bad in (0, -1, 1.5, True, "2", None, np.float64(1.0))
    ],
}
BAD_WEIGHTS = [
    (["a", "b"], "task 0: weights must be real numbers, got 'a'"),
    (np.array(["1", "2"]), "task 0: weights must be real numbers, got '1'"),
    ("ab", "task 0: weights must be real numbers, got 'ab'"),
    ([1, None], "task 1: weights must be real numbers, got None"),
    (np.array([1, 1j]), r"task 0: weights must be real numbers, got \(1\+0j\)"),
    ([[1.0], [2.0, 3.0]], r"task 0: weights must be real numbers, got \[1.0\]"),
    ([1.0, -0.5], "task 1: weights must be finite and >= 0, got -0.5"),
    ([NAN, 1.0], "task 0: weights must be finite and >= 0, got nan"),
    ([0.0, INF], "task 1: weights must be finite and >= 0, got inf"),
    (1.0, r"weights must be a list of 2 numbers, got shape \(\)"),
    (np.ones((3, 2)), r"weights must be a list of 2 numbers, got shape \(3, 2\)"),
]
BAD_DATA = [
    ([X, X[:, :2]], [Y, Y], r"task 1: covariates must be m x 3, got shape \(4, 2\)"),
    ([X, X], [Y, Y[:3]], r"task 1: labels must be a list of 4 .* shape \(3,\)"),
    ([X, X[:0]], [Y, Y[:0]], r"task 1: covariates must be m x 3, got shape \(0, 3\)"),
    ([X[:, :0]], [Y], r"task 0: covariates must be m x d, got shape \(4, 0\)"),
    ([X, X[0]], [Y, Y], r"task 1: covariates must be m x 3, got shape \(3,\)"),
    ([X, put(X, (2, 1), NAN)], [Y, Y], "task 1: covariates has nan at row 2, column 1"),
    ([X, X], [Y, put(Y, 3, INF)], "task 1: labels has inf at row 3"),
    ([X, X], [Y, put(Y, 0, 1e200)], "task 1: labels has 1e.200 .*too large: rescale"),
    ([X, X], [Y, np.stack([Y, Y], 1)], r"task 1: labels must be .* shape \(4, 2\)"),
    ([X, np.full((4, 3), "a")], [Y, Y], "task 1: covariates is not an array of num"),
    ([X, [[1.0], [2.0, 3.0]]], [Y, Y], "task 1: covariates is not an array of num"),
    ([X, X], [Y, np.full(4, 2.5)], r"task 1: labels are constant \(2.5 in all 4 rows"),
    ([X], [Y, Y], "covariates has 1 tasks and labels has 2"),
    ([], [], "at least one task"),
]
BAD_GRAMS = [
    (-EYE, " has a variance -1.0 below zero"),
    (np.diag([1.0, -1.0]), " has a variance -1.0 below zero"),
    (np.array([[1.0, 5.0], [0.0, 1.0]]), " is not symmetric"),
    (np.array([[1.0, 2.0], [2.0, 1.0]]), " has a negative eigenvalue"),
    (np.array([[0.0, 1e-9], [1e-9, 0.0]]), " has a negative eigenvalue"),
    (1e308 * EYE, r"\[0, 0\] must be between .* got 1e[+]308: rescale"),
    (1e-310 * EYE, r"\[0, 0\] must be between .* got 1e-310: rescale"),
]
BAD_TASKS = [
    ({"covariates": jnp.full((2, 3, 2), INF)}, r"task 0: covariates\[0, 0\] .*got inf"),
    ({"labels": put(LABELS, (1, 0), NAN)}, r"task 1: labels\[0\] must be .*got nan"),
    ({"labels": 1e200 * LABELS}, r"task 0: labels\[0\] .*its square, got 1e.200"),
    ({"mask": put(LABELS > 0, (1, 2), False)}, "task 1: covariates of padded rows"),
    ({"labels": LABELS[:1]}, r"labels must be 2 x 3, got shape \(1, 3\)"),
    ({"covariates": ROWS[0]}, r"covariates must be k x m x 2, got shape \(3, 2\)"),
]
