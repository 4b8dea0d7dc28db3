"""Climbing to the instance on which a statement is nearest to failing."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from paper_checks.judge.search import (
    PART,
    Search,
    Worst,
    arrays_of,
    drawn_numbers,
    whole_parts,
)
from paper_checks.judge.statement import Outcome, Statement, examine

# A margin of -1 costs as much as a hundredfold ratio.
PENALTY = float(np.log(100))
RATE = 0.05
# What breaking the statement adds to the score: more than any ratio does.
BREAKS = 1e3


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
    numbers, _ = drawn_numbers(key, 0, starts, whole_parts(statement))
    keys = drawn_numbers(key, 1, starts * draws, PART)[1].reshape(starts, draws)
    ends = jax.device_get(_climbed(statement, steps, draws, numbers, keys, place))
    seen = np.isfinite(ends.score)
    # An instance that breaks a statement without exceptions comes first.
    first = 0 if statement.failure else BREAKS * ends.broken
    best = int(np.argmax(ends.score + first))
    return Search(
        kind="ascent",
        examined=starts * steps,
        feasible=int(seen.sum()),
        broken=int(ends.broken[seen].sum()),
        useful=int(ends.useful[seen].sum()),
        worst=Worst(
            arrays_of(statement, np.asarray(ends.numbers[best])),
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
        # Above 0 = rhs a broken instance has no finite ratio, and counts all the same.
        most = jnp.where(found.broken, jnp.finfo(float).max, jnp.inf)
        used = jnp.clip(found.ratio, jnp.finfo(float).tiny, most)
        height = jnp.mean(jnp.log(used))
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
            rank = here.score + BREAKS * (here.broken & kept)
            old = best.score + BREAKS * (best.broken & jnp.isfinite(best.score))
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
