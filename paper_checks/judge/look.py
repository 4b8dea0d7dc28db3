"""Instances put to a statement, with every outcome kept."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from paper_checks.judge.measurement import Measurement, failure_rate
from paper_checks.judge.search_result import Worst
from paper_checks.judge.statement import (
    Outcome,
    Statement,
    StatementError,
    examine,
    refuse_unknown,
)

# Instances of one call.
BATCH = 512


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Instances of one kind, as NumPy arrays, and which of them count."""

    latent: dict[str, Float[np.ndarray, "n ..."]]
    keys: Key[Array, " n"]
    dropped: str | None
    outcome: Outcome

    @property
    def feasible(self) -> Bool[np.ndarray, " n"]:
        """Those that meet the hypotheses that are asked for."""
        return np.asarray(self.outcome.feasible)

    def rate(self, quantity: str, name: str = "broken") -> Measurement:
        """Share of feasible instances of which this field of the outcome is true."""
        there = getattr(self.outcome, name)[self.feasible]
        return failure_rate(quantity, int(there.sum()), int(self.feasible.sum()))

    def worst(self) -> Worst:
        """The feasible instance that uses most of the right side."""
        place = int(np.argmax(np.where(self.feasible, self.outcome.ratio, -np.inf)))
        return Worst(
            {name: value[place] for name, value in self.latent.items()},
            np.asarray(jax.random.key_data(self.keys[place])),
            float(self.outcome.ratio[place]),
            bool(self.outcome.broken[place]),
            self.dropped,
        )


def look(
    statement: Statement[Any],
    latent: dict[str, Float[np.ndarray, "n ..."]],
    key: Key[Array, ""],
    *,
    dropped: str | None = None,
) -> Seen:
    """Put instances to the statement, `BATCH` at a time in one program.

    Raises:
        StatementError: None of them is feasible, or a margin or a side is NaN.
    """
    count = len(next(iter(latent.values())))
    keys = jax.random.split(key, count)
    place = statement.place(dropped)
    parts = []
    for start in range(0, count, BATCH):
        rows = np.minimum(np.arange(start, start + BATCH), count - 1)
        some = {name: value[rows] for name, value in latent.items()}
        found = jax.device_get(_examined(statement, place, some, keys[rows]))
        kept = min(BATCH, count - start)
        parts.append(jax.tree.map(lambda leaf, n=kept: leaf[:n], found))
    outcome = jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)
    seen = Seen(latent=latent, keys=keys, dropped=dropped, outcome=outcome)
    if not outcome.known.all():
        odd = int(np.argmin(outcome.known))
        refuse_unknown(statement, place, {n: v[odd] for n, v in latent.items()})
        raise StatementError(f"{statement.name}: an instance has a NaN")
    if not seen.feasible.any():
        raise StatementError(
            f"{statement.name}: none of {count} instances meets the hypotheses"
            + ("" if dropped is None else f" other than '{dropped}'")
        )
    return seen


@partial(jax.jit, static_argnums=0)
def _examined(
    statement: Statement[Any],
    dropped: Any,
    latent: dict[str, Array],
    keys: Key[Array, " n"],
) -> Outcome:
    return jax.vmap(partial(examine, statement, jnp.asarray(dropped)))(latent, keys)


def drawn(
    statement: Statement[Any], seed: int, count: int
) -> dict[str, Float[np.ndarray, "n ..."]]:
    """Standard normal latents."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal((count, *shape))
        for name, shape in statement.latent.items()
    }
