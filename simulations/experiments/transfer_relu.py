"""W-F3r: Fig 3 with a ReLU module, trained on rows."""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from simulations import store
from simulations.draws.figure_3_tasks import SOURCES, Figure3Tasks, figure_3_tasks
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Study, study_of_repeats
from simulations.training import (
    LevenbergMarquardt,
    Parameters,
    ReluModel,
    Status,
    train,
)
from simulations.training.rows import Rows
from theory.relu import Population, population_task_losses

# Not every start has converged by then: the share that has is in the data.
SOLVER = LevenbergMarquardt(steps=150, tolerance=1e-6)
# Size of a start's entries in `B`: what no active row sees stays as it started, and is
# part of the target's risk where rows are few. The linear model's optimum is that of
# least norm there.
START = 0.01
# Sources of up to so many rows are padded to this size, and share a program.
PADDED = 100
# Repeats of one chunk.
CHUNK = 20


@dataclass(frozen=True, kw_only=True)
class TransferReluSweep:
    """Axes of W-F3r: tasks as in Fig 3, `y = ReLU(Xθ_i) + ε`, one shared ReLU unit.

    The unit is active on about half the rows, so `m_target = d` rows of the target
    determine as many directions as `m_target = d/2` do in the linear sweep.

    Args:
        dimension: Inputs `d`.
        samples_target: Samples of the target, `m_target`.
        samples_source: Samples of the source, `m_source`.
        noise: Standard deviation `σ` of the labels' noise in both tasks.
        cosine: `cos(θ_1, θ_2)`.
        condition: `κ`, the entry of `D` on a tenth of the coordinates.
        starts: Of each training, all small; the best counts.
        repeats: Independent draws of tasks and data.
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    dimension: int = 10
    samples_target: int = 10
    samples_source: tuple[int, ...] = (10, 15, 20, 30, 40, 100, 300, 1_000)
    noise: float = 10.0
    cosine: float = 0.96
    condition: float = 100.0
    starts: int = 2
    repeats: int = 200
    seed: int = 0

    def study(self) -> Study:
        """For the engine: a cell is a repeat, with all sources and sizes.

        It is not compiled as one: each padded size has a program of its own.
        """
        _check(self)
        return study_of_repeats(self, _chunk, _Result, _dataset, batch=CHUNK)

    @classmethod
    def quick(cls) -> "TransferReluSweep":
        """Some 40 s of one core, half of it compilation."""
        return cls(samples_source=(10, 20, 30, 100))


class _Draw(NamedTuple):
    tasks: Figure3Tasks
    target: Float[Array, "m e"]
    source: Float[Array, "n e"]
    start: Key[Array, ""]


class _Risk(NamedTuple):
    risk: Float[Array, "*n"]
    converged: Bool[Array, "*n"]


class _Result(NamedTuple):
    risk_alone: Float[Array, " n"]
    risk_joint: Float[Array, "n source m"]
    converged: Bool[Array, "n source m"]


def run(spec: TransferReluSweep, progress: Progress | None = None) -> xr.Dataset:
    """Measure the target's excess risk alone and with each source.

    The excess risk of `BA_1` is `E[(ReLU(xᵀB)A_1 − ReLU(xᵀθ_1))²]` over the target's
    inputs, in closed form (`theory.relu`). Both are the best of several trained
    starts. A repeat has one target and one set of normals for all sources, and the
    rows of a smaller source are the first of a larger one, so points of a curve are
    paired.

    Raises:
        ValueError: A field of the spec is out of range.

    Source: W-F3 (Fig 3) with W's ReLU model.
    """
    return in_memory(spec.study(), progress)


def _check(spec: TransferReluSweep) -> None:
    for name in ("samples_target", "starts", "repeats"):
        if getattr(spec, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(spec, name)}")
    if not (math.isfinite(spec.noise) and spec.noise >= 0):
        raise ValueError(f"noise must be finite and >= 0, got {spec.noise}")
    if not spec.samples_source or min(spec.samples_source) < 1:
        raise ValueError(
            f"samples_source must be at least 1, got {spec.samples_source or 'none'}"
        )


def _chunk(spec: TransferReluSweep, keys: Key[Array, " n"]) -> _Result:
    alone = _alone(keys, spec)
    largest = max(spec.samples_source)
    joint = [
        jax.block_until_ready(
            # Padding saves programs; to the largest it would cost most of the time.
            _joint(keys, spec, jnp.asarray(m), min(max(m, PADDED), largest))
        )
        for m in spec.samples_source
    ]
    risk, converged = (jnp.stack(parts, -1) for parts in zip(*joint, strict=True))
    return _Result(alone.risk, risk, converged)


def _draw(key: Key[Array, ""], spec: TransferReluSweep) -> _Draw:
    task_key, target_key, source_key, start = jax.random.split(key, 4)
    tasks = figure_3_tasks(
        task_key, spec.dimension, condition=spec.condition, cosine=spec.cosine
    )
    target, source = (
        # The last column is the noise; rows come first, so that few are the first.
        jax.random.normal(normal_key, (count, spec.dimension + 1))
        for normal_key, count in (
            (target_key, spec.samples_target),
            (source_key, max(spec.samples_source)),
        )
    )
    return _Draw(tasks, target, source, start)


@partial(jax.jit, static_argnames="spec")
def _alone(keys: Key[Array, " n"], spec: TransferReluSweep) -> _Risk:
    def one(key: Key[Array, ""]) -> _Risk:
        draw = _draw(key, spec)
        return _risk(draw, spec, [_target(draw, spec)])

    return lax.map(one, keys)


@partial(jax.jit, static_argnames=("spec", "padded"))
def _joint(
    keys: Key[Array, " n"],
    spec: TransferReluSweep,
    count: Int[Array, ""],
    padded: int,
) -> _Risk:
    def one(key: Key[Array, ""]) -> _Risk:
        draw = _draw(key, spec)
        target = _target(draw, spec)
        theta = draw.tasks.source_parameter

        def with_source(root: Float[Array, "d d"]) -> _Risk:
            x, y = _rows(draw.source[:padded], root, theta, spec.noise)
            used = jnp.arange(padded) < count
            source = x * used[:, None], y * used
            return _risk(draw, spec, [target, source], used)

        return lax.map(with_source, draw.tasks.source_roots)

    return lax.map(one, keys)


def _target(draw: _Draw, spec: TransferReluSweep) -> tuple[Array, Array]:
    tasks = draw.tasks
    return _rows(draw.target, tasks.target_root, tasks.target_parameter, spec.noise)


def _rows(
    normals: Float[Array, "m e"],
    root: Float[Array, "d d"],
    theta: Float[Array, " d"],
    noise: float,
) -> tuple[Float[Array, "m d"], Float[Array, " m"]]:
    x = normals[:, :-1] @ root.T
    return x, jax.nn.relu(x @ theta) + noise * normals[:, -1]


def _risk(
    draw: _Draw,
    spec: TransferReluSweep,
    data: list[tuple[Array, Array]],
    used: Bool[Array, " m"] | None = None,
) -> _Risk:
    """Train one unit on the tasks given, the target first.

    A row of the last task that is not used belongs to no task, and is zero.
    """
    owner = jnp.repeat(
        jnp.eye(len(data)),
        np.array([len(y) for _, y in data]),
        axis=1,
        total_repeat_length=sum(len(y) for _, y in data),
    )
    if used is not None:
        owner = owner.at[-1, -len(used) :].multiply(used)
    x, y = (jnp.concatenate(part) for part in zip(*data, strict=True))
    model = ReluModel(Rows(x.T, y, owner))
    # Heads of 1, as the teachers' heads are positive.
    shared = START * jax.random.normal(draw.start, (spec.starts, spec.dimension, 1))
    start = Parameters(shared, jnp.ones((spec.starts, len(data), 1)))
    found = train(model, 1, None, draw.start, initial=start, solver=SOLVER)
    tasks = draw.tasks
    law = Population(
        tasks.target_root[None],
        tasks.target_parameter[None, None],
        jnp.ones((1, 1)),
        jnp.zeros(1),
    )
    risk = population_task_losses(law, found.shared, found.heads[:1])[0]
    return _Risk(risk, jnp.any(found.status == int(Status.CONVERGED)))


def _dataset(spec: TransferReluSweep, result: _Result) -> xr.Dataset:
    alone = np.asarray(result.risk_alone)
    joint = np.moveaxis(np.asarray(result.risk_joint), 0, -1)
    ended = np.moveaxis(np.asarray(result.converged), 0, -1).mean(axis=-1)
    axes = ("source", "samples_source", "repeat")
    unit = "labels' units squared"
    variables: dict[str, store.Entry] = {
        "risk_joint": (axes, joint, "excess risk of the target, both tasks", unit),
        "risk_alone": (axes[2:], alone, "excess risk of the target alone", unit),
        "gain": (axes, alone - joint, "excess risk alone minus joint", unit),
        "relative_gain": (
            *(axes, (alone - joint) / (alone + joint)),
            *("(alone - joint) / (alone + joint), excess risks", "1"),
        ),
        "converged": (axes[:2], ended, "share of draws with a start converged", "1"),
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
