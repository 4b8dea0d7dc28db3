"""W-P1: what the width of the shared module costs and gains, from 1 past `k`."""

import operator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from simulations import store
from simulations.draws.low_rank import fold_common, low_rank_parameters
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Study, study_of_repeats
from simulations.sampling import sample_statistics
from theory.linear import (
    common_covariance_optimum,
    multi_start_optimum,
    shared_optimum,
    single_task_optimum,
    task_losses,
)
from theory.tasks import TaskStatistics

KINDS = ("common X", "own X", "own covariance")


@dataclass(frozen=True, kw_only=True)
class CapacitySweep:
    """Axes of the study.

    Parameters are `θ_i = B a_i + τ w_i` of `true_rank` plus a deviation. The kinds of
    covariates are one `X` for all tasks, an own `X_i` of the same law `N(0, I)`, and
    rows of an own covariance `Σ_i = Q_i D² Q_iᵀ` of trace `d`, with `D` geometric from
    1 to `condition` and `Q_i` Haar-distributed.

    Args:
        tasks: `k`.
        dimension: Inputs `d`; `k < d`, so that the width can pass `k`.
        samples: Samples `m` of each task; above `d`.
        true_rank: Rank of the common part of the parameters.
        deviation: `τ`, the length of a task's own part; that of the common part is 1.
        noise: Standard deviation `σ` of the labels' noise.
        condition: Of `X_i`, in the kind with own covariances.
        past: Widths above `k` that are tried as well.
        repeats: Independent draws of tasks and data.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    tasks: int = 8
    dimension: int = 30
    samples: int = 60
    true_rank: int = 2
    deviation: float = 0.3
    noise: float = 1.0
    condition: float = 10.0
    past: int = 2
    repeats: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        least = {"tasks": 2, "repeats": 1, "past": 0, "samples": self.dimension + 1}
        least |= {"dimension": self.tasks + self.past, "true_rank": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise ValueError(
                    f"{name} must be at least {value}, got {getattr(self, name)}"
                )
        if self.true_rank > self.dimension:
            raise ValueError(f"true_rank must be at most d, got {self.true_rank}")
        for name, value in {"deviation": 0, "noise": 0, "condition": 1}.items():
            if not value <= getattr(self, name) < float("inf"):
                raise ValueError(
                    f"{name} must be finite and at least {value}, got "
                    f"{getattr(self, name)}"
                )

    def study(self) -> Study:
        """For the engine: a cell is a repeat, at every width; not compiled as one."""
        return study_of_repeats(self, _cells, _Result, _dataset, batch=1)

    @classmethod
    def quick(cls) -> "CapacitySweep":
        """Under half a minute on two cores."""
        return cls(tasks=4, dimension=10, samples=20, past=1, repeats=30)

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths `r`, from 1 past `k`."""
        return tuple(range(1, self.tasks + self.past + 1))


class _Point(NamedTuple):
    risk: Float[Array, " k"]
    training: Float[Array, " k"]


class _Result(NamedTuple):
    """The axis before that of tasks is that of `_Point`."""

    joint: Float[np.ndarray, "n kind width 2 k"]
    alone: Float[np.ndarray, "n kind 2 k"]


class _Draw(NamedTuple):
    statistics: TaskStatistics
    parameter: Float[Array, "k d"]
    root: Float[Array, "k d d"]


def run(spec: CapacitySweep, progress: Progress | None = None) -> xr.Dataset:
    """Measure excess risk and training loss of every task at every width.

    The excess risk is `‖S_iᵀ(θ̂_i − θ_i)‖²` with `Σ_i = S_iS_iᵀ`, the training loss
    `‖X_iθ̂_i − y_i‖²/m`. The joint optimum has weights 1; it is in closed form for a
    common `X` and the best of many starts otherwise. A repeat has one set of
    parameters for all kinds.

    Source: W-P1 (Prop 1); W §2.2.
    """
    return in_memory(spec.study(), progress)


def _cells(spec: CapacitySweep, keys: Key[Array, " n"]) -> _Result:
    joint, alone = zip(*(_one(spec, key) for key in keys), strict=True)
    return _Result(np.asarray(joint), np.asarray(alone))


def _one(
    spec: CapacitySweep, key: Key[Array, ""]
) -> tuple[list[list[_Point]], list[_Point]]:
    """Joint by kind and width, and alone by kind."""
    drawn = _draws(key, spec)
    draws = [jax.tree.map(operator.itemgetter(n), drawn) for n in range(len(KINDS))]
    return (
        [[_at(draw, width) for width in spec.widths] for draw in draws],
        [_score(draw, single_task_optimum(draw.statistics)) for draw in draws],
    )


@partial(jax.jit, static_argnames="spec")
def _draws(key: Key[Array, ""], spec: CapacitySweep) -> _Draw:
    """One draw of every kind, stacked in the order of `KINDS`."""
    task_key, row_key, turn_key, label_key = jax.random.split(key, 4)
    k, d, m = spec.tasks, spec.dimension, spec.samples
    theta = low_rank_parameters(task_key, k, d, spec.true_rank, spec.deviation)
    normal = jax.random.normal(label_key, (m, d + k))
    x = normal[:, :d]
    common = fold_common(x, theta @ x.T + spec.noise * normal[:, d:].T)
    size = jnp.geomspace(1.0, spec.condition, d)
    size *= jnp.sqrt(d / jnp.sum(size**2))
    same = jnp.broadcast_to(jnp.eye(d), (k, d, d))
    turned = jax.random.orthogonal(turn_key, d, (k,)) * size
    own = jax.vmap(
        lambda root: sample_statistics(row_key, root, theta, spec.noise, float(m))
    )(jnp.stack([same, turned]))
    return _Draw(
        jax.tree.map(lambda one, two: jnp.concatenate([one[None], two]), common, own),
        jnp.broadcast_to(theta, (len(KINDS), k, d)),
        jnp.stack([same, same, turned]),
    )


def _at(draw: _Draw, width: int) -> _Point:
    k = draw.statistics.count
    ones = jnp.ones(k)
    if width >= k:
        best = shared_optimum(draw.statistics, width)
    elif bool(jnp.all(draw.statistics.gram == draw.statistics.gram[0])):
        best = common_covariance_optimum(draw.statistics, width, ones)
    else:
        best = multi_start_optimum(draw.statistics, width, ones, bounded=False)
    return _score(draw, best.parameters)


@jax.jit
def _score(draw: _Draw, found: Float[Array, "k d"]) -> _Point:
    error = jnp.einsum("kd,kde->ke", found - draw.parameter, draw.root)
    training = task_losses(draw.statistics, found) / draw.statistics.samples
    return _Point(jnp.sum(error**2, axis=1), training)


def _dataset(spec: CapacitySweep, result: _Result) -> xr.Dataset:
    together, apart = (np.moveaxis(values, 0, -1) for values in result)
    unit = "labels' units squared"
    axes = ("covariates", "width", "task", "repeat")
    few = ("covariates", "task", "repeat")
    variables: dict[str, store.Entry] = {
        "risk": (axes, together[:, :, 0], "excess risk of the joint optimum", unit),
        "risk_alone": (few, apart[:, 0], "excess risk of the task alone", unit),
        "training": (axes, together[:, :, 1], "training loss a row, joint", unit),
        "training_alone": (few, apart[:, 1], "training loss a row, alone", unit),
    }
    coordinates: dict[str, store.Entry] = {
        "covariates": ("covariates", list(KINDS), "kind of covariates", "1"),
        "width": ("width", np.asarray(spec.widths), "columns r of the module", "1"),
        "task": ("task", np.arange(spec.tasks), "number of the task", "1"),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return store.dataset(spec, variables, coordinates)
