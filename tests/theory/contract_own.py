"""Bad arguments that one function alone refuses, and the messages that say so."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from tests.theory.contract import (
    BAD_DATA,
    BAD_GRAMS,
    BAD_TASKS,
    BAD_WEIGHTS,
    EYE,
    EYES,
    INF,
    NAN,
    ONES,
    PAIR,
    POINT,
    ROWS,
    SHORT,
    SPECTRUM,
    SQUARE,
    X,
    Y,
    joined,
    pair,
    put,
    real,
    rows,
)
from theory import alignment, arguments, covariance, linear, relu, risk, weighting
from theory.tasks import Tasks, TaskStatistics


def selected(tasks: list[int]) -> TaskStatistics:
    return PAIR.select(tasks)


ONE = [
    (
        {"n_target": ONES},
        r"n_target must be one number, got shape \(2,\): use jax.vmap",
    ),
    ({SPECTRUM: np.ones((3, 2))}, rf"{SPECTRUM} must be a list .* shape \(3, 2\)"),
]
PER_TASK = [
    ({name: np.ones(3)}, rf"{name} must be a list of 2 numbers, got shape \(3,\)")
    for name in ("noise_variance", "shift_variance")
]
FEW = {"statistics": pair(samples=jnp.array([9.0, 5.0]))}
SPARE = [(FEW, "task 1 has 5 rows for 4 directions: .* at least 2 rows more")]
OWN: dict[Callable[..., Any], list[tuple[dict[str, Any], str]]] = {
    arguments.check_weights: [({"weights": w}, m) for w, m in BAD_WEIGHTS]
    + [
        ({"weights": [[1, 0], [0, 0]], "several": True}, "weights are all zero"),
        ({"weights": EYES, "several": True}, r"must be n x 2, got shape \(2, 2, 2\)"),
    ],
    Tasks.from_data: [({"covariates": x, "labels": y}, m) for x, y, m in BAD_DATA],
    TaskStatistics.from_data: [
        *(({"covariates": x, "labels": y}, m) for x, y, m in BAD_DATA),
        ({"covariates": [X, X[0]], "names": ["men", "mice"]}, r"task 1 \(mice\): cov"),
        ({"names": ["men"]}, "names has 1 entries for 2 tasks"),
        *(
            (
                {"labels": [c * Y, Y]},
                "task 0: labels' sum of squares must be 0 or .*got",
            )
            for c in (1e-170, 1e-155, 1e-60, 1e60, 1e153)
        ),
        *(
            (
                {"covariates": [X, X * [1, 1, c]]},
                r"task 1: cov.* squares\[2\] .*rescale",
            )
            for c in (1e-170, 1e-155, 1e-60, 1e60, 1e152)
        ),
    ],
    TaskStatistics.from_blocks: [
        ({"blocks": blocks}, message)
        for blocks, message in [
            ([], "no blocks"),
            ([(1, X, Y)], "task 0 is empty"),
            ([(-1, X, Y)], "integer >= 0, got -1"),
            ([(True, X, Y)], "integer >= 0, got True"),
            ([(0, X, Y), (1, X[:, :2], Y)], "task 1: covariates must be m x 3"),
            ([(0, X, Y), (0, put(X, (1, 0), NAN), Y)], "covariates has nan at row 5"),
            ([(0, X[:2], ONES), (0, X[2:], ONES)], "task 0: labels are constant"),
            # Each block is finite and their sum is not.
            ([(0, X, c * Y) for c in (2.5e153, 3e153, 3.4e153)], "overflow"),
        ]
    ],
    TaskStatistics.stack: [({"tasks": []}, "give at least one")],
    joined: [({"moment": jnp.ones(3)}, "task 1: moment has d = 3, task 0 has d = 4")],
    selected: [({"tasks": [2]}, "no task 2 among 2")],
    linear.shared_optimum: [
        ({"weights": [1.0, 1e-308]}, "task 1: weights must be 0 or within .*largest"),
        *(
            ({"statistics": pair(**{name: bad})}, message)
            for name in ("gram", "moment", "energy")
            for bad, message in [
                (put(vars(PAIR)[name], 1, NAN), f"task 1: {name}.* finite, got nan"),
                (put(vars(PAIR)[name], 1, INF), f"task 1: {name}.* finite, got inf"),
                (vars(SHORT)[name], f"{name} must be 64-bit .*float32: .*enable_x64"),
                (vars(PAIR)[name][:1], "must be .*, got shape"),
            ]
        ),
        *(
            ({"statistics": pair(**{name: bad})}, message)
            for name, bad, message in [
                ("energy", -PAIR.energy, "task 0: energy must be 0 or within"),
                ("energy", 0 * PAIR.energy, "task 0: moment is larger"),
                ("gram", -PAIR.gram, r"task 0: gram's diagonal\[0\] must be 0 or with"),
                (
                    "gram",
                    PAIR.gram.at[1, 0, 1].add(99),
                    "task 1: gram is not symmetric",
                ),
                (
                    "gram",
                    PAIR.gram + 99 - 99 * np.eye(4),
                    "task 0: gram has a negative",
                ),
                ("samples", jnp.array([9.0, 1]), "task 1: samples is 1, .* rank 4"),
                ("samples", jnp.array([0.0, 9]), "task 0: samples is 0"),
            ]
        ),
    ],
    linear.skew_dual: [
        ({"statistics": PAIR.select([0])}, "at least 2 tasks, got 1: use single_task"),
        ({"statistics": SHORT}, "gram must be 64-bit"),
    ],
    covariance.similarity: [
        ({"x2": np.ones((3, 4))}, r"x2 must be m x 2, got shape \(3, 4\)"),
        ({"x1": np.full((3, 2), NAN)}, r"x1\[0, 0\] must be finite, got nan"),
        ({"x2": np.full((3, 2), INF)}, r"x2\[0, 0\] must be finite, got inf"),
        ({"x2": np.zeros((3, 2))}, "x2 is a matrix of zeros"),
        ({"x1": np.ones((0, 2))}, r"x1 must be m x d, got shape \(0, 2\)"),
        ({"x2": np.ones(3)}, r"x2 must be m x d, got shape \(3,\)"),
        ({"x2": [["a", "b"]]}, real("x2")),
        ({"x2": 1j * np.ones((3, 2))}, real("x2")),
        ({"x1": 1e-320 * np.ones((3, 2))}, r"x1\[0, 0\] must be between .*: rescale"),
    ],
    covariance.gram_similarity: [({"g1": g}, f"g1{m}") for g, m in BAD_GRAMS]
    + [({"g2": np.ones((3, 2))}, r"g2 must be d x d, got shape \(3, 2\)")],
    covariance.similarity_matrix: [
        *(({"tasks": np.stack([EYE, g])}, f"task 1: gram{m}") for g, m in BAD_GRAMS),
        ({"tasks": put(EYES, (1, 0, 1), NAN)}, r"task 1: gram\[0, 1\] must be finite"),
        ({"tasks": EYE}, r"gram must be k x d x d, got shape \(2, 2\)"),
    ],
    covariance.condition_number: [({"x": [[NAN]]}, r"x\[0, 0\] must be finite, got")],
    covariance.whitening_maps: [
        ({"covariances": put(EYES, (1, 0, 0), 0)}, "task 1: .* not positive definite"),
        ({"reference": 2}, "reference must be an integer from 0 to 1, got 2"),
        ({"covariances": EYE}, r"covariances must be k x d x d, got shape \(2, 2\)"),
    ],
    weighting.svd_weights: [
        ({"energies": ONES}, "energies .* standardise=True"),
        ({"standardise": True, "energies": np.ones(3)}, "energies must be a list of 2"),
        ({"standardise": True, "energies": 0 * ONES}, r"energies\[0\] .*> 0, got 0.0"),
        (
            {"standardise": True, "moments": 1e300 * SQUARE, "energies": 1e-300 * ONES},
            r"moments over the root of its energy\[0, 0\] must be finite, got inf",
        ),
    ],
    weighting.proposition_3_span: [
        ({"gram": np.eye(3)}, r"gram must be 2 x 2, got shape \(3, 3\)"),
        ({"gram": NAN * EYE}, r"gram\[0, 0\] must be finite, got nan"),
        ({"gram": -EYE}, "gram has a variance -1.0"),
        ({"gram": put(EYE, (0, 1), 1)}, "gram is not symmetric"),
        ({"moments": 1e160 * SQUARE}, "largest eigenvalue of moments .*: rescale"),
        ({"moments": 1e-170 * SQUARE}, "largest eigenvalue of moments .*: rescale"),
    ],
    weighting.principal_angles: [
        ({"first": jnp.ones((3, 2))}, "linearly dependent"),
        ({"second": jnp.eye(2)}, r"second must be 3 x s, got shape \(2, 2\)"),
        ({"first": jnp.full((3, 1), NAN)}, r"columns\[0, 0\] must be finite, got nan"),
        ({"first": jnp.full((3, 1), 1e308)}, r"columns\[0, 0\] must be .*: rescale"),
    ],
    alignment.aligned_statistics: [
        ({"statistics": PAIR, "maps": POINT.maps[:1]}, "maps must be 2 x 4 x 4, got"),
    ],
    alignment.alignment_step: [
        ({"maps": "loose"}, "maps must be one of .*, got 'loose'"),
        ({"reading": "either"}, "reading must be one of .*, got 'either'"),
        ({"maps": "orthogonal", "ridge": 1.0}, "ridge is for free maps, got 1.0"),
        ({"ridge": -1.0}, "ridge must be finite and >= 0, got -1"),
        ({"ridge": np.ones(3)}, r"ridge must be a list of 2 numbers, got shape \(3,\)"),
        (
            {"point": alignment.unaligned(POINT.shared, SQUARE[:1])},
            "heads must be 2 x 2",
        ),
    ],
    relu.second_moment: [
        ({"v": [1.0]}, "vectors must have one d, got shapes"),
        ({"w": np.array(1.0)}, "vectors need d >= 1 entries, got shapes"),
        ({"w": [1.0, NAN]}, r"w\[1\] must be finite, got nan"),
        ({"w": np.ones((3, 2)), "v": np.ones((4, 2))}, "do not broadcast: shapes"),
        ({"v": ["a"]}, real("v")),
        ({"covariance": [[1.0, 0.5], [0.0, 1.0]]}, "covariance is not symmetric"),
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "has a negative eigenvalue"),
        ({"covariance": np.diag([1.0, -1.0])}, "has a variance -1.0 below zero"),
        ({"covariance": np.diag([1.0, INF])}, r"covariance\[1, 1\] must be finite"),
    ],
    relu.Population.from_covariances: [
        ({"covariances": np.eye(3)}, "covariances must be 2 x 2"),
        ({"covariances": [EYE, -EYE]}, "task 1: covariances has a variance -1.0"),
        ({"teachers": ONES}, r"teachers must be k x t x d, got shape \(2,\)"),
        ({"teachers": [[1, INF], [1, 1]]}, r"teachers\[0, 0, 1\] must be finite"),
        ({"amplitudes": np.ones(3)}, r"amplitudes must be 2 x 1, got shape \(3, 1\)"),
        ({"noise_variance": np.ones(3)}, "noise_variance must be a list of 2"),
    ],
    relu.population_heads: [
        ({"shared": jnp.eye(3)}, "shared must be 2 x r, got shape")
    ],
    relu.population_loss: [({"heads": SQUARE[:1]}, "heads must be 2 x 2, got shape")],
    relu.plane_optimum: [({"tasks": rows(**t)}, message) for t, message in BAD_TASKS]
    + [
        ({"tasks": rows(covariates=ROWS.astype("float32"))}, "must be 64-bit .*float32")
    ],
    relu.loss: [
        ({"shared": jnp.ones((3, 2))}, "covariates must be k x m x 3, got shape")
    ],
    relu.best_heads: [({"tasks": rows(**t)}, message) for t, message in BAD_TASKS[1:5]],
    risk.pooled_risk: [({SPECTRUM: ONES, "finite": True}, "needs equal covariances")],
    risk.crossings: ONE,
    risk.phase_transition: [
        ({"n_target": 2}, "n_target must be > dimension = 2.0, got")
    ],
    risk.soft_sharing_limit: ONE,
    risk.best_head_ratio: ONE,
    risk.scalar_heads_risk: [({"ratio": 0}, "ratio must not be 0: use .single_task")],
    risk.weighted_risk: [*PER_TASK[:1], ({"weights": None}, real("weights", "None"))],
    risk.mean_weighted_risk: PER_TASK,
    risk.best_weights: PER_TASK,
    risk.weighted_limit_risk: [
        *PER_TASK,
        ({"weights": [1, 2], "finite": True}, "finite=True needs equal weights, got"),
        ({"spectra": EYE + 1, "finite": True}, "leave out spectra"),
        ({"spectra": np.ones((3, 2))}, r"spectra must be 2 x p, got shape \(3, 2\)"),
        ({"samples": 3}, r"samples must be a list of k numbers, got shape \(\)"),
    ],
    risk.common_design_risk: [
        ({"samples": -1}, "samples must be finite and >= 0, got -1"),
        ({"samples": ONES}, r"samples must be one number, got shape \(2,\).*vmap"),
    ],
    risk.estimate_gain: [
        *SPARE,
        ({"weights": [1, 0]}, r"weights\[1\] is 0: the target"),
    ],
    risk.pairwise_gains: [
        *SPARE,
        ({"weight": ONES}, "weight must be one number, got sh"),
    ],
    risk.source_weights: SPARE,
}
