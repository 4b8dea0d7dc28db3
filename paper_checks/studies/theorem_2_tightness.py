"""Share of the right side of Theorem 2, and of its variants, that is used."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpy as np
import xarray as xr

from paper_checks.claims.theorem_2 import bound, relu, sharper
from paper_checks.judge import Claim
from paper_checks.judge.ascent import by_ascent
from paper_checks.judge.search import look, normal_latents
from paper_checks.judge.statement import Statement
from simulations.engine.in_memory import Progress
from simulations.experiments.experiment import Experiment, setting

CLAIMS: tuple[Claim, ...] = (bound.MENDED, relu.CLAIM, sharper.CLAIM)
# Of log10 lhs/rhs; what is below the first edge is counted in the first bin.
EDGES = np.linspace(-3, 0.2, 33)


@dataclass(frozen=True, kw_only=True)
class Theorem2Tightness(Experiment):
    """How many instances are looked at.

    Args:
        instances: Random ones of each statement.
        starts: Of the ascent.
        steps: Of each start.
    """

    QUICK: ClassVar = {"instances": 8_192, "starts": 16, "steps": 40}
    COORDINATES: ClassVar = {
        "statement": ("statement", "statement", "1"),
        "low": ("bin", "lhs/rhs, lower edge", "1"),
        "high": ("bin", "lhs/rhs, upper edge", "1"),
    }
    COLUMNS: ClassVar = {
        "count": ("statement bin", "random instances", "1"),
        "feasible": ("statement", "instances of all bins", "1"),
        "largest": ("statement", "largest lhs/rhs of random instances", "1"),
        "found": ("statement", "largest lhs/rhs found, the ascent with it", "1"),
        "broken": ("statement", "random instances that break it", "1"),
    }

    instances: int = setting(20_480, "[1, inf)")
    starts: int = setting(64, "[1, inf)")
    steps: int = setting(100, "[1, inf)")

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Count `lhs/rhs` of random instances, and climb to a large one.

        W-T2h is Theorem 2 with the hypotheses it leaves out, W-T2r the same for a ReLU,
        and W-T2s the bound of `theory.linear.gain_certificate`. A ratio above 1 breaks
        it.

        Source: W-T2 (Theorem 2); the study is ours.
        """
        found = []
        for done, claim in enumerate(CLAIMS, start=1):
            found.append(_used(claim.attacked, self, done))
            if progress is not None:
                progress(done, len(CLAIMS))
        counts, rows = zip(*found, strict=True)
        feasible, largest, most, broken = np.array(rows, float).T
        return self.dataset(
            {
                **{"count": counts, "largest": largest, "found": most},
                **{"feasible": feasible.astype(int), "broken": broken.astype(int)},
                "statement": [claim.id for claim in CLAIMS],
                **{"low": 10 ** EDGES[:-1], "high": 10 ** EDGES[1:]},
            }
        )


def _used(
    statement: Statement[Any], spec: Theorem2Tightness, place: int
) -> tuple[np.ndarray, tuple[float | int, ...]]:
    """Counts of the bins; feasible instances, largest, found, and broken ones."""
    key = jax.random.fold_in(jax.random.key(spec.seed), place)
    seen = look(statement, normal_latents(statement, spec.seed, spec.instances), key)
    used = np.asarray(seen.outcome.ratio)[seen.feasible]
    placed = np.clip(np.log10(used), EDGES[0], EDGES[-1])
    climbed = by_ascent(statement, key, starts=spec.starts, steps=spec.steps)
    best = 0.0 if climbed.worst is None else climbed.worst.ratio
    largest = float(used.max())
    counts = np.histogram(placed, EDGES)[0]
    return counts, (used.size, largest, max(best, largest), seen.count())
