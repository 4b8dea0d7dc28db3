"""W-C5: whether alignment has the same gains with an MLP and a CNN as encoders.

Judged from the studies on record, of the full profile: training both anew takes hours.
Each encoder is judged on the targets of W-F5b and on the pairs of W-F7.
"""

from collections.abc import Mapping
from dataclasses import replace

import xarray as xr

from paper_checks.judge import Evidence, StudyClaim, merged
from paper_checks.networks.encoders import Kind
from paper_checks.sentences import record
from paper_checks.sentences.recording import PROGRAM
from paper_checks.settings import Settings
from paper_checks.studies.sentence_claim import CONTROL, renamed
from paper_checks.studies.sentence_gains import PAIRS, TARGETS, complete, evidence
from paper_checks.studies.sentences import DATA, control_on_record, runs_of, seed_of

ENCODERS: tuple[Kind, ...] = ("mlp", "cnn")
STUDIES = {"sentence_transfer": TARGETS, "sentence_pairs": PAIRS}
Kept = dict[tuple[str, Kind], xr.Dataset]  # by study and encoder


def on_record(_: Settings) -> Kept:
    return {
        (name, kind): data
        for name in (*STUDIES, CONTROL)
        for kind, data in record.recorded(name).items()
        if kind in ENCODERS
    }


def judged(kept: Kept) -> Evidence:  # without near-duplicates
    found: dict[tuple[str, Kind], Evidence] = {
        (name, kind): renamed(evidence(data, tasks), f"{kind}, {tasks.axis}s: ")
        for kind in ENCODERS
        for name, tasks in STUDIES.items()
        if (data := kept.get((name, kind))) is not None
    }
    every, needed = merged(list(found.values()), alike=True), lacking(kept)
    runs = [runs_of(kept[key]) for key in found if key[0] == "sentence_pairs"]
    return replace(
        every,
        missing="; ".join(needed),
        headline="Not all of both encoders is on record" if needed else counts(found),
        controls=tuple(
            control_on_record(kept[CONTROL, kind]) for kind in ENCODERS if not needed
        ),
        caveats=every.caveats if every.holds is None else (),
        data=f"{DATA}; on record: {'; '.join(runs) or 'nothing'}",
        seed=seed_of(list(kept.values())),
    )


def counts(found: Mapping[tuple[str, Kind], Evidence]) -> str:
    each = [
        f"{one.named['better']} of {STUDIES[name].number} {STUDIES[name].axis}s "
        f"({kind.upper()})"
        for (name, kind), one in found.items()
    ]
    return f"Alignment improves {', '.join(each)}"


def lacking(kept: Kept) -> tuple[str, ...]:  # what has to be trained first
    said = []
    for kind in ENCODERS:
        for name in (*STUDIES, CONTROL):
            asked = f"--data DATA --encoder {kind} --only {name}"
            command = f"`{PROGRAM} {asked}`, then `{PROGRAM} record --data DATA`"
            if (name, kind) not in kept:
                said.append(f"{name} of the {kind}: {command}")
            elif name in STUDIES and not complete(kept[name, kind], STUDIES[name]):
                said.append(f"the rest of {name} of the {kind} ('near'): {command}")
    return tuple(said)


CLAIM = StudyClaim(
    id="W-C5",
    title="Alignment helps an MLP and a CNN as it helps an LSTM",
    source="W-C5 (Figures 5b and 7, other encoders)",
    statement="With an MLP and with a CNN alignment has the gains that it has with an "
    "LSTM: on 4 of 5 targets of SST, and on 13 of 15 pairs.",
    uses=("W-F5b", "W-F7"),
    study=on_record,
    judged=judged,
)
