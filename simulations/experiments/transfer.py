"""W-F3: what a source is worth to a target, against its number of samples."""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Key

from simulations import store
from simulations.draws.figure_3_tasks import (
    SOURCES,
    Figure3Tasks,
    Reading,
    figure_3_tasks,
)
from simulations.engine.in_memory import Progress, map_chunks, repeat_keys
from simulations.engine.study import Study, study_of_repeats
from simulations.sampling import sample_statistics
from theory.linear import single_task_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics

# Points of one chunk: at d = 100 about 1 MB each, and enough for a batched kernel.
POINTS = 128


@dataclass(frozen=True, kw_only=True)
class TransferSweep:
    """Axes of W-F3.

    The target has fewer samples than inputs, `m_target = d/2`, and noise 10 (a label's
    standard deviation without noise is about 32). In this regime Fig 3's claim shows:
    alone, the target misses half of all directions, whatever the noise. With
    `m_target ≥ 1.1 d` and this noise every kind of source helps from its first samples
    on (tried at d = 40); without noise and `m_target ≥ d` no gain exists at all.

    The paper's text fixes neither `d`, `m`, the noise nor `Q`.

    Args:
        dimension: Inputs `d`.
        samples_target: Samples of the target, `m_target`.
        samples_source: Samples of the source, `m_source`; `m_target + m_source` must be
            at least `d + 2`: with fewer, many modules fit both tasks exactly.
        noise: Standard deviation `σ` of the labels' noise in both tasks.
        cosine: `cos(θ_1, θ_2)`.
        condition: `κ`, the entry of `D` on a tenth of the coordinates.
        reading: `rotated`: `X = R D Qᵀ`. `as written`: `X = R Q D`, where `Q` does not
            change the law.
        repeats: Independent draws of tasks and data.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    dimension: int = 100
    samples_target: int = 50
    samples_source: tuple[int, ...] = (
        *(60, 80, 100, 140, 200, 300, 500, 700),
        *(1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000),
        *(300_000, 1_000_000, 3_000_000, 10_000_000),
    )
    noise: float = 10.0
    cosine: float = 0.96
    condition: float = 100.0
    reading: Reading = "rotated"
    repeats: int = 200
    seed: int = 0

    def study(self) -> Study:
        """For the engine: a cell is a repeat, with all sources and sizes."""
        _check(self)
        return study_of_repeats(
            self, _chunk, _Result, _dataset, batch=_batch(self), compiled=True
        )

    @classmethod
    def quick(cls) -> "TransferSweep":
        """Half a minute on two cores."""
        grid = (30, 60, 100, 300, 1_000, 3_000, 10_000, 100_000, 1_000_000, 10_000_000)
        return cls(dimension=40, samples_target=20, samples_source=grid, repeats=100)


class _Targets(NamedTuple):
    tasks: Figure3Tasks
    statistics: TaskStatistics
    risk: Float[Array, "n"]


class _Result(NamedTuple):
    risk_alone: Float[Array, "n"]
    risk_joint: Float[Array, "n source m"]
    certified: Bool[Array, "n source m"]


def run(spec: TransferSweep, progress: Progress | None = None) -> xr.Dataset:
    """Measure the target's excess risk alone and with each source.

    For an estimate `θ̂` of the target's `θ_1` the excess risk is the closed form
    `(θ̂ − θ_1)ᵀ Σ_1 (θ̂ − θ_1)`, in units of the labels' variance. Joint: the certified
    optimum of width 1; alone: least squares of least norm. Common random numbers: a
    repeat has one target and one set of normals for all sources, so the points of a
    curve are correlated, and differences between them are less noisy than the points.

    Raises:
        ValueError: A field of the spec is out of range.

    Source: W-F3 (Fig 3).
    """
    _check(spec)
    keys = repeat_keys(spec.seed, spec.repeats)
    result = map_chunks(partial(_chunk, spec), keys, _batch(spec), progress)
    return _dataset(spec, result)


def _batch(spec: TransferSweep) -> int:
    return max(1, POINTS // (len(SOURCES) * len(spec.samples_source)))


def _check(spec: TransferSweep) -> None:
    for name in ("samples_target", "repeats"):
        if getattr(spec, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(spec, name)}")
    if not (math.isfinite(spec.noise) and spec.noise >= 0):
        raise ValueError(f"noise must be finite and >= 0, got {spec.noise}")
    least = max(1, spec.dimension + 2 - spec.samples_target)
    few = [m for m in spec.samples_source if m < least]
    if few or not spec.samples_source:
        raise ValueError(
            f"samples_source must be at least {least}, dimension + 2 - samples_target, "
            f"got {few or 'none'}: with fewer, the joint optimum is not unique"
        )


def _chunk(spec: TransferSweep, keys: Key[Array, " n"]) -> _Result:
    draw = partial(
        _targets,
        dimension=spec.dimension,
        condition=spec.condition,
        cosine=spec.cosine,
        reading=spec.reading,
    )
    targets = draw(keys, float(spec.samples_target), spec.noise)
    # Two programs, one after the other: see `map_chunks` on deadlocks.
    jax.block_until_ready(targets)
    counts = jnp.asarray(spec.samples_source, float)
    risk, certified = _joint(keys, targets, counts, spec.noise)
    return _Result(targets.risk, risk, certified)


@partial(jax.jit, static_argnames=("dimension", "condition", "cosine", "reading"))
def _targets(
    keys: Key[Array, " n"],
    samples: Float[Array, ""] | float,
    noise: Float[Array, ""] | float,
    *,
    dimension: int,
    condition: float,
    cosine: float,
    reading: Reading,
) -> _Targets:
    def one(key: Key[Array, ""]) -> _Targets:
        task_key, target_key, _ = jax.random.split(key, 3)
        tasks = figure_3_tasks(
            task_key, dimension, condition=condition, cosine=cosine, reading=reading
        )
        target = sample_statistics(
            target_key, tasks.target_root, tasks.target_parameter, noise, samples
        )
        alone = single_task_optimum(TaskStatistics.stack([target]))[0]
        return _Targets(tasks, target, _excess_risk(tasks, alone))

    return jax.vmap(one)(keys)


@jax.jit
def _joint(
    keys: Key[Array, " n"],
    targets: _Targets,
    samples: Float[Array, " m"],
    noise: Float[Array, ""] | float,
) -> tuple[Float[Array, "n source m"], Bool[Array, "n source m"]]:
    def point(
        key: Key[Array, ""],
        target: _Targets,
        root: Float[Array, "d d"],
        count: Float[Array, ""],
    ) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        theta = target.tasks.source_parameter
        source = sample_statistics(key, root, theta, noise, count)
        both = TaskStatistics.stack([target.statistics, source])
        # samples_source is such that the two Gram matrices sum to a definite one.
        optimum = two_task_optimum(both, jnp.ones(2), full_rank=True)
        return _excess_risk(target.tasks, optimum.parameters[0]), optimum.certified

    def one(
        key: Key[Array, ""], target: _Targets
    ) -> tuple[Float[Array, "source m"], Bool[Array, "source m"]]:
        source_key = jax.random.split(key, 3)[2]
        over_samples = jax.vmap(point, (None, None, None, 0))
        over_sources = jax.vmap(over_samples, (None, None, 0, None))
        return over_sources(source_key, target, target.tasks.source_roots, samples)

    return jax.vmap(one)(keys, targets)


def _excess_risk(tasks: Figure3Tasks, estimate: Float[Array, " d"]) -> Float[Array, ""]:
    # Σ_1 = SSᵀ.
    return jnp.sum(((estimate - tasks.target_parameter) @ tasks.target_root) ** 2)


def _dataset(spec: TransferSweep, result: _Result) -> xr.Dataset:
    alone = np.asarray(result.risk_alone)
    joint = np.moveaxis(np.asarray(result.risk_joint), 0, -1)
    axes = ("source", "samples_source", "repeat")
    unit = "labels' units squared"
    certified = np.moveaxis(np.asarray(result.certified), 0, -1).mean(axis=-1)
    variables: dict[str, store.Entry] = {
        "risk_joint": (axes, joint, "excess risk of the target, both tasks", unit),
        "risk_alone": (axes[2:], alone, "excess risk of the target alone", unit),
        "gain": (axes, alone - joint, "excess risk alone minus joint", unit),
        "relative_gain": (
            *(axes, (alone - joint) / (alone + joint)),
            *("(alone - joint) / (alone + joint), excess risks", "1"),
        ),
        "certified": (axes[:2], certified, "share of certified optima", "1"),
    }
    coordinates: dict[str, store.Entry] = {
        "source": ("source", list(SOURCES), "kind of source", "1"),
        "samples_source": (
            *("samples_source", np.asarray(spec.samples_source)),
            *("size of the source", "samples"),
        ),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return store.dataset(spec, variables, coordinates)
