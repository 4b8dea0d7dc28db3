"""W-A2: what task weights do to a target, and to tasks among noisy ones."""

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
from theory.linear import common_covariance_optimum, single_task_optimum
from theory.tasks import TaskStatistics
from theory.weighting import svd_weights

SOURCES = ("clean", "noisy")
SCHEMES = ("uniform", "printed", "uniform, scaled", "standardised")


@dataclass(frozen=True, kw_only=True)
class WeightsSweep(CellExperiment):
    """Axes of both parts of the study; all tasks have one `X` of rows `N(0, I)`.

    Part 1: a source and a target at width 1, over the ratio of their weights. Part 2:
    `k` tasks of which the first `corrupted` have bad labels, in two ways: a share of
    the labels is replaced by labels of random other rows, or `N(0, s²)` is added to
    every label, `s` a multiple of the labels' standard deviation.

    Args:
        dimension: Inputs `d`.
        samples: Rows `m` of the common `X`; above `d`.
        noise: Standard deviation `σ` of the noise in all labels; parameters have
            length about 1.
        cosine: Between the parameters of source and target.
        ratios: `α_source/α_target`.
        noisy: Noise of the noisy source, as a multiple of `noise`.
        tasks: `k` of part 2.
        width: `r` of the module and of Algorithm 2.
        true_rank: Rank of the common part of the parameters.
        deviation: Length of a task's own part; that of the common part is 1.
        corrupted: Tasks with bad labels, fewer than `k`.
        shares: Shares of labels that are replaced, in [0, 1].
        loudness: Multiples of the labels' standard deviation that are added.
    """

    # Small matrices, so many to a kernel.
    BATCH = 50
    # The quick profile is the full one, as compilation costs more than the draws. With
    # one bad task of six at `d = 20` Algorithm 2 gains at 20 % random labels no more
    # than without noise, 0.001 ± 0.0015 over 400 draws; here it does.
    LABELS: ClassVar = {
        "source": (SOURCES, "labels of the source"),
        "scheme": (SCHEMES, "weights and labels"),
    }
    COORDINATES: ClassVar = {"corrupted": ("task", "whether its labels are bad", "1")}
    COLUMNS: ClassVar = {
        "target_alone": ("repeat", "excess risk, alone", SQUARED),
        "target_joint": (
            *("source ratio repeat", "excess risk of the target with a source"),
            SQUARED,
        ),
        "alone_share": ("share task repeat", "excess risk, task alone", SQUARED),
        "risk_share": ("share scheme task repeat", "excess risk, all tasks", SQUARED),
        "weight_share": ("share scheme task repeat", "weight of the loss", "any"),
        "alone_loudness": ("loudness task repeat", "excess risk, task alone", SQUARED),
        "risk_loudness": (
            *("loudness scheme task repeat", "excess risk, all tasks", SQUARED),
        ),
        "weight_loudness": ("loudness scheme task repeat", "weight of the loss", "any"),
    }

    dimension: int = setting(30, "[2, inf)")
    samples: int = setting(60, lambda spec: f"[{spec.dimension + 1}, inf)")
    noise: float = setting(0.5, "[0, 1e300]")
    cosine: float = setting(0.96, "[-1, 1]")
    ratios: tuple[float, ...] = setting(
        (
            *(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            *(3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
        ),
        "[1e-300, 1e300]",
        ratio="weight, source/target",
    )
    noisy: float = setting(6.0, "[0, 1e300]")
    tasks: int = setting(8, "[2, inf)", task="number of the task")
    width: int = setting(2, lambda spec: f"[1, {min(spec.tasks, spec.dimension)}]")
    true_rank: int = setting(2, lambda spec: f"[1, {spec.dimension}]")
    deviation: float = setting(0.1, "[0, 1e300]")
    corrupted: int = setting(2, lambda spec: f"[0, {spec.tasks - 1}]")
    shares: tuple[float, ...] = setting(
        (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0),
        "[0, 1]",
        share="share of labels randomised",
    )
    loudness: tuple[float, ...] = setting(
        (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0),
        "[0, 1e300]",
        loudness="noise added, in standard deviations of the labels",
    )
    repeats: int = setting(1_000, "[1, inf)", repeat="independent draw")

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure excess risk `‖θ̂_i − θ_i‖²` over both sweeps.

        All optima are in closed form (common `X`). The schemes of part 2 are weights 1;
        Algorithm 2 as printed; weights 1 after the labels are scaled to unit energy;
        and Algorithm 2 on those scaled labels. The third tells apart what scaling does
        and what the weights do. Scaling labels by `1/√e_i` is the same as weights
        `1/e_i`. Points of a repeat have common draws, so that differences are paired.

        Axes of `alone`: repeat, level (`shares`, then `loudness`), task; those of
        `joint` and `weights` have the scheme before the task.

        Source: W-A2 (Algorithm 2) and W-EX; the standardised form is ours.
        """
        # Programs one after the other: see `map_chunks` on deadlocks.
        pair, many = jax.block_until_ready(_draw(keys, self))
        pair_joint = jax.block_until_ready(_pair_joint(pair, self))
        pair_alone = jax.block_until_ready(_pair_alone(pair))
        weights = jax.block_until_ready(_weights(many, self))
        joint = jax.block_until_ready(_many_joint(many, weights, self))
        return {
            **{"target_alone": pair_alone, "target_joint": pair_joint},
            **{"alone": _many_alone(many), "joint": joint, "weights": weights},
        }

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        derived = {"corrupted": np.arange(self.tasks) < self.corrupted}
        shares = len(self.shares)
        columns = {"alone": "alone", "risk": "joint", "weight": "weights"}
        for name, column in columns.items():
            values = np.moveaxis(found[column], 0, -1)
            derived[f"{name}_share"] = values[:shares]
            derived[f"{name}_loudness"] = values[shares:]
        return derived


class _Pair(NamedTuple):
    statistics: TaskStatistics
    target: Float[Array, "*n d"]


class _Many(NamedTuple):
    statistics: TaskStatistics
    parameter: Float[Array, "*n k d"]


@partial(jax.jit, static_argnames="spec")
def _draw(keys: Key[Array, " n"], spec: WeightsSweep) -> tuple[_Pair, _Many]:
    def one(key: Key[Array, ""]) -> tuple[_Pair, _Many]:
        pair_key, many_key = jax.random.split(key)
        return _draw_pair(pair_key, spec), _draw_many(many_key, spec)

    return jax.vmap(one)(keys)


def _draw_pair(key: Key[Array, ""], spec: WeightsSweep) -> _Pair:
    """Source and target, with an axis of sources before that of tasks."""
    task_key, row_key, noise_key = jax.random.split(key, 3)
    d, m = spec.dimension, spec.samples
    basis = jnp.linalg.qr(jax.random.normal(task_key, (d, 2)))[0]
    turn = jnp.array([spec.cosine, (1 - spec.cosine**2) ** 0.5])
    theta = jnp.stack([basis @ turn, basis[:, 0]])
    x = jax.random.normal(row_key, (m, d))
    noise = spec.noise * jax.random.normal(noise_key, (2, m))
    factor = jnp.array([[1.0, 1.0], [spec.noisy, 1.0]])
    labels = theta @ x.T + factor[:, :, None] * noise
    return _Pair(jax.vmap(partial(fold_common, x))(labels), theta[1])


def _draw_many(key: Key[Array, ""], spec: WeightsSweep) -> _Many:
    """Tasks with an axis of levels, `shares` then `loudness`, before that of tasks."""
    task_key, row_key, noise_key, mix_key, loud_key = jax.random.split(key, 5)
    k, d, m = spec.tasks, spec.dimension, spec.samples
    theta = low_rank_parameters(task_key, k, d, spec.true_rank, spec.deviation)
    x = jax.random.normal(row_key, (m, d))
    y = theta @ x.T + spec.noise * jax.random.normal(noise_key, (k, m))
    bad = (jnp.arange(k) < spec.corrupted)[:, None]
    place_key, order_key = jax.random.split(mix_key)
    place = jax.random.permutation(place_key, m)
    order = jax.random.uniform(order_key, (k, m))
    mixed = jnp.take_along_axis(y, jnp.argsort(order, axis=1), axis=1)
    loud = jnp.std(y, axis=1, keepdims=True) * jax.random.normal(loud_key, (k, m))
    shares = jnp.asarray(spec.shares, float)[:, None, None]
    factor = jnp.asarray(spec.loudness, float)[:, None, None]
    randomised = jnp.where(bad & (place < shares * m), mixed, y)
    labels = jnp.concatenate([randomised, y + jnp.where(bad, factor * loud, 0)])
    return _Many(jax.vmap(partial(fold_common, x))(labels), theta)


@partial(jax.jit, static_argnames="spec")
def _pair_joint(pair: _Pair, spec: WeightsSweep) -> Float[Array, "n source ratio"]:
    def point(
        tasks: TaskStatistics, theta: Float[Array, " d"], ratio: Float[Array, ""]
    ) -> Float[Array, ""]:
        weights = jnp.stack([ratio, jnp.ones_like(ratio)])
        best = common_covariance_optimum(tasks, 1, weights)
        return jnp.sum((best.parameters[1] - theta) ** 2)

    over_ratios = jax.vmap(point, (None, None, 0))
    over_sources = jax.vmap(over_ratios, (0, None, None))
    ratios = jnp.asarray(spec.ratios, float)
    return jax.vmap(over_sources, (0, 0, None))(pair.statistics, pair.target, ratios)


@jax.jit
def _pair_alone(pair: _Pair) -> Float[Array, " n"]:
    target = jax.tree.map(lambda leaf: leaf[:, 0, 1:], pair.statistics)
    found = jax.vmap(single_task_optimum)(target)[:, 0]
    return jnp.sum((found - pair.target) ** 2, axis=-1)


@partial(jax.jit, static_argnames="spec")
def _weights(many: _Many, spec: WeightsSweep) -> Float[Array, "n level scheme k"]:
    def one(tasks: TaskStatistics) -> Float[Array, "scheme k"]:
        scaled = svd_weights(
            tasks.moment, spec.width, standardise=True, energies=tasks.energy
        )
        printed = svd_weights(tasks.moment, spec.width)
        plain = jnp.ones_like(tasks.energy)
        return jnp.stack([plain, printed, plain / tasks.energy, scaled / tasks.energy])

    return jax.vmap(jax.vmap(one))(many.statistics)


@partial(jax.jit, static_argnames="spec")
def _many_joint(
    many: _Many, weights: Float[Array, "n level scheme k"], spec: WeightsSweep
) -> Float[Array, "n level scheme k"]:
    def point(
        tasks: TaskStatistics, alpha: Float[Array, " k"], theta: Float[Array, "k d"]
    ) -> Float[Array, " k"]:
        # Only ratios of weights matter; this keeps them near 1.
        best = common_covariance_optimum(tasks, spec.width, alpha / jnp.max(alpha))
        return jnp.sum((best.parameters - theta) ** 2, axis=1)

    over_schemes = jax.vmap(point, (None, 0, None))
    over_levels = jax.vmap(over_schemes, (0, 0, None))
    return jax.vmap(over_levels)(many.statistics, weights, many.parameter)


@jax.jit
def _many_alone(many: _Many) -> Float[Array, "n level k"]:
    found = jax.vmap(jax.vmap(single_task_optimum))(many.statistics)
    return jnp.sum((found - many.parameter[:, None]) ** 2, axis=-1)
