"""W-F3: what a source is worth to a target, against its number of samples."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import xarray as xr
from jaxtyping import Array, Bool, Float, Key

from simulations.draws.figure_3_tasks import (
    SOURCES,
    Figure3Tasks,
    Reading,
    figure_3_tasks,
)
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Columns
from simulations.experiments.experiment import SQUARED, CellExperiment, gains, setting
from simulations.sampling import sample_statistics
from theory.linear import single_task_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics

AXES = "source samples_source repeat"
# Points of one chunk: at d = 100 about 1 MB each, and enough for a batched kernel.
POINTS = 128


@dataclass(frozen=True, kw_only=True)
class TransferSweep(CellExperiment):
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
    """

    COMPILED = True
    QUICK: ClassVar = {
        "dimension": 20,
        "samples_target": 10,
        "samples_source": (15, 50, 150, 5_000, 10_000_000),
    }
    LABELS: ClassVar = {"source": (SOURCES, "kind of source")}
    COLUMNS: ClassVar = {
        "risk_joint": (AXES, "excess risk of the target, both tasks", SQUARED),
        "risk_alone": ("repeat", "excess risk of the target alone", SQUARED),
        "gain": (AXES, "excess risk alone minus joint", SQUARED),
        "relative_gain": (AXES, "(alone - joint) / (alone + joint), excess risks", "1"),
        "certified": ("source samples_source", "share of certified optima", "1"),
    }

    dimension: int = setting(100, "[2, inf)")
    samples_target: int = setting(50, "[1, inf)")
    samples_source: tuple[int, ...] = setting(
        (
            *(60, 80, 100, 140, 200, 300, 500, 700),
            *(1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000),
            *(300_000, 1_000_000, 3_000_000, 10_000_000),
        ),
        lambda spec: f"[{max(1, spec.dimension + 2 - spec.samples_target)}, inf)",
        "with fewer the optimum is not unique",
        unit="samples",
        samples_source="size of the source",
    )
    noise: float = setting(10.0, "[0, inf)")
    cosine: float = setting(0.96, "[-1, 1]")
    condition: float = setting(100.0, "(0, inf)")
    reading: Reading = "rotated"
    # As many draws as show the picture at each of 200 resamples of 1,600 draws.
    repeats: int = setting(800, "[1, inf)", repeat="independent draw")

    def _batch(self) -> int:
        return max(1, POINTS // (len(SOURCES) * len(self.samples_source)))

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Compute all cells in memory, by two programs instead of one that is fused."""
        return in_memory(replace(self.study(), compiled=False), progress)

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure the target's excess risk alone and with each source.

        For an estimate `θ̂` of the target's `θ_1` the excess risk is the closed form
        `(θ̂ − θ_1)ᵀ Σ_1 (θ̂ − θ_1)`, in units of the labels' variance. Joint: the
        certified optimum of width 1; alone: least squares of least norm. Common random
        numbers: a repeat has one target and one set of normals for all sources, so the
        points of a curve are correlated, and differences between them are less noisy
        than the points.

        Source: W-F3 (Fig 3).
        """
        draw = partial(
            _targets,
            dimension=self.dimension,
            condition=self.condition,
            cosine=self.cosine,
            reading=self.reading,
        )
        targets = draw(keys, float(self.samples_target), self.noise)
        # Two programs, one after the other: see `map_chunks` on deadlocks.
        jax.block_until_ready(targets)
        counts = jnp.asarray(self.samples_source, float)
        joint, certified = _joint(keys, targets, counts, self.noise)
        return {
            **{"risk_alone": targets.risk, "risk_joint": joint},
            "certified": certified,
        }

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        return gains(found)


class _Targets(NamedTuple):
    tasks: Figure3Tasks
    statistics: TaskStatistics
    risk: Float[Array, "n"]


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
