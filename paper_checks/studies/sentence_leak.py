"""What sentences that sets share do to Figure 6: naively, and without them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from paper_checks.sentences import record
from paper_checks.sentences.best_capacity import best_of, widths_of
from paper_checks.sentences.printed import FIGURE_6
from paper_checks.studies.sentence_gains import gains_of, mean_over_tasks, shared_rows
from paper_checks.studies.sentences import runs_of

# Sets whose sentences are largely in each other.
LEAKING = ("sst", "mr")
BOTH = ("naive", "near")


def printed_gains() -> tuple[float, float]:
    """Mean printed gain of training together of SST and MR, and of the other sets."""
    gain = {name: together - alone for name, (_, alone, together) in FIGURE_6.items()}
    leaking = [gain[name] for name in LEAKING]
    others = [value for name, value in gain.items() if name not in LEAKING]
    return float(np.mean(leaking)), float(np.mean(others))


def leak(every: Sequence[xr.Dataset]) -> tuple[str, ...]:
    """What the leak does to Figure 6, a sentence or two for each encoder at hand."""
    ours: dict[str, tuple[str, ...]] = {}
    for data in every:
        encoder = data.attrs["encoder"]
        ours[encoder] = ours.get(encoder) or _of_capacities(data)
    leaking, others = printed_gains()
    beside = record.recorded("sentence_transfer").values()
    return (
        "Most sentences of SST are in MR with their labels, so that naive joint "
        "training sees most of SST's test part.",
        f"In the paper's table SST and MR gain {leaking:.2f} points on average, and "
        f"the other four sets {others:+.2f}.",
        "So the gain of its mean rests on the two sets that leak.",
        *(text for told in ours.values() for text in told),
        *(text for data in beside for text in _of_two(data)),
    )


def _of_two(data: xr.Dataset) -> tuple[str, ...]:
    """What MR gains beside SST alone, naive and near."""
    found = gains_of(data, "target")
    gains = [
        mean_over_tasks(
            "gain of MR",
            found[protocol].gain["together"].sel(task=["mr"]).to_numpy(),
            shared_rows(data, protocol, ["mr"]),
        )
        for protocol in BOTH
        if protocol in found and "mr" in found[protocol].gain["together"]["task"]
    ]
    if len(gains) < len(BOTH):
        return ()
    naive, near = gains
    return (
        f"Beside SST alone MR gains {naive} points naively, and {near} without "
        f"near-duplicates ({runs_of(data)}).",
    )


def _of_capacities(data: xr.Dataset) -> tuple[str, ...]:
    """Gains naive and near of both groups of sets, at capacities that both have."""
    if not set(BOTH) <= set(data["protocol"].to_numpy()):
        return ()
    widths = set.intersection(*(set(widths_of(data, p)) for p in BOTH))
    part = data.sel(width=sorted(widths))
    best = [one for p in BOTH if (one := best_of(part, p)) is not None]
    if len(best) < len(BOTH):
        return ()
    leaking = np.isin(data["set"].to_numpy(), LEAKING)
    naive, near = (one.together - one.alone for one in best)
    only = f" at capacity {min(widths)}" if len(widths) == 1 else ""
    names = data["set"].to_numpy().tolist()
    means = [
        mean_over_tasks("gain", gain, shared_rows(data, protocol, names))
        for protocol, gain in zip(BOTH, (naive, near), strict=True)
    ]
    return (
        f"All six gain {means[0]} points naively, and {means[1]} without "
        f"near-duplicates ({runs_of(data)}{only}).",
        *(
            f"{name} gain {naive[rows].mean():+.2f} points naively, and "
            f"{near[rows].mean():+.2f} without near-duplicates ({runs_of(data)}{only})."
            for name, rows in (("SST and MR", leaking), ("The other sets", ~leaking))
        ),
    )
