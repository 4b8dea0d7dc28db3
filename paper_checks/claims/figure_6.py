"""W-F6: accuracy against the capacity; what its printed table adds up to; the leak."""

import json
from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr

from paper_checks.claims.leak_of_figure_6 import leak, printed_gains
from paper_checks.judge import paired_tests
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, extreme
from paper_checks.judge.verdict import Control, judge
from paper_checks.sentences.best_capacity import Best, best_of, widths_of
from paper_checks.sentences.printed import (
    FIGURE_6,
    MEAN_ALONE,
    MEAN_TOGETHER,
    SUMMED_CAPACITY,
)
from paper_checks.settings import Settings
from paper_checks.studies import sentence_claim
from paper_checks.studies.sentence_claim import Judged, SentenceClaim, runs_of
from paper_checks.studies.sentence_gains import (
    mean_over_tasks,
    protocols_of,
    shared_rows,
)

SOURCE = "W-F6 (Figure 6)"
# Half of the last digit printed.
ROUNDING = 0.05
LEAK_FREE = (
    "Trained together, the six sets are best at a capacity below the sum of their best "
    "single-task capacities, and there better on average than alone."
)
PROTOCOL_NAMES = {
    "near": "no training sentence near one that is tested",
    "naive": "sets as they are",
}
CLAIM_NAMES = {"near": "W-F6", "naive": "W-F6n"}


def find(settings: Settings) -> Sequence[Finding]:
    """The printed table, then our own curves without and with the leak."""
    measured = [sentence_claim.find(settings, claim) for claim in CLAIMS]
    return [table_finding(settings), *measured]


def table_finding(settings: Settings) -> Finding:
    """Whether the printed means and the total are those of the printed columns."""
    capacity, alone, together = np.array(list(FIGURE_6.values())).T
    off = {
        "printed mean alone less that of its column": MEAN_ALONE - alone.mean(),
        "printed mean together less that of its column": (
            MEAN_TOGETHER - together.mean()
        ),
        "printed total capacity less the sum of its column": (
            SUMMED_CAPACITY - capacity.sum()
        ),
    }
    leaking, others = printed_gains()
    limit = ROUNDING * (1 + 1e-9)  # one more rounding, of the difference
    wrong = [name for name, value in off.items() if abs(value) > limit]
    # A digit misprinted by one in the last place but one must be noticed.
    shifted = abs(MEAN_ALONE - (alone.sum() + 1) / len(alone)) > limit
    noticed = Control(
        dropped="the printed single-task column (one entry one point higher)",
        noticed=int(shifted),
        instances=1,
    )
    return Finding(
        claim="W-F6t",
        statement="The means 82.6 and 85.1 and the total capacity 1205 are those of "
        "the columns printed above them.",
        source=SOURCE,
        verdict=judge(not wrong, (noticed,)),
        reason=(
            f"the printed mean of training together, {MEAN_TOGETHER}, is not the "
            f"mean of its column, {together.mean():.1f}; the mean alone and the total "
            "capacity are right. SST and MR, which share most of their sentences, gain "
            f"{leaking:+.1f} points on average and the other four sets {others:+.1f}"
        ),
        measurements=(
            *(extreme(name, np.array(value)) for name, value in off.items()),
            extreme("printed gain of SST and MR, mean (points)", np.array(leaking)),
            extreme(
                "printed gain of the other four sets, mean (points)", np.array(others)
            ),
        ),
        controls=(noticed,),
        data="the printed table",
        seed=settings.seed,
    )


def judged(data: xr.Dataset, protocol: str) -> Judged:
    """What curves say of training together under a protocol.

    Args:
        data: Of the study `sentence_capacity`.
        protocol: That the verdict is of; the others are told beside it.
    """
    found = {p: one for p in protocols_of(data) if (one := best_of(data, p))}
    overlap = {p: shared_rows(data, p, data["set"].to_numpy().tolist()) for p in found}
    gain = {p: _gain(p, one, overlap[p]) for p, one in found.items()}
    tested = {
        p: paired_tests.significant(one.together - one.alone, overlap[p])
        for p, one in found.items()
    }
    tests = [
        entry
        for p, one in tested.items()
        for entry in paired_tests.measurements(f"gain of training together, {p}", one)
    ]
    lines = "; ".join(
        f"{_named(data, p)} {gain[p].value:+.2f} [{gain[p].low:.2f}, "
        f"{gain[p].high:.2f}]"
        for p in found
    )
    mine = found.get(protocol)
    capacities = tuple(
        entry for p, one in found.items() for entry in _capacities(p, one)
    )
    best = _at_best(data, mine, protocol)
    return Judged(
        _holds(mine, gain.get(protocol)),
        f"{best}; gain of training together in points {lines}; "
        f"{paired_tests.said(tested)}",
        (*gain.values(), *capacities, *tests),
        complete=mine is not None and _all_trained(data, protocol),
    )


def _named(data: xr.Dataset, protocol: str) -> str:
    """The protocol, and of a sweep that is not whole its capacities."""
    if _all_trained(data, protocol):
        return protocol
    return f"{protocol} (capacities {', '.join(map(str, widths_of(data, protocol)))})"


def _holds(best: Best | None, gain: Measurement | None) -> bool | None:
    """Whether it holds; `None` if the gain may be none and the paper's printed one."""
    if best is None or gain is None or best.capacity >= best.summed:
        return False
    if gain.low > 0:
        return True
    return False if gain.high < MEAN_TOGETHER - MEAN_ALONE else None


def _all_trained(data: xr.Dataset, protocol: str) -> bool:
    """Whether every capacity of the sweep was trained, alone and together."""
    wanted = json.loads(data.attrs["spec"])["widths"]
    return set(widths_of(data, protocol)) == set(wanted)


def _at_best(data: xr.Dataset, mine: Best | None, protocol: str) -> str:
    if mine is None:
        return f"{runs_of(data)}: no capacity was trained ({protocol})"
    largest = data["width"].to_numpy().max()
    # Then the capacity together is below the sum whatever it is.
    bound = f" (none above {largest} was trained)" if mine.summed > largest else ""
    return (
        f"{runs_of(data)}: best together at capacity {mine.capacity:g}{bound}, summed "
        f"best single-task capacities {mine.summed:g}, mean accuracy "
        f"{mine.together.mean():.1f} together, {mine.alone.mean():.1f} alone "
        f"({protocol})"
    )


def _gain(protocol: str, best: Best, overlap: np.ndarray) -> Measurement:
    name = f"gain of training together, mean of sets, {protocol}"
    return mean_over_tasks(name, best.together - best.alone, overlap)


def _capacities(protocol: str, best: Best) -> tuple[Measurement, ...]:
    found = {"capacity together": best.capacity, "summed capacities alone": best.summed}
    return tuple(
        Measurement(
            quantity=f"{name}, {protocol}",
            value=value,
            low=float("nan"),
            high=float("nan"),
            interval="none: a mean of choices",
            n=best.alone.shape[1],
        )
        for name, value in found.items()
    )


CLAIMS = tuple(
    SentenceClaim(
        claim=CLAIM_NAMES[protocol],
        statement=f"{LEAK_FREE} Protocol: {PROTOCOL_NAMES[protocol]}.",
        source=SOURCE,
        study="sentence_capacity",
        judged=partial(judged, protocol=protocol),
        closing=leak if protocol == "near" else lambda _: "",
    )
    for protocol in CLAIM_NAMES
)
