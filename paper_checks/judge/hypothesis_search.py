"""Hypothesis as an opponent: it looks for a counterexample, and makes it simple."""

from collections.abc import Mapping
from functools import partial
from random import Random
from typing import Any

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, strategies
from hypothesis.errors import NoSuchExample
from hypothesis.extra import numpy as arrays
from jaxtyping import Array

from paper_checks.judge.search import Search, Worst
from paper_checks.judge.statement import Outcome, Statement, examine, refuse_unknown

# A latent is a normal number: five deviations are as far as random instances go.
REACH = 5


def by_hypothesis(
    statement: Statement[Any],
    key: jax.Array,
    examples: int,
    *,
    dropped: str | None = None,
) -> Search:
    """Look for an instance that breaks the statement, and shrink its latent.

    Latents are whole and half numbers, so that what is found can be read; zeros are
    simplest. For a statement that holds with probability `1 − δ` the draw is that of
    `key`, one of many: what is found is then a case to look at, and no refutation.

    Args:
        statement: What is claimed.
        key: Of the draw, and of hypothesis' own choices.
        examples: Instances to look at, before shrinking.
        dropped: A hypothesis to do without.

    Raises:
        ValueError: `examples` is below 1, or there is no such hypothesis.
        StatementError: A margin or a side is NaN.
    """
    if examples < 1:
        raise ValueError(f"examples must be at least 1, got {examples}")
    place = statement.place(dropped)
    put = partial(_put, statement, jnp.asarray(place), key)
    counts = {"examined": 0, "feasible": 0, "broken": 0, "useful": 0}

    def breaks(latent: Mapping[str, np.ndarray]) -> bool:
        found = jax.device_get(put(dict(latent)))
        if not found.known:
            refuse_unknown(statement, place, latent)
        counts["examined"] += 1
        counts["feasible"] += int(found.feasible)
        counts["broken"] += int(found.feasible and found.broken)
        counts["useful"] += int(found.feasible and found.useful)
        return bool(found.feasible and found.broken)

    half = strategies.integers(-2 * REACH, 2 * REACH).map(lambda n: n / 2)
    drawn = strategies.fixed_dictionaries(
        {
            name: arrays.arrays(np.float64, shape, elements=half)
            for name, shape in statement.latent.items()
        }
    )
    settings = hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        # Latents of hundreds of numbers are large, and few may be feasible.
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    seed = int(np.asarray(jax.random.key_data(key)).ravel()[-1])
    worst = None
    try:
        least = hypothesis.find(drawn, breaks, settings=settings, random=Random(seed))
    except NoSuchExample:
        pass
    else:
        found = jax.device_get(put(least))
        worst = Worst(
            least,
            np.asarray(jax.random.key_data(key)),
            float(found.ratio),
            True,
            dropped,
        )
    return Search(kind="hypothesis", worst=worst, **counts)


@partial(jax.jit, static_argnums=0)
def _put(
    statement: Statement[Any], dropped: Array, key: Array, latent: dict[str, Array]
) -> Outcome:
    return examine(statement, dropped, latent, key)
