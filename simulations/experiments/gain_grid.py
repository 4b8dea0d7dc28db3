"""What a source is worth to a target, cell by cell: similarity, cosine, m, α, seeds."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from simulations import store
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Axis, Columns, Study
from simulations.sampling import sample_statistics
from theory.linear import single_task_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics

UNIT = "labels' units squared"


@dataclass(frozen=True, kw_only=True)
class GainGrid:
    """Axes of the grid; a cell is one draw of two tasks and their joint optimum.

    The target has `Σ_2 = D²`, `D = κ` on the first tenth `S_1` of the coordinates and 1
    elsewhere; the source has `Σ_1 = R D² Rᵀ`, where `R` turns the plane of coordinate
    `j` of `S_1` and `j` of the next tenth by 90° `t`. A repeat has one set of normals
    for all its cells, so that points of a curve are paired.

    Args:
        turns: Places `t` in [0, 1].
        cosines: Between the parameters of source and target, in [-1, 1].
        samples_source: Samples of the source; with those of the target at least
            `d + 2`, so that the joint optimum is unique.
        weights: `α > 0` of the source; the target has weight 1.
        dimension: Inputs `d`.
        samples_target: Samples of the target.
        noise: Standard deviation `σ` of the labels' noise in both tasks.
        condition: `κ ≥ 1`.
        repeats: Independent draws of tasks and data.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    turns: tuple[float, ...] = (0.0, 0.01, 0.1, 0.5, 1.0)
    cosines: tuple[float, ...] = (-1.0, 0.0, 0.5, 0.9, 0.96, 1.0)
    samples_source: tuple[int, ...] = (20, 100, 1_000, 10_000)
    weights: tuple[float, ...] = (0.1, 1.0, 10.0)
    dimension: int = 20
    samples_target: int = 10
    noise: float = 10.0
    condition: float = 100.0
    repeats: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        for name, least in {"dimension": 2, "samples_target": 1, "repeats": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} must be at least {least}, got {getattr(self, name)}"
                )
        least = max(1, self.dimension + 2 - self.samples_target)
        if any(m < least for m in self.samples_source):
            raise ValueError(
                f"samples_source must be at least {least}, dimension + 2 - "
                f"samples_target, got {self.samples_source}: with fewer the optimum is "
                "not unique"
            )
        _check_range("turns", self.turns, 0.0, 1.0)
        _check_range("cosines", self.cosines, -1.0, 1.0)
        # Beyond, a Gram matrix of one task drowns in the rounding of the other.
        _check_range("weights", self.weights, 1e-6, 1e6)
        _check_range("noise", (self.noise,), 0.0, 1e100)
        _check_range("condition", (self.condition,), 1.0, 1e6)

    def study(self) -> Study:
        """Cells along turn, cosine, source size, weight and repeat."""
        # What is compiled does not depend on the axes and the seed.
        fixed = replace(
            *(self,),
            **{"turns": (0.0,), "cosines": (0.0,), "weights": (1.0,)},
            **{"samples_source": (self.dimension + 2,), "repeats": 1, "seed": 0},
        )
        return Study(
            self,
            (
                Axis("turn", self.turns, "turns"),
                Axis("cosine", self.cosines, "cosines"),
                Axis("samples_source", self.samples_source, "samples_source"),
                Axis("weight", self.weights, "weights"),
                Axis("repeat", range(self.repeats), "repeats", drawn=True),
            ),
            partial(_cells, fixed),
            partial(_dataset, self),
        )


def run(spec: GainGrid, progress: Progress | None = None) -> xr.Dataset:
    """Measure the target's excess risk with the source and alone, without a store.

    For an estimate `θ̂` it is `(θ̂ − θ_2)ᵀ Σ_2 (θ̂ − θ_2)`. Joint: the certified optimum
    of width 1 and weights `(1, α)`; alone: least squares of least norm.

    Raises:
        ValueError: An axis is empty, or has a value twice.

    Source: W §2.3; the grid is ours.
    """
    return in_memory(spec.study(), progress)


def _check_range(
    name: str, values: tuple[float, ...], least: float, most: float
) -> None:
    if not all(math.isfinite(x) and least <= x <= most for x in values):
        raise ValueError(f"{name} must be in [{least}, {most}], got {values}")


@partial(jax.jit, static_argnums=0)
def _cells(spec: GainGrid, keys: Key[Array, " n"], points: Columns) -> dict[str, Any]:
    return jax.vmap(partial(_cell, spec))(keys, dict(points))


def _cell(
    spec: GainGrid, key: Key[Array, ""], point: dict[str, Float[Array, ""]]
) -> dict[str, Array]:
    task_key, target_key, source_key = jax.random.split(key, 3)
    theta, source_theta = _parameters(task_key, spec.dimension, point["cosine"])
    root, source_root = _roots(spec, point["turn"])
    noise, count = spec.noise, float(spec.samples_target)
    target = sample_statistics(target_key, root, theta, noise, count)
    m = point["samples_source"].astype(float)
    source = sample_statistics(source_key, source_root, source_theta, noise, m)
    both = TaskStatistics.stack([target, source])
    # samples_source is such that the Gram matrices sum to a definite one.
    best = two_task_optimum(
        both, jnp.stack([jnp.ones(()), point["weight"]]), full_rank=True
    )
    alone = single_task_optimum(TaskStatistics.stack([target]))[0]
    return {
        "risk_joint": jnp.sum(((best.parameters[0] - theta) @ root) ** 2),
        "risk_alone": jnp.sum(((alone - theta) @ root) ** 2),
        "certified": best.certified,
    }


def _parameters(
    key: Key[Array, ""], dimension: int, cosine: Float[Array, ""]
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    draws = jax.random.normal(key, (2, dimension))
    first = draws[0] / jnp.linalg.norm(draws[0])
    across = draws[1] - (draws[1] @ first) * first
    across = across / jnp.linalg.norm(across)
    return first, cosine * first + jnp.sqrt(1 - cosine**2) * across


def _roots(
    spec: GainGrid, turn: Float[Array, ""]
) -> tuple[Float[Array, "d d"], Float[Array, "d d"]]:
    """Roots of the covariances of target and source."""
    d, tenth = spec.dimension, max(1, spec.dimension // 10)
    size = jnp.ones(d).at[:tenth].set(spec.condition)
    one, two = np.arange(tenth), tenth + np.arange(tenth)
    c, s = jnp.cos(turn * jnp.pi / 2), jnp.sin(turn * jnp.pi / 2)
    rotation = jnp.eye(d).at[one, one].set(c).at[two, two].set(c)
    rotation = rotation.at[two, one].set(s).at[one, two].set(-s)
    return jnp.diag(size), rotation * size


def _dataset(spec: GainGrid, columns: Mapping[str, np.ndarray]) -> xr.Dataset:
    axes = ("turn", "cosine", "samples_source", "weight", "repeat")
    joint, alone = columns["risk_joint"], columns["risk_alone"]
    relative = (alone - joint) / (alone + joint)
    variables: dict[str, store.Entry] = {
        "risk_joint": (axes, joint, "excess risk of the target, both tasks", UNIT),
        "risk_alone": (axes, alone, "excess risk of the target alone", UNIT),
        "relative_gain": (axes, relative, "(alone - joint) / (alone + joint)", "1"),
        "certified": (axes, columns["certified"], "whether it is certified", "1"),
    }
    coordinates: dict[str, store.Entry] = {
        "turn": ("turn", list(spec.turns), "place on the path", "1"),
        "cosine": ("cosine", list(spec.cosines), "cosine of the parameters", "1"),
        "samples_source": (
            *("samples_source", list(spec.samples_source)),
            *("samples of the source", "samples"),
        ),
        "weight": ("weight", list(spec.weights), "weight of the source", "1"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return store.dataset(spec, variables, coordinates)
