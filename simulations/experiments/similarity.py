"""What a source is worth to a target, against how alike their covariances are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float, Key

from simulations import store
from simulations.engine.in_memory import Progress, map_chunks, repeat_keys
from simulations.engine.study import Study, study_of_repeats
from simulations.sampling import sample_statistics
from theory.covariance import similarity_matrix
from theory.linear import single_task_optimum
from theory.linear.two_tasks import two_task_optimum
from theory.tasks import TaskStatistics

PATHS = ("rotation", "spectrum")
# Points of one chunk: a batched kernel needs about a hundred, and memory is small.
POINTS = 256


@dataclass(frozen=True, kw_only=True)
class SimilaritySweep:
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
        repeats: Independent draws of tasks and data.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    dimension: int = 100
    samples_target: int = 50
    samples_source: tuple[int, ...] = (100, 10_000)
    turns: tuple[float, ...] = (
        *(0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5),
        *(0.65, 0.8, 0.9, 1.0),
    )
    noise: float = 10.0
    cosine: float = 0.96
    condition: float = 100.0
    energy: float = 0.99
    repeats: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        for name, least in {"dimension": 2, "samples_target": 1, "repeats": 1}.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} must be at least {least}, got {getattr(self, name)}"
                )
        few = self.dimension + 2 - self.samples_target
        if not self.samples_source or min(self.samples_source) < max(1, few):
            raise ValueError(
                f"samples_source must be at least {max(1, few)} for dimension "
                f"{self.dimension} and samples_target {self.samples_target}, got "
                f"{self.samples_source}: with fewer the optimum is not unique"
            )
        if not self.turns or not all(0 <= turn <= 1 for turn in self.turns):
            raise ValueError(f"turns must be in [0, 1], got {self.turns}")
        if not self.noise >= 0 or not -1 <= self.cosine <= 1:
            raise ValueError(
                "noise must be >= 0 and cosine must be in [-1, 1], got "
                f"{self.noise} and {self.cosine}"
            )
        if not 1 < self.condition < float("inf") or not 0 < self.energy <= 1:
            raise ValueError(
                "condition must be above 1 and energy must be in (0, 1], got "
                f"{self.condition} and {self.energy}"
            )

    def study(self) -> Study:
        """For the engine: a cell is a repeat, with all points of both paths."""
        points = len(PATHS) * len(self.turns) * len(self.samples_source)
        return study_of_repeats(
            self,
            lambda spec, keys: _chunk(spec, keys, source_roots(spec)),
            _Result,
            _dataset,
            batch=max(1, POINTS // points),
            compiled=True,
        )

    @classmethod
    def quick(cls) -> "SimilaritySweep":
        """Under half a minute on two cores."""
        turns = (0.0, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
        return cls(
            dimension=20,
            samples_target=10,
            samples_source=(20, 2_000),
            turns=turns,
            repeats=100,
        )


class _Targets(NamedTuple):
    parameter: Float[Array, "*n d"]
    source_parameter: Float[Array, "*n d"]
    statistics: TaskStatistics
    risk: Float[Array, "*n"]


class _Result(NamedTuple):
    risk_alone: Float[Array, " n"]
    risk_joint: Float[Array, "n path turn m"]
    certified: Bool[Array, "n path turn m"]
    printed: Float[Array, "n path turn m"]
    normalised: Float[Array, "n path turn m"]


def run(spec: SimilaritySweep, progress: Progress | None = None) -> xr.Dataset:
    """Measure the target's excess risk and the similarity score of the drawn tasks.

    The excess risk of `θ̂` is `(θ̂ − θ_2)ᵀ Σ_2 (θ̂ − θ_2)`. Joint: the certified optimum
    of width 1; alone: least squares of least norm. Scores are those of eq 5 between the
    two drawn Gram matrices. A repeat has one target and one set of normals for all
    points, so that points on a curve are paired.

    Source: W §2.3 and eq 5 (W-E5); the paths are ours.
    """
    keys, size = repeat_keys(spec.seed, spec.repeats), spec.study().batch or 1
    roots = source_roots(spec)
    # What is compiled does not depend on these two.
    fixed = replace(spec, repeats=1, seed=0)
    result = map_chunks(lambda part: _chunk(fixed, part, roots), keys, size, progress)
    return _dataset(spec, result)


def source_roots(spec: SimilaritySweep) -> Float[Array, "path turn d d"]:
    """Roots `S` of the source's covariances `SSᵀ`, in the order of `PATHS`."""
    d, tenth = spec.dimension, max(1, spec.dimension // 10)
    turn = jnp.asarray(spec.turns, float)
    diagonal = jnp.ones((len(turn), d))
    diagonal = diagonal.at[:, :tenth].set(spec.condition ** (1 - turn)[:, None])
    diagonal = diagonal.at[:, tenth : 2 * tenth].set(spec.condition ** turn[:, None])
    one, two = jnp.arange(tenth), tenth + jnp.arange(tenth)
    c = jnp.cos(turn * jnp.pi / 2)[:, None]
    s = jnp.sin(turn * jnp.pi / 2)[:, None]
    rotation = jnp.broadcast_to(jnp.eye(d), (len(turn), d, d))
    rotation = rotation.at[:, one, one].set(c).at[:, two, two].set(c)
    rotation = rotation.at[:, two, one].set(s).at[:, one, two].set(-s)
    start = jnp.ones(d).at[:tenth].set(spec.condition)
    return jnp.stack([rotation * start, jax.vmap(jnp.diag)(diagonal)])


def _chunk(
    spec: SimilaritySweep, keys: Key[Array, " n"], roots: Float[Array, "path turn d d"]
) -> _Result:
    # Programs one after the other: see `map_chunks` on deadlocks.
    targets = jax.block_until_ready(_targets(keys, spec))
    sources = jax.block_until_ready(_sources(keys, targets, roots, spec))
    found = jax.block_until_ready(_joint(targets, sources, spec))
    return _Result(targets.risk, *found, *_scores(targets, sources, spec.energy))


@partial(jax.jit, static_argnames="spec")
def _targets(keys: Key[Array, " n"], spec: SimilaritySweep) -> _Targets:
    def one(key: Key[Array, ""]) -> _Targets:
        task_key, target_key, _ = jax.random.split(key, 3)
        theta, source_theta = _parameters(task_key, spec)
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


def _parameters(
    key: Key[Array, ""], spec: SimilaritySweep
) -> tuple[Float[Array, " d"], Float[Array, " d"]]:
    draws = jax.random.normal(key, (2, spec.dimension))
    first = draws[0] / jnp.linalg.norm(draws[0])
    across = draws[1] - (draws[1] @ first) * first
    across = across / jnp.linalg.norm(across)
    return first, spec.cosine * first + (1 - spec.cosine**2) ** 0.5 * across


def _dataset(spec: SimilaritySweep, result: _Result) -> xr.Dataset:
    axes = ("path", "turn", "samples_source", "repeat")
    alone = np.asarray(result.risk_alone)
    joint, certified, printed, normalised = (
        np.moveaxis(np.asarray(values), 0, -1) for values in result[1:]
    )
    unit = "labels' units squared"
    relative = (alone - joint) / (alone + joint)
    turn = np.asarray(spec.turns)
    variables: dict[str, store.Entry] = {
        "risk_joint": (axes, joint, "excess risk of the target, both tasks", unit),
        "risk_alone": (axes[3:], alone, "excess risk of the target alone", unit),
        "gain": (axes, alone - joint, "excess risk alone minus joint", unit),
        "relative_gain": (axes, relative, "(alone - joint) / (alone + joint)", "1"),
        "similarity": (axes, printed, "similarity score as printed", "1"),
        "similarity_normalised": (axes, normalised, "similarity, normalised", "1"),
        "certified": (axes[:3], certified.mean(axis=-1), "share certified", "1"),
    }
    coordinates: dict[str, store.Entry] = {
        "path": ("path", list(PATHS), "what is turned", "1"),
        "turn": ("turn", turn, "place on the path", "1"),
        "angle": ("turn", 90 * turn, "angle of the rotation", "degrees"),
        "samples_source": (
            *("samples_source", np.asarray(spec.samples_source)),
            *("samples of the source", "samples"),
        ),
        "repeat": ("repeat", np.arange(spec.repeats), "independent draw", "1"),
    }
    return store.dataset(spec, variables, coordinates)
