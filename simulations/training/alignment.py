"""The trainer of Algorithm 1: rounds of gradient steps on A_i, R_i and perhaps B."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Key

from simulations.intervals import check_fields
from simulations.training.arguments import check_key
from simulations.training.result import Status
from theory.alignment import (
    AlignmentPoint,
    Maps,
    Reading,
    StepLengths,
    alignment_step,
    check_ridge,
    check_words,
    unaligned,
)
from theory.arguments import check_width, is_traced
from theory.linear.loss import task_losses
from theory.task_checks import check_statistics, check_weights
from theory.tasks import TaskStatistics

# Length of the columns of B at the start, in units of a module that fits.
INITIAL = 0.1


def check_checkpoints(checkpoints: Sequence[int]) -> None:
    """Refuse numbers of rounds that are not whole, not ascending or below 0.

    Raises:
        ValueError: The message names the field.
    """
    try:
        marks = [operator.index(mark) for mark in checkpoints]
    except TypeError as error:
        raise ValueError(f"checkpoints must be whole numbers: {checkpoints}") from error
    if not marks or marks[0] < 0 or np.any(np.diff(marks) <= 0):
        raise ValueError(f"checkpoints must ascend from 0 or above, got {checkpoints}")


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """How Algorithm 1 is run: what moves, how far a step goes, when points are kept.

    Attributes:
        maps: What moves `R_i`: `free`, `orthogonal`, or `held`, which with `R_i = I`
            is training without alignment.
        reading: Whether `B` is `fixed` or `moving`.
        rate: Length of a step where curvature is 1; see `train_alignment`.
        checkpoints: Numbers of rounds after which the point is kept, ascending; 0 is
            the start. The last is the number of rounds.
        tolerance: Change by one round, as a share of the rate, that counts as none.
    """

    maps: Maps = "free"
    reading: Reading = "moving"
    rate: float = 0.2
    checkpoints: tuple[int, ...] = (0, 10, 30, 100, 300, 1000)
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        check_words(self.maps, self.reading, 0.0)
        check_fields(self, rate="(0, inf)", tolerance="(0, inf)")
        check_checkpoints(self.checkpoints)


DEFAULT = Rounds()


class AlignmentRun(eqx.Module):
    """The points of one run at its checkpoints, in the units of the data.

    `losses` is `Σ α_i ‖X_iR_iBA_i − y_i‖²`, without the penalty. `status` (of
    `Status`) and `change`, the change by one more round as a share of the rate, are
    those of the last point. A run that diverges keeps the last finite point.
    """

    path: AlignmentPoint
    losses: Float[Array, "*n t"]
    change: Float[Array, "*n"]
    status: Int[Array, "*n"]

    def at(self, index: Int[Array, ""] | int) -> AlignmentPoint:
        """The point of one checkpoint of a single run."""
        return jax.tree.map(lambda leaf: leaf[index], self.path)


class _Carry(NamedTuple):
    point: AlignmentPoint
    lost: Array


def train_alignment(
    statistics: TaskStatistics,
    width: int,
    weights: ArrayLike | None,
    key: Key[Array, ""],
    *,
    rounds: Rounds = DEFAULT,
    ridge: ArrayLike = 0.0,
    start: AlignmentPoint | None = None,
) -> AlignmentRun:
    """Minimise `Σ α_i (‖X_iR_iBA_i − y_i‖² + λ e_i ‖R_i − I‖²)` by Algorithm 1.

    All rounds are one compiled scan, and every batch is the whole data of its task. A
    step on `A_i` or `R_i` has the length `rate/(α_i‖G_i‖_F)`, one on `B` the length
    `rate/Σ α_i‖G_i‖_F`: blocks have curvatures of these sizes times `‖B‖²`, `‖BA_i‖²`
    and `‖A‖²`. A task of few rows is aligned as fast as a large one, and turning a
    task's inputs changes no length.
    Inputs and labels are divided by one number each; columns keep their units, as
    rotations would not survive another scaling.

    Without `start`, `R_i = I`, all heads are one random unit vector, for tasks are
    taken to be alike at first, and `B_js ~ N(0, 0.01/d)` in the scaled units, so that
    the module is learned from nearly nothing.

    jit- and vmap-compatible.

    Args:
        statistics: The tasks.
        width: `r`.
        weights: `α_i ≥ 0`; ones if `None`. A task of weight 0 does not move.
        key: Of the start.
        rounds: How it is run.
        ridge: `λ ≥ 0`, or one a task; a number without units. Free maps only.
        start: A point to begin at, in the units of the data.

    Raises:
        ValueError: Shapes or values that do not fit; the message names the field.

    Source: W Algorithm 1 (W-A1).
    """
    check_words(rounds.maps, rounds.reading, ridge)
    check_statistics(statistics, certificate=False)
    alpha = check_weights(weights, statistics)
    width = check_width(width)
    check_key("key", key)
    if start is not None:
        _check_start(start, statistics, width)
    penalty = check_ridge(ridge, statistics)
    return _train(statistics, alpha, key, penalty, start, width, rounds)


def initial_point(
    statistics: TaskStatistics,
    width: int,
    key: Key[Array, ""],
    weights: ArrayLike | None = None,
) -> AlignmentPoint:
    """Where a run begins if nothing else is said; see `train_alignment`.

    Args:
        statistics: The tasks; their sizes give `B` its unit.
        width: `r`.
        key: Of the draw.
        weights: `α_i ≥ 0`; ones if `None`.

    Raises:
        ValueError: Weights that do not fit, or no key.
    """
    alpha = check_weights(weights, statistics)
    check_key("key", key)
    first, second = jax.random.split(key)
    d, dtype = statistics.dimension, statistics.moment.dtype
    unit = INITIAL / np.sqrt(d) * _scaled(statistics, alpha)[1]
    head = jax.random.normal(second, (width,), dtype)
    head = head / jnp.linalg.norm(head)
    return unaligned(
        unit * jax.random.normal(first, (d, width), dtype),
        jnp.broadcast_to(head, (statistics.count, width)),
    )


@partial(jax.jit, static_argnames=("width", "rounds"))
def _train(
    statistics: TaskStatistics,
    alpha: Float[Array, " k"],
    key: Key[Array, ""],
    ridge: Float[Array, "*k"],
    start: AlignmentPoint | None,
    width: int,
    rounds: Rounds,
) -> AlignmentRun:
    scaled, unit = _scaled(statistics, alpha)
    if start is None:
        start = initial_point(statistics, width, key, alpha)
    first = AlignmentPoint(start.shared / unit, start.heads, start.maps)
    advance = _round(scaled, alpha, ridge, rounds)

    def segment(carry: _Carry, count: Array) -> tuple[_Carry, AlignmentPoint]:
        point = lax.fori_loop(0, count, lambda _, p: advance(p), carry.point)
        lost = carry.lost | ~_finite(scaled, alpha, point)
        kept = jax.tree.map(lambda a, b: jnp.where(lost, a, b), carry.point, point)
        return _Carry(kept, lost), kept

    marks = (0, *rounds.checkpoints)
    counts = jnp.asarray(np.diff(marks))
    last, path = lax.scan(segment, _Carry(first, jnp.zeros((), bool)), counts)
    change = _distance(last.point, advance(last.point)) / rounds.rate
    # One more round of a run that diverges may be a NaN.
    change = jnp.where(last.lost, jnp.inf, change)
    status = jnp.where(
        change <= rounds.tolerance, int(Status.CONVERGED), int(Status.OUT_OF_STEPS)
    )
    status = jnp.where(last.lost, int(Status.DIVERGED), status)
    path = AlignmentPoint(unit * path.shared, path.heads, path.maps)
    losses = jax.vmap(lambda point: _data_loss(statistics, alpha, point))(path)
    return AlignmentRun(path, losses, change, status)


def _round(
    scaled: TaskStatistics,
    alpha: Float[Array, " k"],
    ridge: Float[Array, "*k"],
    rounds: Rounds,
) -> Callable[[AlignmentPoint], AlignmentPoint]:
    """One round, as a function of the point."""
    own = alpha * jnp.sqrt(jnp.sum(scaled.gram**2, axis=(1, 2)))

    def length(size: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jnp.where(size > 0, rounds.rate / jnp.where(size > 0, size, 1), 0)

    lengths = StepLengths(length(own), length(own), length(jnp.sum(own)))
    free = rounds.maps == "free"
    return lambda point: alignment_step(
        scaled,
        point,
        lengths,
        weights=alpha,
        ridge=ridge * alpha * scaled.energy if free else 0.0,
        maps=rounds.maps,
        reading=rounds.reading,
    )


def _scaled(
    statistics: TaskStatistics, alpha: Float[Array, " k"]
) -> tuple[TaskStatistics, Float[Array, ""]]:
    """Statistics of `X/s` and `y/c`, and `c/s`, the unit of parameters.

    `s²` is the mean diagonal entry of `Σ α_iG_i`, and `c² = Σ α_ie_i`: a task of
    weight 0 changes nothing.
    """
    d = statistics.dimension
    square = alpha @ jnp.trace(statistics.gram, axis1=1, axis2=2) / d
    size = jnp.sqrt(jnp.where(square > 0, square, 1))
    energy = alpha @ statistics.energy
    label = jnp.sqrt(jnp.where(energy > 0, energy, 1))
    scaled = TaskStatistics(
        gram=statistics.gram / size**2,
        moment=statistics.moment / (size * label),
        energy=statistics.energy / label**2,
        samples=statistics.samples,
    )
    return scaled, label / size


def _data_loss(
    statistics: TaskStatistics, alpha: Array, point: AlignmentPoint
) -> Float[Array, ""]:
    return jnp.sum(alpha * task_losses(statistics, point.parameters))


def _finite(statistics: TaskStatistics, alpha: Array, point: AlignmentPoint) -> Array:
    leaves = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(point)]
    value = _data_loss(statistics, alpha, point)
    return jnp.isfinite(value) & jnp.all(jnp.stack(leaves))


def _distance(first: AlignmentPoint, second: AlignmentPoint) -> Float[Array, ""]:
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return jnp.sqrt(sum((jnp.sum((a - b) ** 2) for a, b in pairs), jnp.zeros(())))


def _check_start(start: AlignmentPoint, statistics: TaskStatistics, width: int) -> None:
    k, d = statistics.moment.shape
    wanted = {"shared": (d, width), "heads": (k, width), "maps": (k, d, d)}
    for field, shape in wanted.items():
        value = getattr(start, field)
        if value.shape != shape:
            raise ValueError(f"start.{field} has shape {value.shape}, wanted {shape}")
        if not is_traced(value) and not np.isfinite(np.asarray(value)).all():
            raise ValueError(f"start.{field} has a NaN or an infinity")
