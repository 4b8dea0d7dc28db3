"""What a claim ends in: a verdict, and the measurements that it rests on."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


class CheckError(RuntimeError):
    """A fault of a check: it has no power, or its values have no spread."""


class Verdict(StrEnum):
    """How a claim fares against what was measured."""

    HOLDS = "holds"
    FAILS = "fails"
    VACUOUS = "vacuous"
    NEEDS_DATA = "needs data"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A number, its interval, and the number of instances or seeds behind it."""

    quantity: str
    value: float
    low: float
    high: float
    interval: str
    n: int

    def __str__(self) -> str:
        bounds = "" if np.isnan(self.low) else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.quantity}: {self.value:.4g}{bounds} (n={self.n})"


@dataclass(frozen=True, kw_only=True)
class Control:
    """A hypothesis that was dropped, and how often the check noticed.

    A check that notices nothing cannot fail, and its verdict would be worth nothing.
    """

    dropped: str
    noticed: int
    instances: int

    @property
    def convincing(self) -> bool:
        """Whether at least half of the instances were noticed."""
        return self.instances > 0 and 2 * self.noticed >= self.instances


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What a stress test made of a statement.

    Attributes:
        tightness: Largest share of the right side that was found in use; of an equality
            the largest difference as a share of what rounding explains.
        relation: `<=` or `==`.
        worst: File of the instance that uses it.
        needed: Hypotheses without which a counterexample was found.
        not_needed: Those without which none was.
    """

    tightness: float
    relation: str = "<="
    worst: str
    needed: tuple[str, ...]
    not_needed: tuple[str, ...]

    @property
    def used(self) -> str:
        """The tightness, with what it is a share of unless that is the right side."""
        of = " of rounding" if self.relation == "==" else ""
        return f"{self.tightness:.3g}{of}"

    def __str__(self) -> str:
        lines = [f"tightness {self.used}"]
        lines += [f"needs: {'; '.join(self.needed)}"] if self.needed else []
        lines += [f"not: {'; '.join(self.not_needed)}"] if self.not_needed else []
        return "\n".join([*lines, f"worst: {self.worst}"])


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The verdict on one claim, with everything needed to question it."""

    claim: str
    statement: str
    source: str
    verdict: Verdict
    reason: str
    measurements: tuple[Measurement, ...]
    controls: tuple[Control, ...]
    data: str
    seed: int
    attack: Attack | None = None

    def as_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        plain = asdict(self)
        plain["verdict"] = str(self.verdict)
        return plain


def judge(holds: bool, controls: tuple[Control, ...]) -> Verdict:
    """`holds` or `fails`, provided that the check can tell the two apart.

    Raises:
        CheckError: A control was not noticed: the check has no power, which is an
            error in the check and not a verdict.
    """
    for control in controls:
        if not control.convincing:
            raise CheckError(
                f"the check has no power: with '{control.dropped}' it noticed "
                f"{control.noticed} of {control.instances}"
            )
    return Verdict.HOLDS if holds else Verdict.FAILS


def failure_rate(quantity: str, broken: int, count: int) -> Measurement:
    """Share of instances that break a statement, with a Clopper-Pearson interval."""
    test = stats.binomtest(broken, count)
    bounds = test.proportion_ci(confidence_level=0.95, method="exact")
    return Measurement(
        quantity=quantity,
        value=broken / count,
        low=float(bounds.low),
        high=float(bounds.high),
        interval="95 % Clopper-Pearson",
        n=count,
    )


def mean_with_interval(
    quantity: str,
    values: ArrayLike,
    *,
    confidence: float = 0.95,
    overlap: float = 0.0,
) -> Measurement:
    """Mean over seeds, with Student's interval.

    Random splits of one data set share rows, and their spread alone understates the
    error of the mean. With `overlap`, its variance is `(1/n + n_test/n_train) s²`
    (Nadeau and Bengio 2003), which does not vanish with more splits.

    Args:
        quantity: What it is, with its unit.
        values: One a seed.
        confidence: Of the interval; above 0.95 where several are judged together.
        overlap: `n_test/n_train` of random splits; 0 for independent draws.

    Raises:
        CheckError: Fewer than two values, all equal, or not all finite.
    """
    sample = np.asarray(values, dtype=float).ravel()
    if not np.all(np.isfinite(sample)):
        bad = np.count_nonzero(~np.isfinite(sample))
        raise CheckError(f"{quantity}: {bad} of {len(sample)} values are not finite")
    # The range: a standard deviation of equal values may be an ε instead of zero.
    if len(sample) < 2 or np.ptp(sample) == 0:
        raise CheckError(
            f"{quantity}: the values {np.unique(sample)} (n={len(sample)}) do not "
            "differ, and seeds that do not differ measure nothing"
        )
    error = sample.std(ddof=1) * np.sqrt(1 / len(sample) + overlap)
    half = float(stats.t.ppf((1 + confidence) / 2, len(sample) - 1) * error)
    mean = float(sample.mean())
    return Measurement(
        quantity=quantity,
        value=mean,
        low=mean - half,
        high=mean + half,
        interval=f"{100 * confidence:.4g} % Student"
        + (", corrected for shared rows" if overlap else ""),
        n=len(sample),
    )


def extreme(quantity: str, values: ArrayLike) -> Measurement:
    """Largest value over instances; an extreme has no interval."""
    sample = np.asarray(values, dtype=float).ravel()
    return Measurement(
        quantity=quantity,
        value=float(sample.max()),
        low=float("nan"),
        high=float("nan"),
        interval="none: an extreme",
        n=len(sample),
    )
