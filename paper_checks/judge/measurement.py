"""A measured number with its interval, and the usual ways to get one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import stats


class CheckError(RuntimeError):
    """A fault of a check: it has no power, or its values have no spread."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A number, its interval, and the number of instances or seeds behind it.

    In a format string `{x}` is the value with its interval, and `{x:.2f}` is the value
    alone. Of a share of `n` instances `count` and `rest` are whole numbers.

    Attributes:
        quantity: What it is, with its unit.
        value: The number.
        low: Lower end of the interval, NaN if there is none.
        high: Upper end.
        interval: What kind of interval it is.
        n: Instances or seeds.
        flips_at: The value at which the verdict would change; NaN if it does not
            decide the verdict.
    """

    quantity: str
    value: float
    low: float
    high: float
    interval: str
    n: int
    flips_at: float = float("nan")

    def __str__(self) -> str:
        bounds = "" if np.isnan(self.low) else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.quantity}: {self.value:.4g}{bounds} (n={self.n})"

    def __format__(self, spec: str) -> str:
        if spec:
            return format(self.value, spec)
        if np.isnan(self.low):
            return f"{self.value:.3g}"
        return f"{self.value:.2g} [{self.low:.2g}, {self.high:.2g}]"

    @property
    def count(self) -> int:
        """Instances that a share counts."""
        return round(self.value * self.n)

    @property
    def rest(self) -> int:
        """Instances that a share does not count."""
        return self.n - self.count


def failure_rate(quantity: str, broken: int, count: int) -> Measurement:
    """Share of instances that break a statement, with a Clopper-Pearson interval.

    Raises:
        CheckError: There is no instance, or more are counted than there are.
    """
    if not 0 <= broken <= count or not count:
        raise CheckError(f"{quantity}: {broken} of {count} instances are no share")
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


def share(quantity: str, true: ArrayLike) -> Measurement:
    """Share of instances for which something is true, with its interval."""
    flags = np.asarray(true, dtype=bool).ravel()
    return failure_rate(quantity, int(flags.sum()), len(flags))


def share_broken(quantity: str, broken: ArrayLike) -> Measurement:
    """Share of instances that break a statement, which a single one refutes."""
    rate = share(quantity, broken)
    return replace(rate, flips_at=1 / rate.n)


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
        values: One per seed.
        confidence: Of the interval; above 0.95 where several are judged together.
        overlap: `n_test/n_train` of random splits; 0 for independent draws.

    Raises:
        ValueError: A confidence that is not in (0, 1).
        CheckError: Fewer than two values, all equal, or not all finite.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"{quantity}: confidence must be in (0, 1), got {confidence}")
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
        interval=f"{_percent(confidence)} % Student"
        + (", corrected for shared rows" if overlap else ""),
        n=len(sample),
    )


def _percent(confidence: float) -> str:
    """In per cent, with four digits or as many as tell it from 100."""
    texts = (f"{100 * confidence:.{digits}g}" for digits in range(4, 18))
    return next(text for text in texts if text != "100")


def plain(quantity: str, value: float, interval: str, n: int = 1) -> Measurement:
    """Return a number without an interval; `interval` says why it has none."""
    nan = float("nan")
    return Measurement(
        quantity=quantity, value=value, low=nan, high=nan, interval=interval, n=n
    )


def extreme(quantity: str, values: ArrayLike) -> Measurement:
    """Largest value over instances; an extreme has no interval."""
    sample = np.asarray(values, dtype=float).ravel()
    if not len(sample):
        raise CheckError(f"{quantity}: no value of which one could be the largest")
    return plain(quantity, float(sample.max()), "none: an extreme", len(sample))


class Family(tuple[Measurement, ...]):
    """Measurements that are judged together, with the counts that sentences name."""

    @property
    def above(self) -> int:
        """How many intervals lie above zero."""
        return sum(one.low > 0 for one in self)

    @property
    def below(self) -> int:
        """How many intervals lie below zero."""
        return sum(one.high < 0 for one in self)

    @property
    def lows(self) -> Float[np.ndarray, " n"]:
        """Lower ends of the intervals."""
        return np.array([one.low for one in self])

    @property
    def highs(self) -> Float[np.ndarray, " n"]:
        """Upper ends of the intervals."""
        return np.array([one.high for one in self])

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self)

    @property
    def least(self) -> float:
        """The smallest value."""
        return min(one.value for one in self)

    @property
    def most(self) -> float:
        """The largest value."""
        return max(one.value for one in self)

    def narrowed(self, factor: float) -> "Family":
        """The same values, with intervals of that part of their length."""
        return Family(
            replace(
                one,
                low=one.value - factor * (one.value - one.low),
                high=one.value + factor * (one.high - one.value),
            )
            for one in self
        )


def decided(found: Measurement, threshold: float = 0.0) -> bool | None:
    """Whether a quantity is above a threshold; `None` if its interval holds both."""
    if found.low > threshold:
        return True
    return False if found.high < threshold else None


def runs_to_decide(found: Measurement, threshold: float = 0.0) -> int | None:
    """Runs after which Student's interval would exclude a threshold half of the time.

    So many new runs decide with a probability of a half, or more where they are few.
    Uses the measured mean and spread `s` as if they were the true ones: the least `n`
    with `t_(n−1) s/√n < |mean − threshold|` at the interval's own confidence, where
    `s/√n` is read off the interval at hand. Source: derived here.

    Args:
        found: A mean over independent runs with Student's interval.
        threshold: The value that separates the claim from its contrary.

    Returns:
        The number of runs, at least two; `None` if the mean is at the threshold, or
        more than 10⁷ runs would be needed.

    Raises:
        ValueError: The measurement is no mean with Student's interval.
    """
    kind, student, rest = found.interval.partition(" % Student")
    if found.n < 2 or rest or not student:
        raise ValueError(f"'{found.quantity}' is no mean over independent runs")
    upper = (1 + float(kind) / 100) / 2
    spread = (found.high - found.value) / stats.t.ppf(upper, found.n - 1)
    spread *= np.sqrt(found.n)
    distance = abs(found.value - threshold)
    sizes: Sequence[int] = np.unique(np.geomspace(2, 1e7, 4000).astype(int)).tolist()
    for n in sizes:
        if stats.t.ppf(upper, n - 1) * spread / np.sqrt(n) < distance:
            return n
    return None
