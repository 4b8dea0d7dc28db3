"""W-P1r: what the width costs and gains ReLU tasks, from 1 past `k`."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from simulations.engine.study import Columns
from simulations.experiments.experiment import SQUARED, CellExperiment, setting
from simulations.training import LevenbergMarquardt, ReluModel, Trained, train_grid
from theory.relu import Population, population_task_losses, task_losses
from theory.tasks import Tasks

# The budget of W-P1r's check: all but a few starts converge within half of it.
SOLVER = LevenbergMarquardt(steps=200)
# A start is worse than the best by this share of the label energy, or as good: the
# smoothing of kinks leaves 1e-12, and minima differ by more than 1e-4.
WORSE = 1e-6
AXES = "noise width task repeat"


@dataclass(frozen=True, kw_only=True)
class ReluCapacity(CellExperiment):
    """Axes of the study.

    Task `i` has `y_i = a_i ReLU(X_iθ_i) + σε_i`, `a_i = ±1`, and rows `N(0, I)` of its
    own: one unit is its capacity. `θ_i` has length 1 and the direction of
    `b_(i mod c) + τw_i` with `c` common directions `b_j` on the sphere and
    `w_i ~ N(0, I/d)`.

    Args:
        tasks: `k`.
        dimension: Inputs `d`.
        samples: Rows `m` of each task.
        directions: `c`, of the teachers' common directions.
        deviation: `τ`.
        noises: Standard deviations `σ`; a draw has one set of normals for all.
        past: Widths above `k` that are tried as well.
        starts: Random starts; the best is kept.
    """

    BATCH = 1
    QUICK: ClassVar = {
        **{"tasks": 3, "dimension": 3, "samples": 24, "starts": 4, "repeats": 12},
    }
    COORDINATES: ClassVar = {"width": ("width", "columns r of the module", "1")}
    COLUMNS: ClassVar = {
        "training": (AXES, "training loss a row, joint", SQUARED),
        "training_alone": (AXES, "training loss a row, alone", SQUARED),
        "risk": (AXES, "excess risk, joint", SQUARED),
        "risk_alone": (AXES, "excess risk of the task alone", SQUARED),
        "worse": ("noise width repeat", "share of joint starts above the best", "1"),
    }

    tasks: int = setting(4, "[2, inf)", task="number of the task")
    dimension: int = setting(5, "[2, inf)")
    samples: int = setting(40, lambda spec: f"[{spec.dimension}, inf)")
    directions: int = setting(2, "[1, inf)")
    deviation: float = setting(0.3, "[0, inf)")
    noises: tuple[float, ...] = setting(
        (0.0, 0.3), "[0, 1e100)", unit="labels' units", noise="noise σ of the labels"
    )
    past: int = setting(1, "[0, inf)")
    starts: int = setting(6, "[1, inf)")
    repeats: int = setting(40, "[1, inf)", repeat="independent draw")

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths `r`, from 1 past `k`."""
        return tuple(range(1, self.tasks + self.past + 1))

    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Measure training loss and population risk of every task at every width.

        Joint training has weights 1; a task alone is trained at the same widths, so
        that its entry at width 1 is that at its own capacity. Both are the best of the
        same number of starts. The training loss is `‖ReLU(X_iB)A_i − y_i‖²/m`, the
        excess risk `E[(ReLU(xᵀB)A_i − a_i ReLU(xᵀθ_i))²]` in closed form. `worse` is
        the share of joint starts that end above the best of them.

        Source: W-P1r (Prop 1 with ReLU); docs/mathematics.md, "Population loss".
        """
        found = [jax.device_get(_one(_draw(key, self), self)) for key in keys]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *found)._asdict()

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        return {"width": self.widths}


class _Draw(NamedTuple):
    """The tasks at every noise, and the law without it."""

    tasks: Tasks
    population: Population
    start: Key[Array, ""]


class _Result(NamedTuple):
    """`w` widths, `p` noises; draws come first where there are several."""

    training: Float[Array, "*n p w k"]
    risk: Float[Array, "*n p w k"]
    training_alone: Float[Array, "*n p w k"]
    risk_alone: Float[Array, "*n p w k"]
    worse: Float[Array, "*n p w"]


@partial(jax.jit, static_argnames="spec")
def _draw(key: Key[Array, ""], spec: ReluCapacity) -> _Draw:
    common_key, own_key, sign_key, row_key, label_key, start = jax.random.split(key, 6)
    k, d, m = spec.tasks, spec.dimension, spec.samples
    common = jax.random.normal(common_key, (spec.directions, d))
    common = common / jnp.linalg.norm(common, axis=1, keepdims=True)
    own = jax.random.normal(own_key, (k, d)) / d**0.5
    theta = common[jnp.arange(k) % spec.directions] + spec.deviation * own
    theta = theta / jnp.linalg.norm(theta, axis=1, keepdims=True)
    sign = jax.random.rademacher(sign_key, (k, 1), theta.dtype)
    x = jax.random.normal(row_key, (k, m, d))
    clean = sign * jax.nn.relu(jnp.einsum("kmd,kd->km", x, theta))
    error = jax.random.normal(label_key, (k, m))
    eye = jnp.broadcast_to(jnp.eye(d), (k, d, d))
    full = jnp.ones((k, m), bool)
    return _Draw(
        jax.vmap(lambda noise: Tasks(x, clean + noise * error, full))(
            jnp.asarray(spec.noises)
        ),
        Population(eye, theta[:, None], sign, jnp.zeros(k)),
        start,
    )


def _one(draw: _Draw, spec: ReluCapacity) -> _Result:
    alone = jax.tree.map(lambda leaf: leaf.reshape(-1, 1, *leaf.shape[2:]), draw.tasks)
    joint, apart = (
        train_grid(
            *(ReluModel.from_tasks(tasks), spec.widths, None, draw.start[None]),
            starts=spec.starts,
            solver=SOLVER,
        )
        for tasks in (draw.tasks, alone)
    )
    return _result(draw, joint, apart)


@jax.jit
def _result(draw: _Draw, joint: Trained, apart: Trained) -> _Result:
    p, k, _ = draw.tasks.labels.shape
    shared, heads = joint.shared[:, :, 0], joint.heads[:, :, 0, 0, :, None]
    together = _scores(draw, jnp.repeat(shared, k, axis=2), heads)
    # Each task has a module of its own.
    own = (
        jnp.moveaxis(leaf[:, :, 0, 0].reshape(p, k, *size), 1, 2)
        for leaf in (apart.shared, apart.heads)
        for size in [(leaf.shape[1], *leaf.shape[4:])]
    )
    ends = joint.losses[:, :, 0, 0]
    energy = jnp.sum(draw.tasks.labels**2, axis=(1, 2))[:, None, None]
    above = ends - jnp.min(ends, axis=-1, keepdims=True) > WORSE * energy
    return _Result(*together, *_scores(draw, *own), jnp.mean(above, axis=-1))


def _scores(
    draw: _Draw, shared: Float[Array, "p w k d r"], heads: Float[Array, "p w k 1 r"]
) -> tuple[Float[Array, "p w k"], Float[Array, "p w k"]]:
    """Training loss a row and excess risk of each task with its module and head."""

    def score(tasks: Tasks, law: Population, b: Array, a: Array) -> tuple[Array, Array]:
        loss = task_losses(tasks, b, a)[0] / tasks.labels.size
        return loss, population_task_losses(law, b, a)[0]

    # Every task is a problem of one task.
    tasks = jax.tree.map(lambda leaf: leaf[:, :, None], draw.tasks)
    law = jax.tree.map(lambda leaf: leaf[:, None], draw.population)
    for axes in ((0, 0, 0, 0), (None, None, 0, 0), (0, None, 0, 0)):
        score = jax.vmap(score, axes)
    return score(tasks, law, shared, heads)
