"""What a source is worth to a target, cell by cell: similarity, cosine, m, α, seeds."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from simulations.draws.pairs import parameters_at, turned_planes
from simulations.engine.study import Columns
from simulations.experiments.experiment import SQUARED, CellExperiment, gains, setting
from simulations.sampling import sample_statistics
from theory.linear import single_task_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics

# A risk is a squared error, and this share of the signal's square is rounding: errors
# of 1e-7 of the parameters, in Gram matrices whose condition number is up to 1e8.
ROUNDING = 1e-14
AXES = "turn cosine samples_source weight repeat"


@dataclass(frozen=True, kw_only=True)
class GainGrid(CellExperiment):
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
    """

    CELLS = ("turn", "cosine", "samples_source", "weight")
    COMPILED = True
    COLUMNS: ClassVar = {
        "risk_joint": (AXES, "excess risk of the target, both tasks", SQUARED),
        "risk_alone": (AXES, "excess risk of the target alone", SQUARED),
        "relative_gain": (AXES, "(alone - joint) / (alone + joint)", "1"),
        "certified": (AXES, "whether it is certified", "1"),
    }

    turns: tuple[float, ...] = setting(
        (0.0, 0.01, 0.1, 0.5, 1.0), "[0, 1]", turn="place on the path"
    )
    cosines: tuple[float, ...] = setting(
        (-1.0, 0.0, 0.5, 0.9, 0.96, 1.0), "[-1, 1]", cosine="cosine of the parameters"
    )
    samples_source: tuple[int, ...] = setting(
        (20, 100, 1_000, 10_000),
        lambda spec: f"[{max(1, spec.dimension + 2 - spec.samples_target)}, inf)",
        "with fewer the optimum is not unique",
        unit="samples",
        samples_source="samples of the source",
    )
    # Beyond, a Gram matrix of one task drowns in the rounding of the other.
    weights: tuple[float, ...] = setting(
        (0.1, 1.0, 10.0), "[1e-6, 1e6]", weight="weight of the source"
    )
    dimension: int = setting(20, "[2, inf)")
    samples_target: int = setting(10, "[1, inf)")
    noise: float = setting(10.0, "[0, 1e100]")
    condition: float = setting(100.0, "[1, 1e6]")

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure the target's excess risk with the source and alone.

        For an estimate `θ̂` it is `(θ̂ − θ_2)ᵀ Σ_2 (θ̂ − θ_2)`. Joint: the certified
        optimum of width 1 and weights `(1, α)`; alone: least squares of least norm.

        Source: W §2.3; the grid is ours.
        """
        return jax.vmap(partial(_cell, self))(keys, dict(points))

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        return gains(found)


def _cell(
    spec: GainGrid, key: Key[Array, ""], point: dict[str, Float[Array, ""]]
) -> dict[str, Array]:
    task_key, target_key, source_key = jax.random.split(key, 3)
    theta, source_theta = parameters_at(task_key, spec.dimension, point["cosine"])
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

    def risk(found: Float[Array, " d"]) -> Float[Array, ""]:
        error = jnp.sum(((found - theta) @ root) ** 2)
        signal = jnp.sum((theta @ root) ** 2)
        # Without noise both risks may be 0, and their ratio is not one of roundings.
        return jnp.where(error > ROUNDING * signal, error, 0)

    return {
        "risk_joint": risk(best.parameters[0]),
        "risk_alone": risk(alone),
        "certified": best.certified,
    }


def _roots(
    spec: GainGrid, turn: Float[Array, ""]
) -> tuple[Float[Array, "d d"], Float[Array, "d d"]]:
    """Roots of the covariances of target and source."""
    d, tenth = spec.dimension, max(1, spec.dimension // 10)
    size = jnp.ones(d).at[:tenth].set(spec.condition)
    one, two = jnp.arange(tenth), tenth + jnp.arange(tenth)
    return jnp.diag(size), turned_planes(d, one, two, turn * jnp.pi / 2) * size
