"""Algorithm 2 on the thousand chest X-rays: its weights less uniform ones."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np
from jaxtyping import Float

from paper_checks.images.cells import Bench, Cell, Result
from paper_checks.images.problems import (
    SCHEMES,
    Study,
    linear,
    mlps,
    problem,
)
from paper_checks.images.training import Training

# What a summary repeats of the first cell.
PROVENANCE = (
    "version",
    "python",
    "jax",
    "jaxlib",
    "numpy",
    "platform",
    "device",
    "data",
    "date",
)
TRAINED_WITH = ("equinox", "optax", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class ImageStudy:
    """W-X1's protocol on all tasks, or W-X2's on random pairs.

    Args:
        study: `clean` is all tasks with their labels; `pairs` are random pairs with
            20 % random labels in the first task.
        numbers: Starts, or pairs; each pair has one draw of labels and one start.
        training: The network and its training.
        seed: Of starts, pairs and labels.
    """

    study: Study
    numbers: int
    training: Training
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a study of nothing."""
        if self.numbers < 1:
            raise ValueError(f"{self.study} needs runs >= 1, got {self.numbers}")

    @property
    def name(self) -> str:
        """Of its entry among results."""
        return f"{self.study}-densenet{self.training.network.depth}"

    def cells(self, number: int) -> list[Cell]:
        """The networks of one run: all weights, from one start."""
        return [
            Cell(
                study=self.study,
                number=number,
                scheme=scheme,
                training=self.training,
                seed=self.seed,
            )
            for scheme in SCHEMES
        ]


def train_all(bench: Bench, spec: ImageStudy, until: float | None = None) -> int:
    """Train what is not done yet; how many cells are left when the time is over.

    Args:
        bench: The images, and where cells are kept.
        spec: What is trained.
        until: Value of `time.monotonic()` after which no cell should run.

    Raises:
        ValueError: As `fit`.
    """
    cells = [cell for number in range(spec.numbers) for cell in spec.cells(number)]
    waiting, longest = [one for one in cells if bench.done(one) is None], 0.0
    for place, cell in enumerate(waiting):
        begun = time.monotonic()
        if until is not None and begun + longest > until:
            return len(waiting) - place
        bench.result(cell)
        longest = max(longest, time.monotonic() - begun)
    return 0


def finished(bench: Bench, spec: ImageStudy) -> dict[int, list[Result]]:
    """Runs of which all networks are done."""
    runs = {
        number: [bench.done(cell) for cell in spec.cells(number)]
        for number in range(spec.numbers)
    }
    found = {number: [one for one in run if one] for number, run in runs.items()}
    return {number: run for number, run in found.items() if len(run) == len(SCHEMES)}


def summary(bench: Bench, spec: ImageStudy) -> dict[str, Any]:
    """AUC with uniform weights and what others gain, by model, of runs that are done.

    All in points of a per cent of the mean AUC over tasks, one number a run; of pairs
    `noisy_...` is the task with random labels alone. The linear model has no start, so
    that it has one number for clean labels.

    Raises:
        ValueError: No run is done.
    """
    done = finished(bench, spec)
    if not done:
        raise ValueError(f"{spec.name}: no run is done, so there is nothing to tell")
    cells, data = [result for run in done.values() for result in run], bench.data
    return {
        "study": spec.study,
        "runs": list(done),
        "asked": spec.numbers,
        "seed": spec.seed,
        "training": asdict(spec.training),
        "tasks": list(data.names),
        "left_out": list(data.left_out),
        "one_class_in_dev": [data.names[task] for task in data.one_class("dev")],
        "dropped": data.dropped,
        "images": {name: len(rows) for name, rows in data.part.items()},
        "models": _models(bench, spec, done),
        "passes_chosen": [[r.fit.chosen + 1 for r in run] for run in done.values()],
        "seconds": round(sum(r.about["seconds"] for r in cells), 1),
        "cpu_seconds": round(sum(r.about["cpu_seconds"] for r in cells), 1),
        "about": {name: cells[0].about[name] for name in PROVENANCE}
        | {name: metadata.version(name) for name in TRAINED_WITH},
    }


def _models(
    bench: Bench, spec: ImageStudy, done: dict[int, list[Result]]
) -> dict[str, dict[str, list[float]]]:
    clean, data = spec.study == "clean", bench.data
    given = [problem(data, spec.study, n, spec.seed) for n in done]
    seeds = [spec.cells(n)[0].start for n in done]
    lines = np.array([linear(data, one) for one in given[: 1 if clean else None]])
    deep = np.array([[_test(result) for result in run] for run in done.values()])
    return {
        # Uniform and weighted, on labels in their own units and of unit energy.
        "linear": _gains(lines[:, [0, 1]], lines[:, [2, 3]], clean),
        "mlp": _both(mlps(data, given, seeds), clean),
        f"densenet{spec.training.network.depth}": _both(deep, clean),
    }


def _test(result: Result) -> Float[np.ndarray, " k"]:
    return result.fit.test[result.fit.chosen]


def _both(auc: Float[np.ndarray, "n 3 k"], clean: bool) -> dict[str, list[float]]:
    return _gains(auc[:, [0, 1]], auc[:, [0, 2]], clean)


def _gains(
    printed: Float[np.ndarray, "n 2 k"],
    standardised: Float[np.ndarray, "n 2 k"],
    clean: bool,
) -> dict[str, list[float]]:
    """Means over tasks, from AUC with uniform weights and with those of a reading."""
    found = {"uniform": printed[:, 0].mean(axis=1)}
    for name, auc in (("printed", printed), ("standardised", standardised)):
        gain = auc[:, 1] - auc[:, 0]
        found[name] = gain.mean(axis=1)
        found |= {} if clean else {f"noisy_{name}": gain[:, 0]}
    return {name: _points(values) for name, values in found.items()}


def _points(values: Sequence[float] | np.ndarray) -> list[float]:
    return np.round(100 * np.asarray(values), 4).tolist()
