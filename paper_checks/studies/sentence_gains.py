"""What alignment and training together are worth to sentence sets, by protocol."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.judge import paired_tests
from paper_checks.judge.measurement import Measurement, extreme, mean_with_interval
from paper_checks.judge.number_of_gains import number_of_gains
from paper_checks.judge.paired_tests import Significant
from paper_checks.sentences.splits import PROTOCOLS

KINDS = {"aligned": "alignment", "together": "training together"}


@dataclass(frozen=True, eq=False)
class Gains:
    """Of one protocol; tasks that were not trained in full are left out.

    `gain` is in points of a per cent, by `aligned` (aligned less not aligned) and
    `together` (together less alone); `mean` that over tasks, and `tested` how many
    tasks differ from 0 in Holm's test over runs. `number` is how many gain by
    alignment, with an interval; `None` for one run. `late` says how many of the models
    might gain by more passes.
    """

    protocol: str
    gain: dict[str, xr.DataArray]  # (task, run)
    mean: dict[str, Measurement]
    tested: dict[str, Significant | None]
    number: Measurement | None
    late: str

    @property
    def count(self) -> int:
        """Number of tasks."""
        return self.gain["aligned"].sizes["task"]

    @property
    def better(self) -> int:
        """Tasks that alignment improves on average."""
        return int(np.sum(self.gain["aligned"].mean("run") > 0))

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Means over tasks, and the tests."""
        tests = [
            one
            for name, found in self.tested.items()
            for one in paired_tests.measurements(
                f"gain by {KINDS[name]}, {self.protocol}", found
            )
        ]
        number = () if self.number is None else (self.number,)
        return (*self.mean.values(), *number, *tests)


def gains_of(data: xr.Dataset, axis: str) -> dict[str, Gains]:
    """Gains of every protocol in the data that has some.

    Args:
        data: `alone`, `together`, `aligned` (protocol, axis, run) and `late` (protocol,
            model), in per cent, and `test_over_train` (protocol, set).
        axis: `target` or `pair`.
    """
    found = {}
    for protocol in protocols_of(data):
        part = data[["alone", "together", "aligned"]].sel(protocol=protocol)
        part = part.dropna(axis).rename({axis: "task"}).transpose("task", "run")
        if part.sizes["task"]:
            late = _late(data["late"].sel(protocol=protocol))
            found[protocol] = _gains(
                part, protocol, _overlap(data, protocol, part), late
            )
    return found


def protocols_of(data: xr.Dataset) -> list[str]:
    """The protocols of the data, in the order that all of them have."""
    there = data["protocol"].to_numpy().tolist()
    return [name for name in PROTOCOLS if name in there]


def shared_rows(
    data: xr.Dataset, protocol: str, names: Sequence[str]
) -> Float[np.ndarray, " c"]:
    """How far the runs of sets, or of pairs such as `sst, mr`, share rows.

    Test rows over training rows, of a pair their mean. Sets with a test part of their
    own have that one in every run: tests are then of runs on that part.
    """
    share = data["test_over_train"].sel(protocol=protocol)
    sets = [name.split(", ") for name in names]
    return np.array([float(share.sel(set=pair).mean()) for pair in sets])


def mean_over_tasks(
    quantity: str,
    gains: Float[np.ndarray, "task run"],
    overlap: Float[np.ndarray, " task"],
) -> Measurement:
    """Mean over tasks, with an interval over runs, or over tasks if there is one run.

    Runs share rows, which the interval allows for; tasks are taken to be independent.
    """
    name = f"{quantity} (points)"
    if gains.size == 1:
        return extreme(name, gains)
    if gains.shape[1] == 1:
        found = mean_with_interval(name, gains[:, 0])
        return replace(found, interval=f"{found.interval}, over tasks of one run")
    return mean_with_interval(name, gains.mean(axis=0), overlap=float(overlap.mean()))


def told(found: dict[str, Gains], what: str) -> str:
    """What to write of the gains by alignment, of tasks that are called `what`."""
    counts = [f"{one.better} of {one.count} ({p})" for p, one in found.items()]
    strict = strictest(found)
    mean = strict.mean["aligned"]
    tests = {KINDS[name]: one for name, one in strict.tested.items()}
    over = " (interval over tasks)" if strict.number is None else ""
    number = ""
    if strict.number is not None:
        low, high = strict.number.low, strict.number.high
        number = f"{low:.0f} to {high:.0f} by the interval over runs, "
    return (
        f"alignment improves {', '.join(counts)} {what}; {strict.protocol}: {number}"
        f"{mean.value:+.2f} [{mean.low:.2f}, {mean.high:.2f}] points on average{over}, "
        f"{paired_tests.said(tests)}; {strict.late}"
    )


def strictest(found: dict[str, Gains]) -> Gains:
    """The gains under the strictest protocol that there is."""
    return list(found.values())[-1]


def improves(found: dict[str, Gains], count: int, wanted: int) -> bool | None:
    """Whether alignment does what the paper says, without near-duplicates.

    It does if of `count` tasks, all trained in full, `wanted` or more gain on average
    and the mean gain over tasks is above 0 by its interval. It does not if the interval
    of the number that gains lies below `wanted`, or that of the mean gain below 0.
    `None` otherwise: more runs are needed to tell it from chance.
    """
    strict = strictest(found)
    mean, number = strict.mean["aligned"], strict.number
    few = number is not None and number.high < wanted
    if not whole(found, count) or few or mean.high <= 0:
        return False
    return True if strict.better >= wanted and mean.low > 0 else None


def whole(found: dict[str, Gains], count: int) -> bool:
    """Whether all of `count` tasks were trained in full without near-duplicates."""
    strict = strictest(found)
    return (strict.protocol, strict.count) == ("near", count)


def width_of(data: xr.Dataset) -> int:
    """Capacity of the shared module."""
    return json.loads(data.attrs["spec"])["training"]["width"]


def _overlap(
    data: xr.Dataset, protocol: str, part: xr.Dataset
) -> Float[np.ndarray, " c"]:
    return shared_rows(data, protocol, part["task"].to_numpy().tolist())


def _late(share: xr.DataArray) -> str:
    """What training with more passes might change."""
    models = share["model"].to_numpy().tolist()
    told = [f"{float(share.sel(model=one)):.0f} % {one}" for one in models]
    return f"{share.attrs['long_name']} in {', '.join(told)}: more may change a gain"


def _gains(
    part: xr.Dataset, protocol: str, overlap: Float[np.ndarray, " c"], late: str
) -> Gains:
    gain = {
        "aligned": part["aligned"] - part["together"],
        "together": part["together"] - part["alone"],
    }
    mean, tested = {}, {}
    for name, one in gain.items():
        values = one.to_numpy()
        said = f"gain by {KINDS[name]}, mean, {protocol}"
        mean[name] = mean_over_tasks(said, values, overlap)
        tested[name] = paired_tests.significant(values, overlap)
    number = None
    if part.sizes["run"] > 1:
        said = f"tasks that gain by alignment, {protocol}"
        number = number_of_gains(said, gain["aligned"].to_numpy(), overlap)
    return Gains(protocol, gain, mean, tested, number, late)
