"""How far training of linear tasks ends above the optimum, by method."""

import itertools
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from simulations.draws.low_rank import turned_tasks
from simulations.engine.study import Columns
from simulations.experiments.experiment import CellExperiment, setting
from simulations.training import LinearModel, Solver, train
from simulations.training.solver_choice import ENDS, SOLVERS, check_solvers
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics

AXES, FEW = "condition angle width solver repeat start", "condition angle width repeat"
# What is compiled for the draws depends on these fields alone.
LAW = ("tasks", "dimension", "samples", "true_rank", "deviation", "noise")


@dataclass(frozen=True, kw_only=True)
class TrainedGap(CellExperiment):
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
    """

    CELLS = ("condition", "angle")
    BATCH = 50
    QUICK: ClassVar = {
        **{"conditions": (1.0, 10.0, 100.0), "angles": (0.0, 45.0, 90.0)},
        **{"starts": 2, "repeats": 8},
    }
    COORDINATES: ClassVar = {"width": ("width", "columns r of the module", "1")}
    COLUMNS: ClassVar = {
        "gap": (AXES, "loss above the optimum, share of explained energy", "1"),
        "status": (AXES, ENDS, "1"),
        "steps": (AXES, "steps taken", "steps"),
        "certified": (FEW, "gap is to a certified optimum", "1"),
        "bracket": (FEW, "what the best known may be above the optimum", "1"),
        "similarity": (
            "condition angle repeat",
            "normalised similarity score of the first task and the last",
            "1",
        ),
    }

    tasks: int = setting(3, "[2, inf)")
    dimension: int = setting(8, lambda spec: f"[{spec.tasks + spec.past}, inf)")
    samples: int = setting(40, lambda spec: f"[{spec.dimension}, inf)")
    past: int = setting(1, "[0, inf)")
    conditions: tuple[float, ...] = setting(
        (1.0, 10.0, 100.0), "[1, 1e4]", condition="condition κ of X"
    )
    angles: tuple[float, ...] = setting(
        (0.0, 15.0, 45.0, 90.0),
        "[0, 90]",
        unit="degrees",
        angle="turn of the last task",
    )
    true_rank: int = setting(2, lambda spec: f"[1, {spec.dimension}]")
    deviation: float = setting(0.5, "[0, inf)")
    noise: float = setting(0.5, "(0, inf)")
    solvers: tuple[str, ...] = setting(
        tuple(SOLVERS), solver="method, at its default budget"
    )
    shown: tuple[int, float, float] = (1, 10.0, 45.0)
    starts: int = setting(4, "[1, inf)", start="random start")
    repeats: int = setting(50, "[1, inf)", repeat="independent draw")

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        super().__post_init__()
        check_solvers(self.solvers)
        axes = (self.widths, self.conditions, self.angles)
        if self.shown not in itertools.product(*axes):
            raise ValueError(
                f"shown must be a width, condition and angle of {axes}, got "
                f"{self.shown}"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths `r`, from 1 past `k`."""
        return tuple(range(1, self.tasks + self.past + 1))

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure how far above the optimum every start ends, by method and width.

        `(f − f*)/(Σ e_i − f*)`. `f*` is that of `theory.linear.shared_optimum`, which
        trains nothing. Where it is not certified `f*` is the least of it and of all
        starts of all methods: the gap is then to the best known loss, and the true one
        may be larger by `bracket`, which has the same unit.

        Source: W eq 1 (linear `g`); the study is ours.
        """
        size = jnp.asarray(points["condition"], float)
        turn = jnp.deg2rad(jnp.asarray(points["angle"], float))
        law = {name: getattr(self, name) for name in LAW}
        statistics, score = _draws(keys, size, turn, **law)
        found = [_at(self, statistics, width, keys) for width in self.widths]
        columns = (np.stack(parts, axis=1) for parts in zip(*found, strict=True))
        return {**_Point(*columns)._asdict(), "similarity": np.asarray(score)}

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        return {"width": self.widths}


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


@partial(jax.jit, static_argnames=LAW)
def _draws(
    keys: Key[Array, " n"],
    condition: Float[Array, " n"],
    angle: Float[Array, " n"],
    **law: Any,
) -> tuple[TaskStatistics, Float[Array, " n"]]:
    """Statistics of all draws, and the similarity of the first task and the last."""
    return jax.vmap(partial(turned_tasks, **law))(keys, condition, angle)


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
