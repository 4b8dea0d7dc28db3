"""Bad values of arguments, and the messages that refuse them with name and value.

`EVERY` has what every function must refuse that takes an argument of this name.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from tests.theory.contract_good import (
    EYE,
    EYES,
    ONES,
    PAIR,
    SINGLE,
    SQUARE,
    X,
    Y,
    pair,
    put,
    rows,
)

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
