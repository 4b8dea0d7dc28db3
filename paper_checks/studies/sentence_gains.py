"""What alignment and joint training gain on sentence sets, protocol by protocol."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.judge import paired_tests
from paper_checks.judge.measurement import (
    Measurement,
    decided,
    extreme,
    mean_with_interval,
)
from paper_checks.judge.paired_tests import (
    Significant,
    number_of_gains,
    runs_that_count,
)
from paper_checks.judge.stated import Evidence, decides
from paper_checks.sentences import printed
from paper_checks.sentences.recording import PROGRAM
from paper_checks.sentences.splits import PROTOCOLS
from paper_checks.studies.sentences import encoder_in_words

KINDS = {"aligned": "alignment", "together": "training together"}


class Tasks(NamedTuple):
    """What a study of alignment trains, and what the paper found on it."""

    study: str
    axis: str
    number: int
    wanted: int  # that gain by alignment in the paper
    largest: float  # gain in the paper, in points

    @property
    def paper(self) -> str:
        """What the paper found, as a sentence."""
        return (
            f"In the paper {self.wanted} of {self.number} {self.axis}s gain with an "
            f"LSTM, by up to {self.largest} points."
        )


TARGETS = Tasks(
    "sentence_transfer", "target", 5, printed.TARGETS, printed.LARGEST_OF_TARGETS
)
PAIRS = Tasks("sentence_pairs", "pair", 15, printed.PAIRS, printed.LARGEST_OF_PAIRS)


@dataclass(frozen=True, eq=False)
class Gains:
    """Of one protocol; tasks that were not trained in full are left out.

    `gain` (task, run) is in points of a per cent, by `aligned` (aligned less not
    aligned) and `together` (together less alone); `overlap` is how far runs share rows.
    """

    protocol: str
    gain: dict[str, xr.DataArray]
    overlap: Float[np.ndarray, " task"]

    @property
    def count(self) -> int:
        """Number of tasks."""
        return self.gain["aligned"].sizes["task"]

    @property
    def better(self) -> int:
        """Tasks that alignment improves on average."""
        return int(np.sum(self.gain["aligned"].mean("run") > 0))

    def mean(self, kind: str = "aligned") -> Measurement:
        """Mean gain over tasks."""
        name = f"gain by {KINDS[kind]}, mean, {self.protocol}"
        return mean_over_tasks(name, self.gain[kind].to_numpy(), self.overlap)

    def tested(self, kind: str = "aligned") -> Significant | None:
        """How many tasks differ from 0 in Holm's test over runs; `None` for one run."""
        return paired_tests.significant(self.gain[kind].to_numpy(), self.overlap)

    @cached_property
    def number(self) -> Measurement | None:
        """How many tasks gain by alignment, with an interval; `None` for one run."""
        values = self.gain["aligned"].to_numpy()
        if values.shape[1] == 1:
            return None
        name = f"tasks that gain by alignment, {self.protocol}"
        return number_of_gains(name, values, self.overlap)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Means over tasks, and the tests."""
        tests = {
            f"gain by {KINDS[kind]}, {self.protocol}": self.tested(kind)
            for kind in KINDS
        }
        return (
            *map(self.mean, KINDS),
            *((self.number,) if self.number else ()),
            *(m for one in tests.items() for m in paired_tests.measurements(*one)),
        )


def evidence(data: xr.Dataset, tasks: Tasks) -> Evidence:
    """What a study of one encoder says of alignment; the strictest protocol decides.

    Args:
        data: Of the study `sentence_transfer` or `sentence_pairs`.
        tasks: What it trains.
    """
    found = gains_of(data, tasks.axis)
    strict = strictest(found)
    mean, number, holds = strict.mean(), strict.number, improves(found, tasks)
    return Evidence(
        holds=holds,
        deciding=None if number is None else decides(number, float(tasks.wanted)),
        headline=f"With the {data.attrs['encoder'].upper()} alignment improves "
        f"{strict.better} of {strict.count} {tasks.axis}s, by {mean} points",
        named={"better": strict.better},
        measurements=tuple(one for g in found.values() for one in g.measurements),
        details=(
            *(_told(one, data, tasks) for one in found.values()),
            *_told_of(strict, data, tasks),
        ),
        caveats=() if holds is not None else (_needed(found, data, tasks),),
    )


def complete(data: xr.Dataset, tasks: Tasks) -> bool:
    """Whether all tasks of a study were trained in full without near-duplicates."""
    return _whole(gains_of(data, tasks.axis), tasks)


def gains_of(data: xr.Dataset, axis: str) -> dict[str, Gains]:
    """Gains of every protocol in the data that has some.

    Args:
        data: `alone`, `together`, `aligned` (protocol, axis, run), in per cent, and
            `test_over_train` (protocol, set).
        axis: `target` or `pair`.
    """
    found = {}
    for protocol in protocols_of(data):
        part = data[["alone", "together", "aligned"]].sel(protocol=protocol)
        part = part.dropna(axis).rename({axis: "task"}).transpose("task", "run")
        if part.sizes["task"]:
            gain = {
                "aligned": part["aligned"] - part["together"],
                "together": part["together"] - part["alone"],
            }
            names = part["task"].to_numpy().tolist()
            found[protocol] = Gains(protocol, gain, shared_rows(data, protocol, names))
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


def strictest(found: dict[str, Gains]) -> Gains:
    """The gains under the strictest protocol that there is."""
    return list(found.values())[-1]


def improves(found: dict[str, Gains], tasks: Tasks) -> bool | None:
    """Whether as many tasks truly gain as the paper says, without near-duplicates.

    By the interval of the number of true gains (`number_of_gains`): all of it is at or
    above the paper's number, or below it. `None` otherwise, or if not all tasks were
    trained in full.
    """
    number = strictest(found).number
    if number is None or not _whole(found, tasks):
        return None
    return decided(number, tasks.wanted - 0.5)


def _needed(found: dict[str, Gains], data: xr.Dataset, tasks: Tasks) -> str:
    """What would decide where nothing is decided yet."""
    strict, encoder = strictest(found), data.attrs["encoder"]
    with_it, runs = f"With the {encoder.upper()}", None
    if not _whole(found, tasks):
        return f"{with_it} not all {tasks.number} {tasks.axis}s are trained so far."
    if strict.number is not None:
        gains = strict.gain["aligned"].to_numpy()
        runs = runs_that_count(gains, tasks.wanted, strict.overlap)
        if runs is None:
            return (
                f"{with_it} no number of runs on these {tasks.axis}s would decide it, "
                "were the gains the true ones: splits of one set share rows."
            )
    asked = f"--data DATA --encoder {encoder} --only {tasks.study} --runs {runs or 'N'}"
    told = "one run tells nothing of chance"
    if runs is not None:
        told = f"about {runs} runs would decide it, were the gains the true ones"
    return f"{with_it} {told}: `{PROGRAM} {asked}`."


def _whole(found: dict[str, Gains], tasks: Tasks) -> bool:
    strict = strictest(found)
    return (strict.protocol, strict.count) == ("near", tasks.number)


def _told(found: Gains, data: xr.Dataset, tasks: Tasks) -> str:
    """What alignment gains, and how many tasks gain by the interval over runs."""
    number, over = "", " (interval over tasks)"
    if found.number is not None:
        number, over = f" ({found.number.low:.0f} to {found.number.high:.0f})", ""
    return (
        f"With {encoder_in_words(data, found.protocol)} alignment improves "
        f"{found.better}{number} of {found.count} {tasks.axis}s, by {found.mean()} "
        f"points on average{over}."
    )


def _told_of(strict: Gains, data: xr.Dataset, tasks: Tasks) -> tuple[str, ...]:
    """Gains of single tasks, the tests, and what more passes might change."""
    near = strict.gain["aligned"].mean("run").to_series()
    each = ", ".join(f"{str(name).upper()} {gain:+.1f}" for name, gain in near.items())
    if tasks is not TARGETS:
        each = f"from {near.min():+.1f} to {near.max():+.1f}"
    tests = "One run allows no test of single tasks."
    if strict.tested() is not None:
        tests = (
            f"Significant after Holm's correction are {strict.tested()} by alignment, "
            f"and {strict.tested('together')} by joint training."
        )
    late = data["late"].sel(protocol=strict.protocol).to_series()
    ends = ", ".join(f"{share:.0f} % {model}" for model, share in late.items())
    width = json.loads(data.attrs["spec"])["training"]["width"]
    return (
        f"At capacity {width} single {tasks.axis}s gain {each} points.",
        tests,
        f"Training had its {data['late'].attrs['long_name']} in {ends}, so more passes "
        "may change a gain.",
    )
