"""What joint training gains on six sentence sets at the best capacity (W-F6)."""

import json
from dataclasses import replace

import xarray as xr

from paper_checks.judge import paired_tests
from paper_checks.judge.measurement import Measurement, plain
from paper_checks.judge.stated import Evidence, decides, led
from paper_checks.sentences.best_capacity import Best, best_of, widths_of
from paper_checks.sentences.printed import MEAN_ALONE, MEAN_TOGETHER
from paper_checks.studies.sentence_gains import (
    mean_over_tasks,
    protocols_of,
    shared_rows,
)
from paper_checks.studies.sentences import encoder_in_words


def evidence(data: xr.Dataset, protocol: str) -> Evidence:
    """What curves say of joint training under a protocol.

    Args:
        data: Of the study `sentence_capacity`.
        protocol: That the verdict is of; the others are reported beside it.
    """
    best = {p: one for p in protocols_of(data) if (one := best_of(data, p))}
    found = {p: _of_protocol(data, p, one) for p, one in best.items()}
    if protocol not in found:
        return Evidence(holds=False, headline=f"No capacity was trained ({protocol})")
    every = led(found[protocol], list(found.values()))
    return replace(every, details=(*every.details, *_at_best(data, best[protocol])))


def complete(data: xr.Dataset, protocol: str) -> bool:
    """Whether every capacity of the sweep was trained, alone and together."""
    wanted = json.loads(data.attrs["spec"])["widths"]
    return set(widths_of(data, protocol)) == set(wanted)


def _of_protocol(data: xr.Dataset, protocol: str, best: Best) -> Evidence:
    """Gain, capacities and tests under one protocol."""
    values = best.together - best.alone
    overlap = shared_rows(data, protocol, data["set"].to_numpy().tolist())
    tested = paired_tests.significant(values, overlap)
    name = f"gain of training together, mean of sets, {protocol}"
    gain = mean_over_tasks(name, values, overlap)
    capacity, summed = (
        plain(f"{name}, {protocol}", value, "none: a mean of choices", values.shape[1])
        for name, value in (
            ("capacity together", best.capacity),
            ("summed capacities alone", best.summed),
        )
    )
    widths = ", ".join(map(str, widths_of(data, protocol)))
    part = "" if complete(data, protocol) else f" (capacities {widths})"
    after = f"; significant after Holm's correction are {tested}" if tested else ""
    return Evidence(
        holds=_holds(best, gain),
        deciding=decides(gain, 0.0),
        headline=f"With the {data.attrs['encoder'].upper()} joint training gains "
        f"{gain} points, at capacity {capacity:.3g} (alone {summed:.4g})",
        measurements=(
            gain,
            capacity,
            summed,
            *paired_tests.measurements(
                f"gain of training together, {protocol}", tested
            ),
        ),
        details=(
            f"With {encoder_in_words(data, protocol)} joint training gains {gain} "
            f"points on average over the sets{part}{after}.",
        ),
    )


def _holds(best: Best, gain: Measurement) -> bool | None:
    """Whether it holds; `None` if the gain may be none and the paper's printed one."""
    if best.capacity >= best.summed:
        return False
    if gain.low > 0:
        return True
    return False if gain.high < MEAN_TOGETHER - MEAN_ALONE else None


def _at_best(data: xr.Dataset, best: Best) -> tuple[str, ...]:
    """The capacities that dev parts choose, and the accuracies there."""
    largest = data["width"].to_numpy().max()
    # Then the capacity together is below the sum whatever it is.
    bound = f" (none above {largest} was trained)" if best.summed > largest else ""
    return (
        f"Joint training is best at capacity {best.capacity:g}{bound}, and the best "
        f"single-task capacities sum to {best.summed:g}.",
        f"Mean accuracy there is {best.together.mean():.1f} in joint and "
        f"{best.alone.mean():.1f} in single-task training.",
    )
