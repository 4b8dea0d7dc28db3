"""How far training of linear tasks ends above the optimum, by method."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Int, Key

from simulations import store
from simulations.draws.low_rank import turned_tasks
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Axis, Columns, Study
from simulations.training import LinearModel, Solver, train
from simulations.training.solver_choice import SOLVERS, check_solvers
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics

# Draws that are trained at once.
CHUNK = 50


@dataclass(frozen=True, kw_only=True)
class TrainedGap:
    """Axes of the study.

    Task `i` of `k` has `y_i = X_iθ_i + σε_i` and `X_i = Z D U_iᵀQᵀ`. `Z` is standard
    normal and one for all tasks; `D` is geometric from 1 to `κ`, of trace `d`, and `Q`
    is Haar-distributed. `U_i` turns the planes (j, d − 1 − j) by `i/(k − 1)` of the
    angle: at 0 all tasks have one `X`, and at 90 the strong inputs of the first task
    are the weak ones of the last. `Q` hides `D` from a scaling of columns.

    Args:
        tasks: `k`; with 2 the optimum is certified everywhere.
        dimension: Inputs `d`.
        samples: Rows `m` of each task.
        past: Widths above `k` that are tried as well.
        conditions: `κ ≥ 1`, of `X`.
        angles: Of the last task's turn, in degrees.
        true_rank: Rank of the common part of the parameters.
        deviation: `τ`, the length of a task's own part; that of the common part is 1.
        noise: Standard deviation `σ`.
        solvers: By name, with their default budgets.
        shown: Width, condition and angle that the picture holds fixed.
        starts: Random starts of each problem.
        repeats: Independent draws; a draw has one set of normals for all points.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    tasks: int = 3
    dimension: int = 8
    samples: int = 40
    past: int = 1
    conditions: tuple[float, ...] = (1.0, 10.0, 100.0)
    angles: tuple[float, ...] = (0.0, 15.0, 45.0, 90.0)
    true_rank: int = 2
    deviation: float = 0.5
    noise: float = 0.5
    solvers: tuple[str, ...] = tuple(SOLVERS)
    shown: tuple[int, float, float] = (1, 10.0, 45.0)
    starts: int = 4
    repeats: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        least = {"tasks": 2, "past": 0, "true_rank": 1, "starts": 1, "repeats": 1}
        least |= {"samples": self.dimension, "dimension": self.tasks + self.past}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(
                    f"{name} must be at least {value}, got {getattr(self, name)}"
                )
        if self.true_rank > self.dimension:
            raise ValueError(f"true_rank must be at most d, got {self.true_rank}")
        for name, (low, high) in {"conditions": (1, 1e4), "angles": (0, 90)}.items():
            values = getattr(self, name)
            if not values or not all(low <= value <= high for value in values):
                raise ValueError(f"{name} must be in [{low}, {high:g}], got {values}")
        if not 0 <= self.deviation < float("inf"):
            raise ValueError(
                f"deviation must be finite and at least 0, got {self.deviation}"
            )
        if not 0 < self.noise < float("inf"):
            raise ValueError(f"noise must be finite and above 0, got {self.noise}")
        check_solvers(self.solvers)
        for value, axis in zip(
            self.shown, (self.widths, self.conditions, self.angles), strict=True
        ):
            if value not in axis:
                raise ValueError(
                    f"shown must be a width, condition and angle of the axes, got "
                    f"{self.shown}: {value:g} is not in {axis}"
                )

    def study(self) -> Study:
        """For the engine: a cell is a condition, an angle and a repeat, at every width.

        It is not compiled as one.
        """
        fixed = replace(self, conditions=(1.0,), angles=(0.0,), shown=(1, 1.0, 0.0))
        fixed = replace(fixed, repeats=1, seed=0)
        return Study(
            self,
            (
                Axis("condition", self.conditions, "conditions"),
                Axis("angle", self.angles, "angles"),
                Axis("repeat", range(self.repeats), "repeats", drawn=True),
            ),
            partial(_cells, fixed),
            partial(_dataset, self),
            batch=min(CHUNK, self.repeats),
            compiled=False,
        )

    @classmethod
    def quick(cls) -> "TrainedGap":
        """Under half a minute on two cores."""
        return cls(
            conditions=(1.0, 10.0, 100.0),
            angles=(0.0, 45.0, 90.0),
            starts=2,
            repeats=8,
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths `r`, from 1 past `k`."""
        return tuple(range(1, self.tasks + self.past + 1))


class _Optimum(NamedTuple):
    """Of `n` draws."""

    loss: Float[np.ndarray, " n"]
    bracket: Float[np.ndarray, " n"]
    certified: Bool[np.ndarray, " n"]


class _Point(NamedTuple):
    """One width; the first axes are those of the cells."""

    gap: Float[np.ndarray, "*n solver s"]
    status: Int[np.ndarray, "*n solver s"]
    steps: Int[np.ndarray, "*n solver s"]
    certified: Bool[np.ndarray, "*n"]
    bracket: Float[np.ndarray, "*n"]


def run(spec: TrainedGap, progress: Progress | None = None) -> xr.Dataset:
    """Measure the loss of every start above the optimum, relative to what it explains.

    `(f − f*)/(Σ e_i − f*)`. `f*` is that of `theory.linear.shared_optimum`, which
    trains nothing. Where it is not certified `f*` is the least of it and of all starts
    of all methods: the gap is then to the best known loss, and the true one may be
    larger by `bracket`, which has the same unit.

    Source: W eq 1 (linear `g`); the study is ours.
    """
    return in_memory(spec.study(), progress)


def _cells(
    spec: TrainedGap, keys: Key[Array, " n"], points: Columns
) -> dict[str, np.ndarray]:
    """Those of `_Point` with an axis of widths after that of the cells, and another."""
    size = jnp.asarray(points["condition"], float)
    turn = jnp.deg2rad(jnp.asarray(points["angle"], float))
    # What is compiled does not depend on these.
    drawn = replace(spec, starts=1, solvers=("adam",))
    statistics, score = _draws(keys, size, turn, drawn)
    found = [_at(spec, statistics, width, keys) for width in spec.widths]
    columns = _Point(*(np.stack(parts, axis=1) for parts in zip(*found, strict=True)))
    return columns._asdict() | {"similarity": np.asarray(score)}


@partial(jax.jit, static_argnames="spec")
def _draws(
    keys: Key[Array, " n"],
    condition: Float[Array, " n"],
    angle: Float[Array, " n"],
    spec: TrainedGap,
) -> tuple[TaskStatistics, Float[Array, " n"]]:
    """Statistics of all draws, and the similarity of the first task and the last."""
    draw = partial(
        turned_tasks,
        tasks=spec.tasks,
        dimension=spec.dimension,
        samples=spec.samples,
        true_rank=spec.true_rank,
        deviation=spec.deviation,
        noise=spec.noise,
    )
    return jax.vmap(draw)(keys, condition, angle)


def _at(
    spec: TrainedGap, statistics: TaskStatistics, width: int, keys: Key[Array, " n"]
) -> _Point:
    best = _optima(statistics, width)
    ends = [
        _trained(
            *(statistics, keys, jnp.asarray(width)),
            *(max(spec.widths), spec.starts, SOLVERS[name]),
        )
        for name in spec.solvers
    ]
    losses, status, steps = (
        np.stack(parts, axis=1) for parts in zip(*ends, strict=True)
    )
    known = np.minimum(best.loss, losses.min(axis=(1, 2)))
    least = np.where(best.certified, best.loss, known)
    explained = np.sum(np.asarray(statistics.energy), axis=1) - least
    gap = (losses - least[:, None, None]) / explained[:, None, None]
    bracket = (least - (best.loss - best.bracket)) / explained
    return _Point(gap, status, steps, best.certified, bracket)


def _optima(statistics: TaskStatistics, width: int) -> _Optimum:
    found = [
        shared_optimum(jax.tree.map(lambda leaf, i=i: leaf[i], statistics), width)
        for i in range(len(statistics.energy))
    ]
    return _Optimum(
        np.array([float(one.loss) for one in found]),
        np.array([float(one.gap) for one in found]),
        np.array([bool(one.certified) for one in found]),
    )


@partial(jax.jit, static_argnames=("columns", "starts", "solver"))
def _trained(
    statistics: TaskStatistics,
    keys: Key[Array, " n"],
    width: Int[Array, ""],
    columns: int,
    starts: int,
    solver: Solver,
) -> tuple[Float[Array, "n s"], Int[Array, "n s"], Int[Array, "n s"]]:
    def one(tasks: TaskStatistics, key: Key[Array, ""]) -> tuple[Array, Array, Array]:
        start_key = jax.random.split(key, 5)[4]
        model = LinearModel(tasks)
        # Columns past the width stay zero: one program does for all widths.
        found = train(
            *(model, width, None, start_key),
            starts=starts,
            solver=solver,
            columns=columns,
        )
        return found.losses, found.status, found.steps

    return jax.vmap(one)(statistics, keys)


def _dataset(spec: TrainedGap, columns: Mapping[str, np.ndarray]) -> xr.Dataset:
    # Repeats after widths and solvers, where there are any.
    gap, status, steps, certified, bracket = (
        np.moveaxis(columns[name], 2, place)
        for name, place in zip(_Point._fields, (4, 4, 4, 3, 3), strict=True)
    )
    cells = ("condition", "angle", "width")
    axes = (*cells, "solver", "repeat", "start")
    few = (*cells, "repeat")
    kinds = "0 converged, 1 out of steps, 2 diverged, 3 dead, 4 stalled"
    variables: dict[str, store.Entry] = {
        "gap": (axes, gap, "loss above the optimum, share of explained energy", "1"),
        "status": (axes, status, f"how a start ended: {kinds}", "1"),
        "steps": (axes, steps, "steps taken", "steps"),
        "certified": (few, certified, "gap is to a certified optimum", "1"),
        "bracket": (few, bracket, "what the best known may be above the optimum", "1"),
        "similarity": (
            (*cells[:2], "repeat"),
            columns["similarity"],
            "normalised similarity score of the first task and the last",
            "1",
        ),
    }
    coordinates: dict[str, store.Entry] = {
        "condition": ("condition", list(spec.conditions), "condition κ of X", "1"),
        "angle": ("angle", list(spec.angles), "turn of the last task", "degrees"),
        "width": ("width", list(spec.widths), "columns r of the module", "1"),
        "solver": ("solver", list(spec.solvers), "method, at its default budget", "1"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
        "start": ("start", np.arange(spec.starts), "random start", "1"),
    }
    return store.dataset(spec, variables, coordinates)
