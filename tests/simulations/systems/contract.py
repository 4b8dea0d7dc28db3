"""Every system of the registry, with arguments for four tasks and its penalty in NumPy.

A system that is missing here fails `test_systems.py`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from simulations.systems.registry import registered
from simulations.systems.system import System

NAN, INF = np.nan, np.inf
GRAPH = np.array([[0, 1, 0.5, 0], [1, 0, 0, 0], [0.5, 0, 0, 2], [0, 0, 2, 0]])
GOOD: dict[str, dict[str, Any]] = {
    "BlockSparse": {"strength": 1.5, "power": INF, "ridge": 0.2},
    "Clustered": {"clusters": 2, "mean": 0.3, "between": 0.5, "within": 4.0},
    "Dirty": {"block": 2.0, "own": 1.0, "ridge": 0.2},
    "FeatureLearning": {"strength": 0.5},
    "HardSharing": {"width": 4},
    "Independent": {},
    "KnownClusters": {
        "assignment": (0, 1, 1, 1),
        "mean": 0.2,
        "between": 1.0,
        "within": 5.0,
    },
    "MeanRegularised": {"deviation": 3.0, "mean": 0.5},
    "Pooled": {},
    "SoftSharing": {"strength": 2.0, "graph": GRAPH, "ridge": 0.3},
    "TaskRelations": {"strength": 0.5, "ridge": 0.2},
    "TensorTraceNorm": {"strengths": (1.0, 0.5, 0.2), "grid": (2, 2), "ridge": 0.2},
    "TraceNorm": {"strength": 1.5, "ridge": 0.2},
}


def made(name: str, **changed: Any) -> System:
    """The system with the arguments above, some changed."""
    return registered()[name](**GOOD[name]).set_params(**changed)


def _values(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrix, compute_uv=False)


def _deviation(w: np.ndarray) -> np.ndarray:
    return w - w.mean(axis=0)


def _dirty(s: Any, w: np.ndarray) -> float:
    """The split of every row at each of its sizes."""
    total = 0.0
    for row in np.abs(w.T):
        total += min(
            s.block * u + s.own * np.maximum(row - u, 0).sum() for u in [0, *row]
        )
    return total


def _clusters(s: Any, w: np.ndarray) -> float:
    mean, total = w.mean(axis=0), 0.0
    for cluster in set(s.assignment):
        own = w[np.array(s.assignment) == cluster]
        centre = own.mean(axis=0)
        total += s.between * len(own) * np.sum((centre - mean) ** 2)
        total += s.within * np.sum((own - centre) ** 2)
    return (total + s.mean * len(w) * mean @ mean) / 2


def _clustered(s: Any, w: np.ndarray) -> float:
    """By the learnt relation, which must be in its set."""
    relation, k = s.relation_, len(w)
    value = np.linalg.eigvalsh(relation)
    low, high = 1 / s.within, 1 / s.between
    assert value.min() >= low - 1e-12
    assert value.max() <= high + 1e-12
    assert value.sum() <= (k - s.clusters + 1) * low + (s.clusters - 1) * high + 1e-12
    away, mean = _deviation(w), w.mean(axis=0)
    tied = np.trace(away.T @ np.linalg.solve(relation, away))
    return (tied + s.mean * k * mean @ mean) / 2


def _pairs(s: Any, w: np.ndarray) -> float:
    k = len(w)
    tied = sum(
        s.graph[i, j] * np.sum((w[i] - w[j]) ** 2) for i in range(k) for j in range(i)
    )
    return s.strength / 2 * tied


def _tensor(s: Any, w: np.ndarray) -> float:
    tensor = w.T.reshape(-1, *s.grid)
    unfolded = [
        np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
        for mode in range(3)
    ]
    return sum(
        c * _values(one).sum() for c, one in zip(s.strengths, unfolded, strict=True)
    )


PENALTY: dict[str, Callable[[Any, np.ndarray], float]] = {
    "BlockSparse": lambda s, w: s.strength * np.abs(w).max(axis=0).sum(),
    "Clustered": _clustered,
    "Dirty": _dirty,
    "FeatureLearning": lambda s, w: s.strength / 2 * _values(w).sum() ** 2,
    "HardSharing": lambda s, w: 0.0,
    "Independent": lambda s, w: 0.0,
    "KnownClusters": _clusters,
    "MeanRegularised": lambda s, w: (
        (
            s.deviation * np.sum(_deviation(w) ** 2)
            + s.mean * len(w) * np.sum(w.mean(axis=0) ** 2)
        )
        / 2
    ),
    "Pooled": lambda s, w: 0.0,
    "SoftSharing": _pairs,
    "TaskRelations": lambda s, w: s.strength / 2 * _values(w).sum() ** 2,
    "TensorTraceNorm": _tensor,
    "TraceNorm": lambda s, w: s.strength * _values(w).sum(),
}

AT_LEAST = "must be finite and >= 0, got"
BAD: list[tuple[str, dict[str, Any], str]] = [
    *(
        (name, {field: bad}, rf"{field}(\[\d\])? {AT_LEAST} {bad}")
        for name, good in GOOD.items()
        for field in good
        if isinstance(good[field], float) and name != "Clustered" and field != "power"
        for bad in (-1.0, NAN)
    ),
    ("BlockSparse", {"power": 3}, r"power must be one of .* got 3"),
    *(
        ("Clustered", {field: bad}, rf"{field} must be finite and > 0, got {bad}")
        for field in ("mean", "between", "within")
        for bad in (0.0,)
    ),
    ("Clustered", {"clusters": 0}, "clusters must be an integer .* got 0"),
    ("Clustered", {"clusters": 5}, "clusters must be an integer .* got 5"),
    ("Clustered", {"within": 0.4}, "within must be at least between, 0.5, got 0.4"),
    ("HardSharing", {"width": 0}, "width must be an integer >= 1, got 0"),
    ("KnownClusters", {"assignment": (0, 1, 1)}, r"assignment must be .* got .*\(3,\)"),
    ("KnownClusters", {"assignment": (0, -1, 1, 1)}, "assignment must be .* got -1"),
    ("SoftSharing", {"graph": GRAPH[:3, :3]}, r"graph must be 4 x 4, got .*\(3, 3\)"),
    ("SoftSharing", {"graph": np.triu(GRAPH)}, "graph.* must be symmetric, got"),
    ("SoftSharing", {"graph": -GRAPH}, "graph's Laplacian .* got -"),
    ("TensorTraceNorm", {"grid": (2, 3)}, r"grid .*\(2, 3\)"),
    ("TensorTraceNorm", {"strengths": (1.0, -1.0, 1.0)}, rf"strengths.*{AT_LEAST} -1"),
    *((name, {"fit_intercept": 2}, "fit_intercept must be .* got 2") for name in GOOD),
]
