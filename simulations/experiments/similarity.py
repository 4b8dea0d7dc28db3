"""What a source is worth to a target, against how alike their covariances are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Key

from simulations.draws.pairs import parameters_at, turned_planes
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Columns
from simulations.experiments.experiment import SQUARED, CellExperiment, gains, setting
from simulations.sampling import sample_statistics
from theory.covariance import similarity_matrix
from theory.linear import single_task_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics

PATHS = ("rotation", "spectrum")
# Points of one chunk: a batched kernel needs about a hundred, and memory is small.
POINTS = 256
AXES = "path turn samples_source repeat"


@dataclass(frozen=True, kw_only=True)
class SimilaritySweep(CellExperiment):
    """Axes of the study; the regime is that of `TransferSweep` (W-F3).

    The target has `Σ_2 = D_1²` with `D_1 = κ` on the first tenth `S_1` of the
    coordinates and 1 elsewhere. The source goes from that covariance to `D_2²`, strong
    on the next tenth `S_2` instead, on two paths with common ends, at `turn = t`:

        rotation:  Σ_1 = R D_1² Rᵀ, R turns each plane (j of S_1, j of S_2) by 90° t;
        spectrum:  Σ_1 = D_t², D_t = κ^(1-t) on S_1, κ^t on S_2.

    Nothing is lost by the fixed coordinates: parameters have no preferred direction.

    Args:
        dimension: Inputs `d`.
        samples_target: Samples of the target.
        samples_source: Samples of the source; with those of the target at least
            `d + 2`, so that the joint optimum is unique.
        turns: Places `t` on both paths, in [0, 1].
        noise: Standard deviation `σ` of the labels' noise in both tasks.
        cosine: Between the parameters of source and target.
        condition: `κ > 1`.
        energy: Share of the spectrum that the similarity scores cover.
    """

    COMPILED = True
    QUICK: ClassVar = {
        **{"dimension": 20, "samples_target": 10, "samples_source": (20, 2_000)},
        **{"turns": (0.0, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0), "repeats": 100},
    }
    LABELS: ClassVar = {"path": (PATHS, "what is turned")}
    COORDINATES: ClassVar = {"angle": ("turn", "angle of the rotation", "degrees")}
    COLUMNS: ClassVar = {
        "risk_joint": (AXES, "excess risk of the target, both tasks", SQUARED),
        "risk_alone": ("repeat", "excess risk of the target alone", SQUARED),
        "gain": (AXES, "excess risk alone minus joint", SQUARED),
        "relative_gain": (AXES, "(alone - joint) / (alone + joint)", "1"),
        "similarity": (AXES, "similarity score as printed", "1"),
        "similarity_normalised": (AXES, "similarity, normalised", "1"),
        "certified": ("path turn samples_source", "share certified", "1"),
    }

    dimension: int = setting(100, "[2, inf)")
    samples_target: int = setting(50, "[1, inf)")
    samples_source: tuple[int, ...] = setting(
        (100, 10_000),
        lambda spec: f"[{max(1, spec.dimension + 2 - spec.samples_target)}, inf)",
        "with fewer the optimum is not unique",
        unit="samples",
        samples_source="samples of the source",
    )
    turns: tuple[float, ...] = setting(
        (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0),
        "[0, 1]",
        turn="place on the path",
    )
    noise: float = setting(10.0, "[0, inf)")
    cosine: float = setting(0.96, "[-1, 1]")
    condition: float = setting(100.0, "(1, inf)")
    energy: float = setting(0.99, "(0, 1]")
    repeats: int = setting(200, "[1, inf)", repeat="independent draw")

    def _batch(self) -> int:
        points = len(PATHS) * len(self.turns) * len(self.samples_source)
        return max(1, POINTS // points)

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Compute all cells in memory, by four programs instead of a fused one."""
        return in_memory(replace(self.study(), compiled=False), progress)

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure the target's excess risk and the similarity score of the drawn tasks.

        The excess risk of `θ̂` is `(θ̂ − θ_2)ᵀ Σ_2 (θ̂ − θ_2)`. Joint: the certified
        optimum of width 1; alone: least squares of least norm. Scores are those of eq 5
        between the two drawn Gram matrices. A repeat has one target and one set of
        normals for all points, so that points on a curve are paired.

        Source: W §2.3 and eq 5 (W-E5); the paths are ours.
        """
        # Programs one after the other: see `map_chunks` on deadlocks.
        targets = jax.block_until_ready(_targets(keys, self))
        roots = source_roots(self)
        sources = jax.block_until_ready(_sources(keys, targets, roots, self))
        risk, certified = jax.block_until_ready(_joint(targets, sources, self))
        printed, normalised = _scores(targets, sources, self.energy)
        return {
            **{"risk_alone": targets.risk, "risk_joint": risk, "certified": certified},
            **{"printed": printed, "normalised": normalised},
        }

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        return gains(found) | {
            "similarity": np.moveaxis(found["printed"], 0, -1),
            "similarity_normalised": np.moveaxis(found["normalised"], 0, -1),
            "angle": 90 * np.asarray(self.turns),
        }


class _Targets(NamedTuple):
    parameter: Float[Array, "*n d"]
    source_parameter: Float[Array, "*n d"]
    statistics: TaskStatistics
    risk: Float[Array, "*n"]


def source_roots(spec: SimilaritySweep) -> Float[Array, "path turn d d"]:
    """Roots `S` of the source's covariances `SSᵀ`, in the order of `PATHS`."""
    d, tenth = spec.dimension, max(1, spec.dimension // 10)
    turn = jnp.asarray(spec.turns, float)
    diagonal = jnp.ones((len(turn), d))
    diagonal = diagonal.at[:, :tenth].set(spec.condition ** (1 - turn)[:, None])
    diagonal = diagonal.at[:, tenth : 2 * tenth].set(spec.condition ** turn[:, None])
    one, two = jnp.arange(tenth), tenth + jnp.arange(tenth)
    rotation = jax.vmap(partial(turned_planes, d, one, two))(turn * jnp.pi / 2)
    start = jnp.ones(d).at[:tenth].set(spec.condition)
    return jnp.stack([rotation * start, jax.vmap(jnp.diag)(diagonal)])


@partial(jax.jit, static_argnames="spec")
def _targets(keys: Key[Array, " n"], spec: SimilaritySweep) -> _Targets:
    def one(key: Key[Array, ""]) -> _Targets:
        task_key, target_key, _ = jax.random.split(key, 3)
        theta, source_theta = parameters_at(task_key, spec.dimension, spec.cosine)
        root, count = _target_root(spec), float(spec.samples_target)
        target = sample_statistics(target_key, root, theta, spec.noise, count)
        alone = single_task_optimum(TaskStatistics.stack([target]))[0]
        risk = jnp.sum(((alone - theta) @ root) ** 2)
        return _Targets(theta, source_theta, target, risk)

    return jax.vmap(one)(keys)


@partial(jax.jit, static_argnames="spec")
def _sources(
    keys: Key[Array, " n"],
    targets: _Targets,
    roots: Float[Array, "path turn d d"],
    spec: SimilaritySweep,
) -> TaskStatistics:
    """Axes of the statistics: repeat, path, turn, samples."""

    def one(key: Key[Array, ""], theta: Float[Array, " d"]) -> TaskStatistics:
        own = jax.random.split(key, 3)[2]
        counts = jnp.asarray(spec.samples_source, float)
        draw = partial(sample_statistics, own)
        over_samples = jax.vmap(draw, (None, None, None, 0))
        over_turns = jax.vmap(over_samples, (0, None, None, None))
        over_paths = jax.vmap(over_turns, (0, None, None, None))
        return over_paths(roots, theta, jnp.asarray(spec.noise), counts)

    return jax.vmap(one)(keys, targets.source_parameter)


@partial(jax.jit, static_argnames="spec")
def _joint(
    targets: _Targets, sources: TaskStatistics, spec: SimilaritySweep
) -> tuple[Float[Array, "n path turn m"], Bool[Array, "n path turn m"]]:
    root = _target_root(spec)

    def point(
        target: _Targets, source: TaskStatistics
    ) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        both = TaskStatistics.stack([target.statistics, source])
        # samples_source is such that the Gram matrices sum to a definite one.
        best = two_task_optimum(both, jnp.ones(2), full_rank=True)
        error = (best.parameters[0] - target.parameter) @ root
        return jnp.sum(error**2), best.certified

    return _over_points(point)(targets, sources)


@partial(jax.jit, static_argnames="energy")
def _scores(
    targets: _Targets, sources: TaskStatistics, energy: float
) -> tuple[Float[Array, "n path turn m"], Float[Array, "n path turn m"]]:
    def point(
        target: _Targets, source: TaskStatistics
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        grams = jnp.stack([target.statistics.gram, source.gram])
        score = similarity_matrix(grams, energy=energy)
        return score[0, 1], score[0, 1] / jnp.sqrt(score[0, 0] * score[1, 1])

    return _over_points(point)(targets, sources)


def _over_points(point: Callable[..., Any]) -> Callable[..., Any]:
    """Map over repeat, path, turn and samples; a target has the first axis only."""
    for _ in range(3):
        point = jax.vmap(point, (None, 0))
    return jax.vmap(point)


def _target_root(spec: SimilaritySweep) -> Float[Array, "d d"]:
    tenth = max(1, spec.dimension // 10)
    return jnp.diag(jnp.ones(spec.dimension).at[:tenth].set(spec.condition))
