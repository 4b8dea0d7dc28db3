"""W-P1: what the width of the shared module costs and gains, from 1 past `k`."""

import operator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from simulations.draws.low_rank import fold_common, low_rank_parameters
from simulations.engine.study import Columns
from simulations.experiments.experiment import SQUARED, CellExperiment, setting
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
AXES, ALONE = "covariates width task repeat", "covariates task repeat"


@dataclass(frozen=True, kw_only=True)
class CapacitySweep(CellExperiment):
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
    """

    BATCH = 1
    QUICK: ClassVar = {
        **{"tasks": 4, "dimension": 10, "samples": 20, "past": 1, "repeats": 30},
    }
    LABELS: ClassVar = {"covariates": (KINDS, "kind of covariates")}
    COORDINATES: ClassVar = {"width": ("width", "columns r of the module", "1")}
    COLUMNS: ClassVar = {
        "risk": (AXES, "excess risk of the joint optimum", SQUARED),
        "risk_alone": (ALONE, "excess risk of the task alone", SQUARED),
        "training": (AXES, "training loss a row, joint", SQUARED),
        "training_alone": (ALONE, "training loss a row, alone", SQUARED),
    }

    tasks: int = setting(8, "[2, inf)", task="number of the task")
    dimension: int = setting(30, lambda spec: f"[{spec.tasks + spec.past}, inf)")
    samples: int = setting(60, lambda spec: f"[{spec.dimension + 1}, inf)")
    true_rank: int = setting(2, lambda spec: f"[1, {spec.dimension}]")
    deviation: float = setting(0.3, "[0, inf)")
    noise: float = setting(1.0, "[0, inf)")
    condition: float = setting(10.0, "[1, inf)")
    past: int = setting(2, "[0, inf)")

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths `r`, from 1 past `k`."""
        return tuple(range(1, self.tasks + self.past + 1))

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure excess risk and training loss of every task at every width.

        The excess risk is `‖S_iᵀ(θ̂_i − θ_i)‖²` with `Σ_i = S_iS_iᵀ`, the training loss
        `‖X_iθ̂_i − y_i‖²/m`. The joint optimum has weights 1; it is in closed form for a
        common `X` and the best of many starts otherwise. A repeat has one set of
        parameters for all kinds.

        Axes of `joint`: repeat, kind, width, entry of `_Point`, task; of `alone` the
        same without the width.

        Source: W-P1 (Prop 1); W §2.2.
        """
        joint, alone = zip(*(_one(self, key) for key in keys), strict=True)
        return {"joint": np.asarray(joint), "alone": np.asarray(alone)}

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        joint, alone = (np.moveaxis(found[name], 0, -1) for name in ("joint", "alone"))
        return {
            **{"risk": joint[:, :, 0], "training": joint[:, :, 1]},
            **{"risk_alone": alone[:, 0], "training_alone": alone[:, 1]},
            "width": self.widths,
        }


class _Point(NamedTuple):
    risk: Float[Array, " k"]
    training: Float[Array, " k"]


class _Draw(NamedTuple):
    statistics: TaskStatistics
    parameter: Float[Array, "k d"]
    root: Float[Array, "k d d"]


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
