"""W-F3r: Fig 3 with a ReLU module, trained on rows."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from simulations.draws.figure_3_tasks import SOURCES, Figure3Tasks, figure_3_tasks
from simulations.engine.study import Columns
from simulations.experiments.experiment import (
    OPTIMISED,
    SQUARED,
    CellExperiment,
    gains,
    setting,
)
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
AXES = "source samples_source repeat"


@dataclass(frozen=True, kw_only=True)
class TransferReluSweep(CellExperiment):
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
    """

    # Each padded size has a program of its own.
    BATCH = 20
    # Some 60 s of one core, a third of it compilation.
    QUICK: ClassVar = {"samples_source": (10, 20, 100), "starts": 1}
    LABELS: ClassVar = {"source": (SOURCES, "kind of source")}
    COLUMNS: ClassVar = {
        "risk_joint": (AXES, "excess risk of the target, both tasks", SQUARED),
        "risk_alone": ("repeat", "excess risk of the target alone", SQUARED),
        "gain": (AXES, "excess risk alone minus joint", SQUARED),
        "relative_gain": (AXES, "(alone - joint) / (alone + joint), excess risks", "1"),
        "converged": (
            *("source samples_source", "share of draws with a start converged", "1"),
        ),
    }

    dimension: int = setting(10, "[2, inf)")
    samples_target: int = setting(10, "[1, inf)")
    samples_source: tuple[int, ...] = setting(
        (10, 15, 20, 30, 40, 100, 300, 1_000),
        "[1, inf)",
        unit="samples",
        samples_source="size of the source",
    )
    noise: float = setting(10.0, "[0, inf)")
    cosine: float = setting(0.96, "[-1, 1]")
    condition: float = setting(100.0, "(0, inf)")
    starts: int = setting(2, "[1, inf)")
    # With as many draws each of 100 resamples of 1,500 draws decides, with 1,000 draws
    # 97 of them, with 600 83.
    repeats: int = setting(1_500, "[1, inf)", repeat="independent draw")

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure the target's excess risk alone and with each source.

        The excess risk of `BA_1` is `E[(ReLU(xᵀB)A_1 − ReLU(xᵀθ_1))²]` over the
        target's inputs, in closed form (`theory.relu`). Both are the best of several
        trained starts. A repeat has one target and one set of normals for all sources,
        and the rows of a smaller source are the first of a larger one, so points of a
        curve are paired.

        Source: W-F3 (Fig 3) with W's ReLU model.
        """
        alone = _alone(keys, self)
        largest = max(self.samples_source)
        joint = [
            jax.block_until_ready(
                # Padding saves programs; to the largest it would cost most of the time.
                _joint(keys, self, jnp.asarray(m), min(max(m, PADDED), largest))
            )
            for m in self.samples_source
        ]
        risk, converged = (jnp.stack(parts, -1) for parts in zip(*joint, strict=True))
        return {"risk_alone": alone.risk, "risk_joint": risk, "converged": converged}

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        return gains(found)


class _Draw(NamedTuple):
    tasks: Figure3Tasks
    target: Float[Array, "m e"]
    source: Float[Array, "n e"]
    start: Key[Array, ""]


class _Risk(NamedTuple):
    risk: Float[Array, "*n"]
    converged: Bool[Array, "*n"]


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


@partial(jax.jit, static_argnames="spec", compiler_options=OPTIMISED)
def _alone(keys: Key[Array, " n"], spec: TransferReluSweep) -> _Risk:
    def one(key: Key[Array, ""]) -> _Risk:
        draw = _draw(key, spec)
        return _risk(draw, spec, [_target(draw, spec)])

    return lax.map(one, keys)


@partial(jax.jit, static_argnames=("spec", "padded"), compiler_options=OPTIMISED)
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
