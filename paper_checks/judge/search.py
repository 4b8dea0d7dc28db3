"""Looking for the instance on which a statement is nearest to failing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray

from paper_checks.judge.measurement import Measurement, failure_rate
from paper_checks.judge.statement import (
    Outcome,
    Statement,
    StatementError,
    examine,
    refuse_infeasible,
    refuse_unknown,
)
from simulations.engine.in_memory import map_chunks

# Instances of one batch: enough for batched kernels, few enough for their memory.
BATCH = 1024
# Numbers are drawn in whole parts of so many: most statements share a draw's program.
PART = 64

Latents = Mapping[str, Float[np.ndarray, "n ..."]]
# Numbers and keys of the instances at some places.
Drawing = Callable[[Int[np.ndarray, " n"]], tuple[Any, Key[Array, " n"]]]


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


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Instances put to a statement, in order: every outcome, as NumPy arrays."""

    statement: Statement[Any]
    dropped: str | None
    drawing: Drawing
    batch: int
    outcome: Outcome

    @property
    def feasible(self) -> Bool[np.ndarray, " n"]:
        """Those that meet the hypotheses that are asked for."""
        return np.asarray(self.outcome.feasible)

    def count(self, name: str = "broken") -> int:
        """Number of feasible instances of which this field of the outcome is true."""
        return int(np.sum(getattr(self.outcome, name)[self.feasible]))

    def rate(self, quantity: str, name: str = "broken") -> Measurement:
        """The same as a share of the feasible instances."""
        return failure_rate(quantity, self.count(name), self.count("feasible"))

    def instance(self, place: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Latent of one instance, and the data of its key."""
        start = place - place % self.batch
        numbers, keys = self.drawing(np.arange(start, start + self.batch))
        row = np.asarray(numbers[place - start])
        key = np.asarray(jax.random.key_data(keys[place - start]))
        return arrays_of(self.statement, row), key

    def worst(self) -> Worst:
        """The feasible instance that uses most of the right side.

        Those that break the statement come first: where the tolerance is far above the
        right side, one that holds may have a larger ratio.
        """
        broken, ratio = self.outcome.broken, self.outcome.ratio
        first = self.feasible & broken
        among = first if first.any() else self.feasible
        place = int(np.argmax(np.where(among, ratio, -np.inf)))
        found = float(ratio[place]), bool(broken[place])
        return Worst(*self.instance(place), *found, self.dropped)


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
    batch = min(batch, count)
    whole = batch * -(-count // batch)
    size = whole_parts(statement)
    seen = _examined_all(
        statement,
        lambda rows: drawn_numbers(key, rows[0] // batch, batch, size),
        whole,
        dropped,
        batch,
    )
    return Search(
        kind="random",
        examined=whole,
        feasible=_feasible(seen),
        broken=seen.count(),
        useful=seen.count("useful"),
        worst=seen.worst(),
    )


def look(
    statement: Statement[Any],
    latent: Latents,
    key: Key[Array, ""],
    *,
    dropped: str | None = None,
    batch: int = BATCH,
) -> Seen:
    """Put instances with these latents to the statement, and keep every outcome.

    Raises:
        StatementError: A margin or a side is NaN, or no instance is feasible.
    """
    count = len(next(iter(latent.values())))
    numbers, keys = _flat(statement, latent), jax.random.split(key, count)

    def drawing(rows: Int[np.ndarray, " n"]) -> tuple[Any, Key[Array, " n"]]:
        rows = np.minimum(rows, count - 1)
        return numbers[rows], keys[rows]

    seen = _examined_all(statement, drawing, count, dropped, batch)
    _feasible(seen)
    return seen


def normal_latents(
    statement: Statement[Any], seed: int, count: int
) -> dict[str, Float[np.ndarray, "n ..."]]:
    """Latents of standard normal numbers, drawn by NumPy."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal((count, *shape))
        for name, shape in statement.latent.items()
    }


def failures(
    statement: Statement[Any], worst: Worst, key: PRNGKeyArray, count: int
) -> tuple[int, int]:
    """Draws on which the conclusion fails at one instance, and how many were made.

    Fresh draws, `count` of them or up to a batch more, of a statement that holds with
    high probability; what the instance's search dropped stays dropped.

    Raises:
        StatementError: A margin or a side is NaN.
    """
    one = {name: np.asarray(value)[None] for name, value in worst.latent.items()}
    numbers = np.repeat(_flat(statement, one), BATCH, axis=0)
    size, whole = whole_parts(statement), BATCH * -(-count // BATCH)
    seen = _examined_all(
        statement,
        lambda rows: (numbers, drawn_numbers(key, rows[0] // BATCH, BATCH, size)[1]),
        whole,
        worst.dropped,
        BATCH,
    )
    return seen.count(), whole


def _examined_all(
    statement: Statement[Any],
    drawing: Drawing,
    count: int,
    dropped: str | None,
    batch: int,
) -> Seen:
    """Examine instances in whole batches of one program; padding is left out."""
    place = statement.place(dropped)
    outcome = map_chunks(
        lambda rows: _examined(statement, jnp.asarray(place), *drawing(rows)),
        np.arange(batch * -(-count // batch)),
        batch,
    )
    outcome = jax.tree.map(lambda leaf: leaf[:count], outcome)
    seen = Seen(
        statement=statement,
        dropped=dropped,
        drawing=drawing,
        batch=batch,
        outcome=outcome,
    )
    if unknown := int(np.sum(~outcome.known)):
        refuse_unknown(
            statement, place, seen.instance(int(np.argmin(outcome.known)))[0]
        )
        raise StatementError(f"{statement.name}: {unknown} instances have a NaN")
    return seen


def _feasible(seen: Seen) -> int:
    """Number of feasible instances.

    Raises:
        StatementError: There is none.
    """
    if not (found := seen.count("feasible")):
        place, latent = seen.statement.place(seen.dropped), seen.instance(0)[0]
        refuse_infeasible(seen.statement, place, latent, len(seen.feasible))
    return found


def whole_parts(statement: Statement[Any]) -> int:
    """How many numbers are drawn for an instance: a few are not used."""
    return PART * -(-statement.size // PART)


def _flat(statement: Statement[Any], latent: Latents) -> Float[np.ndarray, "n size"]:
    """Latents as rows of as many numbers as are drawn for an instance."""
    rows = [latent[name].reshape(len(latent[name]), -1) for name in sorted(latent)]
    spare = whole_parts(statement) - statement.size
    return np.pad(np.concatenate(rows, axis=1), ((0, 0), (0, spare)))


@partial(jax.jit, static_argnums=(2, 3))
def drawn_numbers(
    key: PRNGKeyArray, index: Any, count: int, size: int
) -> tuple[Float[Array, "count size"], Key[Array, " count"]]:
    """Normal numbers of `count` instances, and a key for each; no statement's own."""
    first, second = jax.random.split(jax.random.fold_in(key, index))
    return jax.random.normal(first, (count, size)), jax.random.split(second, count)


def arrays_of(
    statement: Statement[Any], numbers: Float[np.ndarray, " n"]
) -> dict[str, np.ndarray]:
    """The latent's arrays, from the numbers behind an instance."""
    arrays = statement.unpack(jnp.asarray(numbers))
    return {name: np.asarray(v) for name, v in arrays.items()}


@partial(jax.jit, static_argnums=0)
def _examined(
    statement: Statement[Any],
    dropped: Int[Array, ""],
    numbers: Float[Array, "batch n"],
    keys: Key[Array, " batch"],
) -> Outcome:
    """Put a batch of instances to the statement."""
    return jax.vmap(partial(examine, statement, dropped))(
        jax.vmap(statement.unpack)(numbers), keys
    )
