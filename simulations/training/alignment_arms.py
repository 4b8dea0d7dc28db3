"""The arms of the alignment study: one target, trained by one protocol in many ways."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from simulations.training.alignment import Rounds, train_alignment
from theory.alignment import AlignmentPoint, Maps, Reading
from theory.covariance import whitening_maps
from theory.linear.loss import task_losses
from theory.tasks import TaskStatistics

REFERENCES = ("alone", "joint", "fine-tuned")
ALIGNED = (
    *("free, B moving", "ridge, B moving", "orthogonal, B moving"),
    *("free, B fixed", "ridge, B fixed", "orthogonal, B fixed"),
    *("whitened", "turned back"),
)
ARMS = (*REFERENCES, *ALIGNED)


class Problem(NamedTuple):
    """Two tasks, the target first, and what training does not see of them.

    `validation` has other rows of the target, `parameter` is the target's `θ_1`,
    `covariances` are `Σ_i`, `turn` is `U`, and every arm begins at `start`.
    """

    statistics: TaskStatistics
    validation: TaskStatistics
    parameter: Float[Array, "*n d"]
    covariances: Float[Array, "*n k d d"]
    turn: Float[Array, "*n d d"]
    start: AlignmentPoint


class Chosen(NamedTuple):
    """The point with the least validation loss, and the target's excess risk there.

    `last` is the risk after the last round, `rounds` the number of rounds chosen.
    """

    point: AlignmentPoint
    risk: Float[Array, "*n"]
    last: Float[Array, "*n"]
    rounds: Int[Array, "*n"]


def train_arms(
    problem: Problem,
    width: int,
    ridges: tuple[float, ...],
    rounds: Rounds,
) -> list[Chosen]:
    """What every arm of `ARMS` chooses, in that order.

    Budgets differ: *fine-tuned* and the arms with *B fixed* start at the point chosen
    for *joint*, so they have a second run of all rounds and a second choice by the
    validation rows. What *B fixed* gains over *joint* is that of a second stage as
    well, with nothing to align too; *fine-tuned* is the arm of its budget. Arms with
    *B moving* have the one stage of *alone* and *joint*.

    Args:
        problem: Problems, in one axis.
        width: `r`.
        ridges: Penalties `λ > 0` to choose from.
        rounds: Rate and checkpoints; what moves is the arm's.
    """
    both, target = jnp.ones(2), jnp.array([1.0, 0.0])

    def fit(
        maps: Maps, reading: Reading, start: AlignmentPoint, weights: Array = both
    ) -> tuple[Chosen, ...]:
        asked = replace(rounds, maps=maps, reading=reading)
        penalties = (0.0, *ridges) if maps == "free" else (0.0,)
        return jax.block_until_ready(
            _fit(problem, start, weights, jnp.asarray(penalties), width, asked)
        )

    (alone,) = fit("held", "moving", problem.start, target)
    (joint,) = fit("held", "moving", problem.start)
    (tuned,) = fit("held", "moving", joint.point, target)
    aligned: list[Chosen] = []
    starts: dict[Reading, AlignmentPoint]
    starts = {"moving": problem.start, "fixed": joint.point}
    for reading, start in starts.items():
        aligned += fit("free", reading, start)
        aligned += fit("orthogonal", reading, start)
    for maps in _references(problem):
        start = AlignmentPoint(problem.start.shared, problem.start.heads, maps)
        aligned += fit("held", "moving", start)
    return [alone, joint, tuned, *aligned]


@jax.jit
def _references(problem: Problem) -> tuple[Array, Array]:
    whitened = jax.vmap(whitening_maps)(problem.covariances)
    eye = jnp.broadcast_to(jnp.eye(problem.turn.shape[-1]), problem.turn.shape)
    return whitened, jnp.stack([eye, problem.turn], axis=1)


@partial(jax.jit, static_argnames=("width", "rounds"))
def _fit(
    problem: Problem,
    start: AlignmentPoint,
    weights: Float[Array, " k"],
    ridges: Float[Array, " l"],
    width: int,
    rounds: Rounds,
) -> tuple[Chosen, ...]:
    """Train all problems; choose without a penalty, and among penalties if any."""
    unused = jax.random.key(0)

    def one(problem: Problem, start: AlignmentPoint) -> tuple[Chosen, ...]:
        def path(ridge: Array) -> AlignmentPoint:
            return train_alignment(
                *(problem.statistics, width, weights, unused),
                rounds=rounds,
                ridge=ridge if rounds.maps == "free" else 0.0,
                start=start,
            ).path

        paths = jax.vmap(path)(ridges)
        parts = [slice(0, 1), slice(1, None)][: min(len(ridges), 2)]
        groups = [jax.tree.map(lambda leaf, p=p: leaf[p], paths) for p in parts]
        return tuple(_choose(problem, group, rounds) for group in groups)

    return jax.vmap(one)(problem, start)


def _choose(problem: Problem, paths: AlignmentPoint, rounds: Rounds) -> Chosen:
    """The point with the least validation loss among penalties and checkpoints."""
    target = paths.parameters[:, :, :1]
    losses = jax.vmap(jax.vmap(partial(task_losses, problem.validation)))(target)
    count = len(rounds.checkpoints)
    best = jnp.argmin(losses[:, :, 0])
    ridge, mark = best // count, best % count
    error = target[:, :, 0] - problem.parameter
    risk = jnp.einsum("ltd,de,lte->lt", error, problem.covariances[0], error)
    return Chosen(
        point=jax.tree.map(lambda leaf: leaf[ridge, mark], paths),
        risk=risk[ridge, mark],
        last=risk[ridge, -1],
        rounds=jnp.asarray(rounds.checkpoints)[mark],
    )
