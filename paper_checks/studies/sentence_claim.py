"""A claim on sentence sets: measured with a folder, else quoted from records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import xarray as xr

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement
from paper_checks.judge.verdict import Verdict, judge
from paper_checks.networks.encoders import Kind
from paper_checks.sentences import record
from paper_checks.sentences.recording import PROGRAM
from paper_checks.settings import Settings
from paper_checks.studies.sentences import (
    DATA,
    control,
    control_on_record,
    missing,
    seed_of,
    study,
)

CONTROL = "sentence_control"
# The encoder of W's sentence experiments.
PAPERS: Kind = "lstm"


class Judged(NamedTuple):
    """What the data of one encoder say of a claim.

    `holds` is `None` where the data agree with the claim and could be chance: more
    runs are needed. `complete` says whether all tasks were trained in full.
    """

    holds: bool | None
    reason: str
    measurements: tuple[Measurement, ...]
    complete: bool


@dataclass(frozen=True, kw_only=True)
class SentenceClaim:
    """A claim, and how it is judged.

    Args:
        claim: Its number.
        statement: What is claimed.
        source: Of the paper.
        study: In `STUDIES`.
        judged: From the data of the study.
        closing: A sentence on all data at hand, of which the first of an encoder
            counts; may be empty.
    """

    claim: str
    statement: str
    source: str
    study: str
    judged: Callable[[xr.Dataset], Judged]
    closing: Callable[[Sequence[xr.Dataset]], str] = lambda _: ""


def find(settings: Settings, asked: SentenceClaim) -> Finding:
    """Measure a claim with a folder of data; without one, say what is on record.

    If the paper's encoder is on record in full, of these files, and was not trained
    now, the verdict is of the record: a quick run of another encoder says less of the
    claim. The control of that encoder, if it is on record, must be noticed as well.
    """
    kept = record.recorded(asked.study)
    lacking = missing(settings)
    if lacking:
        return _quoted(settings, asked, lacking, list(kept.values()))
    data = study(settings, asked.study)
    one = deciding = asked.judged(data)
    of = data
    reason, measured = one.reason, one.measurements
    controls = (control(settings),)
    encoders = [data.attrs["encoder"]]
    if PAPERS not in encoders and PAPERS in kept:
        theirs = asked.judged(kept[PAPERS])
        if theirs.complete and _files(kept[PAPERS]) == _files(data):
            deciding, of = theirs, kept[PAPERS]
            checked = record.recorded(CONTROL)
            if PAPERS in checked:
                controls = (control_on_record(checked[PAPERS]), *controls)
            reason = f"{_on_record(kept[PAPERS], theirs)}. Here: {one.reason}"
            measured = (*_named(kept[PAPERS], theirs), *measured)
            encoders = [f"{PAPERS}, on record", *encoders]
        else:
            # In part, or of other files.
            reason = f"{reason}. Not deciding: {_on_record(kept[PAPERS], theirs)}"
    verdict = judge(deciding.holds is True, controls)
    if deciding.holds is None:
        verdict = Verdict.NEEDS_DATA
        reason = f"{more_runs(of, asked.study)}. {reason}"
    # Records are of the full profile, and are told rather than a quick one.
    every = [*kept.values(), data]
    return Finding(
        claim=asked.claim,
        statement=asked.statement,
        source=asked.source,
        verdict=verdict,
        reason=f"{reason}{_closing(asked, every)}",
        measurements=measured,
        controls=controls,
        data=f"{DATA}; encoder {' and '.join(encoders)}",
        seed=seed_of([of], settings),
    )


def runs_of(data: xr.Dataset) -> str:
    """The encoder and its runs, as in `mlp, 10 runs`."""
    runs = data.sizes["run"]
    return f"{data.attrs['encoder']}, {runs} run{'s' * (runs > 1)}"


def more_runs(data: xr.Dataset, study: str) -> str:
    """What is missing where data agree with a claim and could be chance."""
    asked = f"--data DATA --encoder {data.attrs['encoder']} --only {study} --runs N"
    return f"needs more runs to tell it from chance: `{PROGRAM} {asked}`"


def _quoted(
    settings: Settings,
    asked: SentenceClaim,
    lacking: Sequence[str],
    kept: Sequence[xr.Dataset],
) -> Finding:
    """Nothing is measured, and the verdict is that data is needed."""
    found = [(data, asked.judged(data)) for data in kept]
    quotes = "".join(f". {_on_record(data, one)}" for data, one in found)
    encoders = "; ".join(runs_of(data) for data in kept)
    return Finding(
        claim=asked.claim,
        statement=asked.statement,
        source=asked.source,
        verdict=Verdict.NEEDS_DATA,
        reason=f"needs {DATA} and word vectors; {'; '.join(lacking)}{quotes}"
        f"{_closing(asked, kept)}",
        measurements=tuple(entry for data, one in found for entry in _named(data, one)),
        controls=(),
        data=f"none; on record: {encoders}" if kept else "none",
        seed=seed_of(kept, settings),
    )


def _files(data: xr.Dataset) -> dict[str, str]:
    """Checksums of what was trained on."""
    return {k: v for k, v in data.attrs.items() if str(k).startswith("data_")}


def _on_record(data: xr.Dataset, one: Judged) -> str:
    return f"On record ({data.attrs['date']}, `{data.attrs['command']}`): {one.reason}"


def _named(data: xr.Dataset, one: Judged) -> tuple[Measurement, ...]:
    """What was measured, each quantity with where it comes from."""
    encoder = data.attrs["encoder"]
    return tuple(
        replace(entry, quantity=f"on record, {encoder}: {entry.quantity}")
        for entry in one.measurements
    )


def _closing(asked: SentenceClaim, kept: Sequence[xr.Dataset]) -> str:
    said = asked.closing(kept) if kept else ""
    return f". {said}" if said else ""
