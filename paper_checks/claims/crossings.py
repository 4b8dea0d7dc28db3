"""M-CR: every source size where sharing starts or stops to pay, under both shifts."""

from typing import NamedTuple

import numpy as np

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import CheckError, extreme, failure_rate
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from paper_checks.studies.signs_of_gains import draws_over_sizes, settled_sign
from theory.risk import crossings

SOURCE = "M-CR (mathematics.md §3, both shifts; derived here)"
STATEMENT = (
    "With shifts of parameters and of covariances the sign of the gain changes in n_1 "
    "at the crossings of the limiting risks, any number of times, and nowhere else."
)
# As in M-PT: one compiled program draws for both.
DIMENSION = 60
LARGEST = 1e9


class Case(NamedTuple):
    """A target, a shift and a source's spectrum; `σ² = 1`.

    `level` is the risk alone over `2μ²`; `values` are eigenvalues, each with a share.
    """

    target: int
    level: float
    values: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def shift_variance(self) -> float:
        """`μ²`."""
        return DIMENSION / (self.target - DIMENSION) / (2 * self.level)

    @property
    def spectrum(self) -> np.ndarray:
        """`s_j`, of `DIMENSION` entries."""
        counts = np.round(np.asarray(self.shares) * DIMENSION).astype(int)
        return np.repeat(self.values, counts)

    def crossings(self, spectrum: np.ndarray | None) -> np.ndarray:
        """Crossings of the limiting risks; None: of equal covariances."""
        found = crossings(
            *(self.target, DIMENSION, 1.0, self.shift_variance),
            source_spectrum=spectrum,
            n_source_max=LARGEST,
        )
        return np.asarray(found)


# Found by random search for spectra whose risks are well apart between crossings, as
# far as drawn rows of this dimension can tell.
CASES = (
    Case(77, 0.618872, (8.502e-4, 3.016e-4, 13.7016), (0.4, 0.5, 0.1)),
    Case(225, 0.645758, (4.2826e-4, 2.087095), (0.9, 0.1)),
    Case(79, 0.86569, (1.4003e-4, 351.4798, 1.019644), (0.45, 0.15, 0.4)),
    Case(168, 0.856511, (9.29e-4, 61.28315, 0.184745), (0.45, 0.3, 0.25)),
)


def between(places: np.ndarray) -> np.ndarray:
    """Whole sizes before, between and after the crossings, on a logarithmic scale."""
    ends = np.concatenate([[places[0] / 6], places, [6 * places[-1]]])
    middle = np.sqrt(ends[1:-2] * ends[2:-1])
    return np.maximum(np.round([ends[0], *middle, ends[-1]]), 1).astype(int)


def implied(case: Case, sizes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Signs of the gain at these sizes if it changes at these places.

    For large `n_1` the bias is `2μ²`, so in the end sharing hurts if the risk alone is
    below that.
    """
    last = -1 if case.level < 1 else 1
    beyond = np.sum(places[None, :] > sizes[:, None], axis=1)
    return last * (-1) ** beyond


def find(settings: Settings) -> Finding:
    """Compare signs of drawn gains between all crossings with those that they imply."""
    count = settings.scaled(64, 512)
    wrong, open_points, points, found = 0, 0, 0, []
    noticed = {"equal": 0, "one": 0}
    for index, case in enumerate(CASES):
        places = case.crossings(case.spectrum)
        found.append(len(places))
        sizes = between(places)
        drawn = draws_over_sizes(
            settings.seed + index, count, case.spectrum, sizes.tolist(), case.target
        )
        signs = np.array(
            [settled_sign(d.gain(1.0, case.shift_variance)) for d in drawn]
        )
        points += len(sizes)
        open_points += int(np.sum(signs == 0))
        wrong += contradictions(signs, implied(case, sizes, places))
        mutants = {"equal": case.crossings(None), "one": places[:1]}
        for name, others in mutants.items():
            told = implied(case, sizes, others)
            noticed[name] += contradictions(signs, told) > 0
    if 2 * open_points > points:
        raise CheckError(f"{open_points} of {points} signs are not settled: draw more")
    controls = (
        Control(
            dropped="the source's own covariance (crossings of equal covariances)",
            noticed=noticed["equal"],
            instances=len(CASES),
        ),
        Control(
            dropped="crossings but the first",
            noticed=noticed["one"],
            instances=len(CASES),
        ),
    )
    settled = points - open_points
    return Finding(
        claim="M-CR",
        statement=STATEMENT,
        source=SOURCE,
        verdict=judge(wrong == 0, controls),
        reason=(
            f"spectra with {', '.join(map(str, found))} crossings: the gain of drawn "
            f"rows has the sign that they imply at {settled - wrong} of {settled} "
            f"source sizes before, between and after them; {open_points} more are "
            "within four standard errors of zero. One threshold in n_1 is not enough"
        ),
        measurements=(
            failure_rate("settled signs that are not as implied", wrong, settled),
            failure_rate("sizes whose sign is not settled", open_points, points),
            extreme("crossings of one pair of tasks", found),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def contradictions(signs: np.ndarray, stated: np.ndarray) -> int:
    """Number of settled signs that differ from those stated."""
    return int(np.sum((signs != 0) & (signs != stated)))
