"""Looking for the instance on which a statement is nearest to failing."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from paper_checks.judge.search_result import Search, Worst
from paper_checks.judge.statement import (
    Outcome,
    Statement,
    StatementError,
    examine,
    refuse_unknown,
)

# Instances of one batch: enough for batched kernels, few enough for their memory.
BATCH = 1024
# Numbers are drawn in whole parts of so many: most statements share a draw's program.
PART = 64
# Of the ascent: a margin of -1 costs as much as a hundredfold ratio.
PENALTY = float(np.log(100))
RATE = 0.05


class _Tally(NamedTuple):
    counts: Int[Array, "4"]  # feasible, broken, useful, unknown
    ratio: Float[Array, ""]
    broken: Bool[Array, ""]
    numbers: Float[Array, " n"]
    key: Array
    strange: Float[Array, " n"]  # a latent with a NaN


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
    feasible, broken, useful, _ = (int(n) for n in tally.counts)
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
            _arrays(statement, np.asarray(tally.numbers)),
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

    Raises:
        StatementError: A margin or a side is NaN.
    """
    place = statement.place(worst.dropped)
    batches = -(-count // BATCH)
    parts = [np.ravel(worst.latent[name]) for name in sorted(statement.latent)]
    tally = _tally(statement, key, place, BATCH, batches, np.concatenate(parts))
    return int(tally.counts[1]), batches * BATCH


def _tally(
    statement: Statement[Any],
    key: PRNGKeyArray,
    place: int,
    batch: int,
    batches: int,
    fixed: Float[np.ndarray, " n"] | None = None,
) -> _Tally:
    """Instances drawn at random, or many draws at a fixed one, by one program."""
    zeros = jnp.zeros(_whole_parts(statement))
    tally = _Tally(
        counts=jnp.zeros(4, int),
        ratio=jnp.asarray(-jnp.inf),
        broken=jnp.asarray(False),
        numbers=zeros,
        key=jax.random.key_data(key),
        strange=zeros,
    )
    for index in range(batches):
        numbers, keys = _drawn(key, index, batch, len(zeros))
        if fixed is not None:
            numbers = jnp.broadcast_to(zeros.at[: len(fixed)].set(fixed), numbers.shape)
        tally = _examined(statement, jnp.asarray(place), numbers, keys, tally)
    found = jax.device_get(tally)
    if unknown := int(found.counts[3]):
        refuse_unknown(statement, place, _arrays(statement, np.asarray(found.strange)))
        raise StatementError(f"{statement.name}: {unknown} instances have a NaN")
    return found


def _whole_parts(statement: Statement[Any]) -> int:
    """How many numbers are drawn for an instance: a few are not used."""
    return PART * -(-statement.size // PART)


@partial(jax.jit, static_argnums=(2, 3))
def _drawn(
    key: PRNGKeyArray, index: Int[Array, ""] | int, count: int, size: int
) -> tuple[Float[Array, "count size"], Key[Array, " count"]]:
    """Normal numbers of `count` instances, and a key for each; no statement's own."""
    first, second = jax.random.split(jax.random.fold_in(key, index))
    return jax.random.normal(first, (count, size)), jax.random.split(second, count)


def _arrays(
    statement: Statement[Any], numbers: Float[np.ndarray, " n"]
) -> dict[str, np.ndarray]:
    arrays = statement.unpack(jnp.asarray(numbers))
    return {name: np.asarray(v) for name, v in arrays.items()}


@partial(jax.jit, static_argnums=0)
def _examined(
    statement: Statement[Any],
    dropped: Int[Array, ""],
    numbers: Float[Array, "batch n"],
    keys: Key[Array, " batch"],
    tally: _Tally,
) -> _Tally:
    """Add a batch of instances to what was met before."""
    found = jax.vmap(partial(examine, statement, dropped))(
        jax.vmap(statement.unpack)(numbers), keys
    )
    feasible = found.feasible & found.known
    shares = (feasible, feasible & found.broken, feasible & found.useful, ~found.known)
    # Among those that break it the ratio may be 1 but for rounding: they come first.
    rank = jnp.where(feasible, found.ratio, -jnp.inf)
    rank = jnp.where(feasible & found.broken, jnp.maximum(rank, 1) + 1e-9, rank)
    place = jnp.argmax(rank)
    better = rank[place] > tally.ratio
    odd = jnp.argmin(found.known)
    data = jax.random.key_data(keys)
    return _Tally(
        counts=tally.counts + jnp.stack([jnp.sum(share) for share in shares]),
        ratio=jnp.where(better, rank[place], tally.ratio),
        broken=jnp.where(better, (feasible & found.broken)[place], tally.broken),
        numbers=jnp.where(better, numbers[place], tally.numbers),
        key=jnp.where(better, data[place], tally.key),
        strange=jnp.where(found.known[odd], tally.strange, numbers[odd]),
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
    numbers, _ = _drawn(key, 0, starts, _whole_parts(statement))
    keys = _drawn(key, 1, starts * draws, PART)[1].reshape(starts, draws)
    ends = jax.device_get(_climbed(statement, steps, draws, numbers, keys, place))
    seen = np.isfinite(ends.score)
    best = int(np.argmax(ends.score))
    return Search(
        kind="ascent",
        examined=starts * steps,
        feasible=int(seen.sum()),
        broken=int(ends.broken[seen].sum()),
        useful=int(ends.useful[seen].sum()),
        worst=Worst(
            _arrays(statement, np.asarray(ends.numbers[best])),
            np.asarray(jax.random.key_data(keys[best, 0])),
            float(np.exp(ends.score[best])),
            bool(ends.broken[best]),
            dropped,
        )
        if seen.any()
        else None,
    )


class _Ends(NamedTuple):
    score: Float[Array, " starts"]  # mean log ratio at the best feasible point
    numbers: Float[Array, "starts n"]
    broken: Bool[Array, " starts"]
    useful: Bool[Array, " starts"]


@partial(jax.jit, static_argnums=(0, 1, 2))
def _climbed(
    statement: Statement[Any],
    steps: int,
    draws: int,
    numbers: Float[Array, "starts n"],
    keys: Key[Array, "starts draws"],
    dropped: Int[Array, ""],
) -> _Ends:
    rule = optax.adam(RATE)

    def score(numbers: Array, keys: Array) -> tuple[Array, Outcome]:
        latent = statement.unpack(numbers)
        found = jax.vmap(partial(examine, statement, dropped, latent))(keys)
        height = jnp.mean(jnp.log(jnp.maximum(found.ratio, jnp.finfo(float).tiny)))
        return height + PENALTY * jnp.minimum(jnp.min(found.least_margin), 0), found

    def climb(start: Array, keys: Array) -> _Ends:
        def step(_: Array, carry: tuple) -> tuple:
            point, memory, best = carry
            (height, found), slope = jax.value_and_grad(score, has_aux=True)(
                point, keys
            )
            # A kink, or a route without a derivative, gives NaN: no step there.
            slope = jnp.where(jnp.isfinite(slope), -slope, 0)
            kept = found.feasible.all() & found.known.all() & jnp.isfinite(height)
            here = _Ends(
                jnp.where(kept, height, -jnp.inf),
                point,
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
            return point + change, memory, best

        none = _Ends(
            jnp.asarray(-jnp.inf), start, jnp.asarray(False), jnp.asarray(False)
        )
        return lax.fori_loop(0, steps, step, (start, rule.init(start), none))[2]

    return jax.vmap(climb)(numbers, keys)
