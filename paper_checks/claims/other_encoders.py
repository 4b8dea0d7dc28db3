"""W-C5: whether alignment has the same gains with an MLP and a CNN as encoders.

Judged from the studies on record, of the full profile: training both anew takes hours.
"""

from dataclasses import replace
from typing import NamedTuple

import xarray as xr

from paper_checks.claims import figure_5b, figure_7
from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict, judge
from paper_checks.networks.encoders import Kind
from paper_checks.sentences import printed, record
from paper_checks.sentences.recording import PROGRAM
from paper_checks.settings import Settings
from paper_checks.studies.sentence_claim import CONTROL, more_runs, runs_of
from paper_checks.studies.sentence_gains import (
    Gains,
    gains_of,
    improves,
    told,
    whole,
)
from paper_checks.studies.sentences import DATA, control_on_record, seed_of

SOURCE = "W-C5 (Figures 5b and 7, other encoders)"
STATEMENT = (
    "With an MLP and with a CNN alignment has the gains that it has with an LSTM: on 4 "
    "of 5 targets of SST, and on 13 of 15 pairs."
)
ENCODERS: tuple[Kind, ...] = ("mlp", "cnn")


class Tasks(NamedTuple):
    """What a study trains, how many there are, and how many the paper has gain."""

    axis: str
    number: int
    wanted: int


STUDIES = {
    "sentence_transfer": Tasks("target", figure_5b.COUNT, printed.TARGETS),
    "sentence_pairs": Tasks("pair", figure_7.COUNT, printed.PAIRS),
}
# By study and encoder.
Kept = dict[tuple[str, Kind], xr.Dataset]
Found = dict[tuple[str, Kind], dict[str, Gains]]


def find(settings: Settings) -> Finding:
    """Judge both encoders on both studies, without near-duplicates."""
    kept: Kept = {
        (name, kind): data
        for name in (*STUDIES, CONTROL)
        for kind, data in record.recorded(name).items()
        if kind in ENCODERS
    }
    found: Found = {
        (name, kind): gains_of(kept[name, kind], tasks.axis)
        for kind in ENCODERS
        for name, tasks in STUDIES.items()
        if (name, kind) in kept
    }
    lacking = _lacking(kept, found)
    verdict, controls = Verdict.NEEDS_DATA, ()
    parts = [f"needs {lacking}"] * bool(lacking)
    if not lacking:
        controls = tuple(control_on_record(kept[CONTROL, kind]) for kind in ENCODERS)
        each = {
            key: improves(gains, STUDIES[key[0]].number, STUDIES[key[0]].wanted)
            for key, gains in found.items()
        }
        verdict = judge(all(each.values()), controls)
        # It could be chance, and more runs are needed.
        if None in each.values() and False not in each.values():
            verdict = Verdict.NEEDS_DATA
            parts += [
                more_runs(kept[k], k[0]) for k, one in each.items() if one is None
            ]
    parts += [
        f"{runs_of(kept[key])}: {told(gains, f'{STUDIES[key[0]].axis}s')}"
        for key, gains in found.items()
    ]
    runs = [runs_of(kept[key]) for key in found if key[0] == "sentence_pairs"]
    return Finding(
        claim="W-C5",
        statement=STATEMENT,
        source=SOURCE,
        verdict=verdict,
        reason=f"from studies on record: {'; '.join(parts)}",
        measurements=tuple(
            replace(entry, quantity=f"{kind}, {STUDIES[name].axis}s: {entry.quantity}")
            for (name, kind), gains in found.items()
            for one in gains.values()
            for entry in one.measurements
        ),
        controls=controls,
        data=f"{DATA}; on record: {'; '.join(runs) or 'nothing'}",
        seed=seed_of(list(kept.values()), settings),
    )


def _lacking(kept: Kept, found: Found) -> str:
    """What has to be trained before there is a verdict; empty if nothing."""
    said = []
    for kind in ENCODERS:
        for name in (*STUDIES, CONTROL):
            command = _command(name, kind)
            if (name, kind) not in kept:
                said.append(f"{name} of the {kind}: {command}")
            elif name in STUDIES and not whole(found[name, kind], STUDIES[name].number):
                said.append(f"the rest of {name} of the {kind} ('near'): {command}")
    return "; ".join(said)


def _command(name: str, kind: Kind) -> str:
    asked = f"--data DATA --encoder {kind} --only {name}"
    return f"`{PROGRAM} {asked}`, then `{PROGRAM} record --data DATA`"
