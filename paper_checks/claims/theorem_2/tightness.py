"""How much of the right side of Theorem 2, and of what is beside it, is used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import xarray as xr

from paper_checks.claims.theorem_2.bound import theorem_2
from paper_checks.claims.theorem_2.relu import theorem_2_relu
from paper_checks.claims.theorem_2.sharper import sharper_gain
from paper_checks.judge.ascent import by_ascent
from paper_checks.judge.search import look, normal_latents
from paper_checks.judge.statement import Statement
from simulations import store
from simulations.engine.in_memory import Progress

STATEMENTS: dict[str, Callable[[], Statement[Any]]] = {
    "W-T2h": theorem_2,
    "W-T2r": theorem_2_relu,
    "W-T2s": sharper_gain,
}
# Of log10 lhs/rhs; what is below the first edge is counted in the first bin.
EDGES = np.linspace(-3, 0.2, 33)


@dataclass(frozen=True, kw_only=True)
class Theorem2Tightness:
    """How many instances are looked at.

    Args:
        instances: Random ones of each statement.
        starts: Of the ascent.
        steps: Of each start.
        seed: Of everything.
    """

    instances: int = 20_480
    starts: int = 64
    steps: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse to look at nothing."""
        for name in ("instances", "starts", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}"
                )

    @classmethod
    def quick(cls) -> "Theorem2Tightness":
        """Fewer instances, and a short ascent."""
        return cls(instances=8_192, starts=16, steps=40)


def run(spec: Theorem2Tightness, progress: Progress | None = None) -> xr.Dataset:
    """Count `lhs/rhs` of random instances, and climb to a large one.

    W-T2h is Theorem 2 with the hypotheses it leaves out, W-T2r the same for a ReLU, and
    W-T2s the bound of `theory.linear.gain_certificate`. A ratio above 1 breaks it.

    Source: issue 4.
    """
    counts, rows = [], []
    for done, make in enumerate(STATEMENTS.values(), start=1):
        statement = make()
        key = jax.random.fold_in(jax.random.key(spec.seed), done)
        seen = look(
            statement, normal_latents(statement, spec.seed, spec.instances), key
        )
        used = np.asarray(seen.outcome.ratio)[seen.feasible]
        placed = np.clip(np.log10(used), EDGES[0], EDGES[-1])
        counts.append(np.histogram(placed, EDGES)[0])
        climbed = by_ascent(statement, key, starts=spec.starts, steps=spec.steps)
        best = 0.0 if climbed.worst is None else climbed.worst.ratio
        broken = int(np.sum(np.asarray(seen.outcome.broken)[seen.feasible]))
        rows.append((used.size, used.max(), max(best, used.max()), broken))
        if progress is not None:
            progress(done, len(STATEMENTS))
    return _dataset(spec, np.array(counts), np.array(rows, float).T)


def _dataset(spec: Theorem2Tightness, counts: Any, rows: Any) -> xr.Dataset:
    feasible, largest, found, broken = rows
    one = "statement"
    variables: dict[str, store.Entry] = {
        "count": ((one, "bin"), counts, "random instances", "1"),
        "feasible": (one, feasible.astype(int), "instances of all bins", "1"),
        "largest": (one, largest, "largest lhs/rhs of random instances", "1"),
        "found": (one, found, "largest lhs/rhs found, the ascent with it", "1"),
        "broken": (one, broken.astype(int), "random instances that break it", "1"),
    }
    coordinates: dict[str, store.Entry] = {
        one: (one, list(STATEMENTS), "statement", "1"),
        "low": ("bin", 10 ** EDGES[:-1], "lhs/rhs, lower edge", "1"),
        "high": ("bin", 10 ** EDGES[1:], "lhs/rhs, upper edge", "1"),
    }
    return store.dataset(spec, variables, coordinates)
