"""What sentences that sets share do to Figure 6: naively, and without them."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from paper_checks.networks.encoders import Kind
from paper_checks.sentences import record
from paper_checks.sentences.best_capacity import best_of, widths_of
from paper_checks.sentences.printed import FIGURE_6
from paper_checks.studies.sentence_claim import runs_of
from paper_checks.studies.sentence_gains import gains_of, mean_over_tasks, shared_rows

# Sets whose sentences are largely in each other.
LEAKING = ("sst", "mr")


def printed_gains() -> tuple[float, float]:
    """Mean printed gain of training together of SST and MR, and of the other sets."""
    gain = {name: together - alone for name, (_, alone, together) in FIGURE_6.items()}
    leaking = [gain[name] for name in LEAKING]
    others = [value for name, value in gain.items() if name not in LEAKING]
    return float(np.mean(leaking)), float(np.mean(others))


def leak(every: Sequence[xr.Dataset]) -> str:
    """What the leak does to Figure 6, in one sentence over all encoders at hand."""
    said: dict[str, str] = {}
    for data in every:
        encoder = data.attrs["encoder"]
        said[encoder] = said.get(encoder) or _leak_of(data)
    told = "; ".join(one for one in said.values() if one)
    printed = printed_gains()
    ours = (
        f"; ours gain naive, and then without near-duplicates, {told}" if told else ""
    )
    return (
        "The leak: most sentences of SST are in MR with their labels, so that naive "
        "training together sees most of SST's test part, and in the paper's table SST "
        f"and MR gain {printed[0]:.2f} points on average and the other four sets "
        f"{printed[1]:+.2f}, so that the gain of its mean rests on the two that leak"
        f"{ours}{_leak_of_two(record.recorded('sentence_transfer'))}"
    )


def _leak_of_two(kept: Mapping[Kind, xr.Dataset]) -> str:
    """What MR gains beside SST alone, naive and near, by every encoder on record."""
    said = []
    for data in kept.values():
        found = gains_of(data, "target")
        gains = [
            mean_over_tasks(
                "gain of MR",
                found[protocol].gain["together"].sel(task=["mr"]).to_numpy(),
                shared_rows(data, protocol, ["mr"]),
            )
            for protocol in ("naive", "near")
            if protocol in found and "mr" in found[protocol].gain["together"]["task"]
        ]
        if len(gains) < 2:
            continue
        lines = [f"{one.value:+.2f} [{one.low:.2f}, {one.high:.2f}]" for one in gains]
        said.append(f"{' and then '.join(lines)} ({runs_of(data)})")
    return f". Beside SST alone MR gains {'; '.join(said)}" if said else ""


def _leak_of(data: xr.Dataset) -> str:
    """Gains naive and near of both groups of sets, at capacities that both have."""
    both = ("naive", "near")
    if not set(both) <= set(data["protocol"].to_numpy()):
        return ""
    widths = set.intersection(*(set(widths_of(data, p)) for p in both))
    part = data.sel(width=sorted(widths))
    best = [one for p in both if (one := best_of(part, p)) is not None]
    if len(best) < len(both):
        return ""
    leaking = np.isin(data["set"].to_numpy(), LEAKING)
    gains = [one.together - one.alone for one in best]
    groups = {"SST and MR": leaking, "the others": ~leaking}
    told = [
        f"{name} {gains[0][rows].mean():+.2f} and then {gains[1][rows].mean():+.2f}"
        for name, rows in groups.items()
    ]
    only = f" at capacity {min(widths)}" if len(widths) == 1 else ""
    return f"with {runs_of(data)}{only}, {', '.join(told)}"
