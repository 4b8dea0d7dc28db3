"""Looking for the instance on which a statement is nearest to failing."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from paper_checks.statement import (
    Outcome,
    Statement,
    StatementError,
    examine,
    refuse_unknown,
)

# Instances of one batch: enough for batched kernels, few enough for their memory.
BATCH = 1024
# Of the ascent: a margin of -1 costs as much as a hundredfold ratio.
PENALTY = float(np.log(100))
RATE = 0.05


class Worst(NamedTuple):
    """An instance, by its latent, the key of its draw, and what was dropped."""

    latent: Mapping[str, np.ndarray]
    key: np.ndarray
    ratio: float
    broken: bool
    dropped: str | None


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search met.

    Attributes:
        kind: How it looked.
        examined: Instances looked at.
        feasible: Those that meet every hypothesis; only these count below.
        broken: Those on which the conclusion fails.
        useful: Those on which the right side is below the baseline.
        worst: The feasible instance with the largest ratio; none if none is feasible.
    """

    kind: str
    examined: int
    feasible: int
    broken: int
    useful: int
    worst: Worst | None


class _Tally(NamedTuple):
    counts: Int[Array, "4"]  # feasible, broken, useful, unknown
    ratio: Float[Array, ""]
    broken: Bool[Array, ""]
    latent: Any
    key: PRNGKeyArray
    strange: Any  # a latent with a NaN


def at_random(
    statement: Statement[Any],
    key: PRNGKeyArray,
    count: int,
    *,
    dropped: str | None = None,
    batch: int = BATCH,
) -> Search:
    """Put `count` random instances to the statement, in batches of one program.

    With `dropped`, instances violate this hypothesis and meet the others.

    Raises:
        ValueError: `count` is below 1.
        StatementError: A margin or a side is NaN, or no instance is feasible.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    place = statement.place(dropped)
    batch = min(batch, count)
    batches = -(-count // batch)
    tally = _tally(statement, key, place, batch, batches)
    feasible, broken, useful, unknown = (int(n) for n in tally.counts)
    if unknown:
        refuse_unknown(statement, place, tally.strange)
        raise StatementError(f"{statement.name}: {unknown} instances have a NaN")
    if not feasible:
        raise StatementError(
            f"{statement.name}: none of {batch * batches} instances that it generates "
            "meets its hypotheses: they contradict one another, or `build` misses them"
        )
    return Search(
        kind="random",
        examined=batch * batches,
        feasible=feasible,
        broken=broken,
        useful=useful,
        worst=Worst(
            {name: np.asarray(value) for name, value in tally.latent.items()},
            np.asarray(tally.key),
            float(tally.ratio),
            bool(tally.broken),
            dropped,
        ),
    )


def failures(
    statement: Statement[Any], worst: Worst, key: PRNGKeyArray, count: int
) -> tuple[int, int]:
    """Draws on which the conclusion fails at one instance, and how many were made.

    Fresh draws, `count` of them or up to a batch more, of a statement that holds with
    high probability; what the instance's search dropped stays dropped.
    """
    place = statement.place(worst.dropped)
    batches = -(-count // BATCH)
    tally = _tally(statement, key, place, BATCH, batches, worst.latent)
    if int(tally.counts[3]):
        refuse_unknown(statement, place, tally.strange)
    return int(tally.counts[1]), batches * BATCH


def _tally(
    statement: Statement[Any],
    key: PRNGKeyArray,
    place: int,
    batch: int,
    batches: int,
    fixed: Mapping[str, np.ndarray] | None = None,
) -> _Tally:
    one = {
        name: jnp.zeros(shape) if fixed is None else jnp.asarray(fixed[name], float)
        for name, shape in statement.latent.items()
    }
    found = _sampled(
        statement,
        batch,
        key,
        jnp.asarray(place),
        jnp.asarray(batches),
        one,
        jnp.asarray(fixed is not None),
    )
    return jax.device_get(found)


@partial(jax.jit, static_argnums=(0, 1))
def _sampled(
    statement: Statement[Any],
    batch: int,
    key: PRNGKeyArray,
    dropped: Int[Array, ""],
    batches: Int[Array, ""],
    fixed: Any,
    use_fixed: Bool[Array, ""],
) -> _Tally:
    """One program for random instances and for many draws at a fixed one."""

    def latent(key: PRNGKeyArray) -> Any:
        drawn = statement.draw_latent(key)
        return jax.tree.map(lambda a, b: jnp.where(use_fixed, b, a), drawn, fixed)

    def step(index: Array, tally: _Tally) -> _Tally:
        keys = jax.random.split(jax.random.fold_in(key, index), (2, batch))
        latents = jax.vmap(latent)(keys[0])
        found = jax.vmap(partial(examine, statement, dropped))(latents, keys[1])
        return _counted(tally, found, latents, jax.random.key_data(keys[1]))

    none = _Tally(
        counts=jnp.zeros(4, int),
        ratio=jnp.asarray(-jnp.inf),
        broken=jnp.asarray(False),
        latent=fixed,
        key=jax.random.key_data(key),
        strange=fixed,
    )
    return lax.fori_loop(0, batches, step, none)


def _counted(tally: _Tally, found: Outcome, latents: Any, keys: Array) -> _Tally:
    feasible = found.feasible & found.known
    shares = (feasible, feasible & found.broken, feasible & found.useful, ~found.known)
    # Among those that break it the ratio may be 1 but for rounding: they come first.
    rank = jnp.where(feasible, found.ratio, -jnp.inf)
    rank = jnp.where(feasible & found.broken, jnp.maximum(rank, 1) + 1e-9, rank)
    place = jnp.argmax(rank)
    better = rank[place] > tally.ratio
    odd = jnp.argmin(found.known)

    def choose(use: Array, at: Array, new: Array, old: Array) -> Array:
        return jnp.where(use, new[at], old)

    return _Tally(
        counts=tally.counts + jnp.stack([jnp.sum(share) for share in shares]),
        ratio=jnp.where(better, rank[place], tally.ratio),
        broken=jnp.where(better, (feasible & found.broken)[place], tally.broken),
        latent=jax.tree.map(partial(choose, better, place), latents, tally.latent),
        key=jnp.where(better, keys[place], tally.key),
        strange=jax.tree.map(
            partial(choose, ~found.known[odd], odd), latents, tally.strange
        ),
    )


def by_ascent(
    statement: Statement[Any],
    key: PRNGKeyArray,
    *,
    dropped: str | None = None,
    starts: int = 256,
    steps: int = 200,
    draws: int = 8,
) -> Search:
    """Climb `log ratio` by Adam, from many starts in one program.

    Margins below zero are charged, and only instances without any count. A statement
    that always holds may be attacked through its latent alone; one that holds with
    probability `1 − δ` is climbed in the mean over `draws` keys, which are those of
    the start, so `broken` of it is a count of draws and not yet a failure rate: see
    `failures`.

    Raises:
        ValueError: `starts`, `steps` or `draws` is below 1.
    """
    for name, value in (("starts", starts), ("steps", steps), ("draws", draws)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    draws = draws if statement.failure else 1
    place = jnp.asarray(statement.place(dropped))
    ends = jax.device_get(_climbed(statement, starts, steps, draws, key, place))
    seen = np.isfinite(ends.score)
    best = int(np.argmax(ends.score))
    return Search(
        kind="ascent",
        examined=starts * steps,
        feasible=int(seen.sum()),
        broken=int(ends.broken[seen].sum()),
        useful=int(ends.useful[seen].sum()),
        worst=Worst(
            {name: np.asarray(v[best]) for name, v in ends.latent.items()},
            np.asarray(ends.key[best]),
            float(np.exp(ends.score[best])),
            bool(ends.broken[best]),
            dropped,
        )
        if seen.any()
        else None,
    )


class _Ends(NamedTuple):
    score: Float[Array, " starts"]  # mean log ratio at the best feasible point
    latent: Any
    key: Array
    broken: Bool[Array, " starts"]
    useful: Bool[Array, " starts"]


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _climbed(
    statement: Statement[Any],
    starts: int,
    steps: int,
    draws: int,
    key: PRNGKeyArray,
    dropped: Int[Array, ""],
) -> _Ends:
    rule = optax.adam(RATE)

    def score(latent: Any, keys: Array) -> tuple[Array, Outcome]:
        found = jax.vmap(partial(examine, statement, dropped, latent))(keys)
        height = jnp.mean(jnp.log(jnp.maximum(found.ratio, jnp.finfo(float).tiny)))
        return height + PENALTY * jnp.minimum(jnp.min(found.least_margin), 0), found

    def climb(key: PRNGKeyArray) -> _Ends:
        first, second = jax.random.split(key)
        keys = jax.random.split(second, draws)
        start = statement.draw_latent(first)

        def step(_: Array, carry: tuple) -> tuple:
            point, memory, best = carry
            (height, found), slope = jax.value_and_grad(score, has_aux=True)(
                point, keys
            )
            # A kink, or a route without a derivative, gives NaN: no step there.
            slope = jax.tree.map(lambda g: jnp.where(jnp.isfinite(g), -g, 0), slope)
            kept = found.feasible.all() & found.known.all() & jnp.isfinite(height)
            here = _Ends(
                jnp.where(kept, height, -jnp.inf),
                point,
                jax.random.key_data(keys[0]),
                found.broken.any(),
                found.useful.all(),
            )
            # An instance that breaks it is better than any that does not.
            rank = here.score + jnp.where(here.broken & kept, 1e3, 0)
            old = best.score + jnp.where(best.broken & jnp.isfinite(best.score), 1e3, 0)
            best = jax.tree.map(
                lambda new, kept_one: jnp.where(rank > old, new, kept_one), here, best
            )
            change, memory = rule.update(slope, memory)
            return jax.tree.map(jnp.add, point, change), memory, best

        none = _Ends(
            jnp.asarray(-jnp.inf),
            start,
            jax.random.key_data(keys[0]),
            jnp.asarray(False),
            jnp.asarray(False),
        )
        return lax.fori_loop(0, steps, step, (start, rule.init(start), none))[2]

    return jax.vmap(climb)(jax.random.split(key, starts))
