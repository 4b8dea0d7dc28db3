"""Studies of sentence sets with numbers made up."""

from itertools import combinations

import numpy as np
import xarray as xr

from paper_checks.judge.verdict import Control
from paper_checks.sentences.single_and_pairs import SETS

NOTICED = Control(dropped="", noticed=6, instances=6)
PROTOCOLS = ["naive", "exact", "near"]
TARGETS = ["mr", "cr", "subj", "mpqa", "trec"]
PAIRS = [f"{a}, {b}" for a, b in combinations(SETS, 2)]


def made(axis: str, names: list[str], runs: int = 3):
    """Accuracies of 70 in some runs, aligned ones a point better."""
    axes, shape = ("protocol", axis, "run"), (3, len(names), runs)
    rng = np.random.default_rng(0)
    level = 70 + 0.1 * rng.normal(size=shape)
    better = level + 1 + 0.01 * rng.normal(size=shape)
    together = level + 0.01 * rng.normal(size=shape)
    values = {"alone": level, "together": together, "aligned": better}
    data: dict = {name: (axes, value) for name, value in values.items()}
    score = {"similarity": 0.5, "aligned_similarity": 0.6}
    drawn = 0.01 * rng.random(shape)
    data |= {name: (axes, value + drawn**2) for name, value in score.items()}
    data["aligned_similarity"][1][...] += drawn
    data["test_over_train"] = (("protocol", "set"), np.full((3, 6), 1 / 8))
    said = {"long_name": "best pass among the last 3 of 15"}
    data["late"] = (("protocol", "model"), np.full((3, 3), 20.0), said)
    return labelled(data, {axis: names, "model": list(values)})


def labelled(data: dict, names: dict) -> xr.Dataset:
    coords = {"protocol": PROTOCOLS, "set": list(SETS), **names}
    attrs = {
        "encoder": "mlp",
        "spec": '{"training": {"width": 9}, "widths": [5, 25, 100]}',
        "seed": 7,
        "command": "train the mlp",
        "date": "2026-01-02",
    }
    return xr.Dataset(data, coords, attrs)


def shuffled_labels(accuracy: float = 0.5) -> xr.Dataset:
    values = {"accuracy": accuracy, "majority": 0.5, "test_rows": 500.0}
    data = {name: ("set", np.full(6, value)) for name, value in values.items()}
    return labelled(data, {})


def curves() -> xr.Dataset:
    """Alone best at 25 on dev parts, together at 100, where it is a point better."""
    axes, shape = ("protocol", "width", "set", "run"), (3, 3, 6, 2)
    noise = 0.1 * np.random.default_rng(1).normal(size=(3, 1, 6, 1))
    noise -= noise.mean(axis=2, keepdims=True)
    dev = np.broadcast_to(np.array([1.0, 3, 2])[:, None, None], shape)
    alone = 70 + dev + noise
    joint_dev = np.broadcast_to(np.array([1.0, 2, 4])[:, None, None], shape)
    data = {
        "alone": (axes, alone),
        "alone_dev": (axes, dev.copy()),
        "together": (axes, 70 + joint_dev + noise + [0.001, -0.001]),
        "together_dev": (axes, joint_dev.copy()),
        "test_over_train": (("protocol", "set"), np.full((3, 6), 1 / 8)),
    }
    return labelled(data, {"width": [5, 25, 100]})
