"""A claim on sentence sets: measured with a folder, else quoted from records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import xarray as xr

from paper_checks.judge.measurement import Measurement
from paper_checks.judge.stated import Evidence, Stated, led
from paper_checks.judge.verdict import Control
from paper_checks.networks.encoders import Kind
from paper_checks.sentences import record
from paper_checks.sentences.recording import PROGRAM
from paper_checks.settings import Settings
from paper_checks.studies.sentences import (
    DATA,
    control,
    control_on_record,
    missing,
    runs_of,
    seed_of,
    study,
)

CONTROL = "sentence_control"
# The encoder of W's sentence experiments.
PAPERS: Kind = "lstm"


@dataclass(frozen=True, kw_only=True)
class SentenceClaim(Stated):
    """A claim on what encoders gain on sentence sets.

    With a folder of data the profile's encoder is trained and judged. If the paper's
    encoder is on record in full, of these files, and was not trained now, the verdict
    is of the record: a quick run of another encoder says less of the claim. Without a
    folder the verdict is that data is needed, and what is on record is quoted.

    Attributes:
        study: Its name in `STUDIES`.
        judged: What the data of one encoder say; open where it could be chance.
        complete: Whether all tasks of the data were trained in full.
        closing: Sentences on all data at hand, of which the first of an encoder counts.
    """

    study: str
    judged: Callable[[xr.Dataset], Evidence]
    complete: Callable[[xr.Dataset], bool]
    closing: Callable[[Sequence[xr.Dataset]], tuple[str, ...]] = lambda _: ()

    def gather(self, settings: Settings) -> Evidence:
        """Measure the claim with a folder of data; without one, quote what there is."""
        kept = record.recorded(self.study)
        lacking = missing(settings)
        if lacking:
            return self._quoted(kept, lacking)
        here = study(settings, self.study)
        found = self._measured(here, kept.get(PAPERS), control(settings))
        # Records are of the full profile, and are told rather than a quick run.
        closing = self.closing([*kept.values(), here])
        return replace(found, details=(*found.details, *closing))

    def _quoted(
        self, kept: Mapping[Kind, xr.Dataset], lacking: Sequence[str]
    ) -> Evidence:
        """Nothing is measured, and the verdict is that data is needed."""
        found = {kind: self._on_record(data) for kind, data in kept.items()}
        data = list(kept.values())
        needed = f"{DATA} and word vectors"
        nothing = Evidence(headline=f"Nothing is on record of {needed}")
        first = found.get(PAPERS, next(iter(found.values()), nothing))
        every = led(first, list(found.values()))
        return replace(
            every,
            missing=f"{needed} ({'; '.join(lacking)})",
            details=(*every.details, *(self.closing(data) if data else ())),
            data=f"none; on record: {'; '.join(map(runs_of, data))}"
            if data
            else "none",
            seed=seed_of(data),
        )

    def _measured(
        self, here: xr.Dataset, theirs: xr.Dataset | None, checked: Control
    ) -> Evidence:
        """What was trained now says, or the paper's encoder on record before it."""
        own, of = self.judged(here), here
        encoders, controls = str(here.attrs["encoder"]), (checked,)
        found, beside = [own], ()
        if theirs is not None and encoders != PAPERS:
            quoted = self._on_record(theirs)
            if self.complete(theirs) and _files(theirs) == _files(here):
                of, found = theirs, [quoted, own]
                encoders = f"{PAPERS}, on record and {encoders}"
                controls = (*_control_on_record(), checked)
            else:
                no = f"The {PAPERS.upper()} on record decides nothing: it is not of"
                beside = (f"{no} all tasks, or of other files.", *quoted.details)
        every = led(found[0], found)
        return replace(
            every,
            controls=controls,
            details=(*every.details, *beside),
            caveats=self._open(every, of) if every.holds is None else (),
            data=f"{DATA}; encoder {encoders}",
            seed=seed_of([of]),
        )

    def _open(self, every: Evidence, of: xr.Dataset) -> tuple[str, ...]:
        return every.caveats or (more_runs(of, self.study),)

    def _on_record(self, data: xr.Dataset) -> Evidence:
        """What a record says, each quantity with where it comes from."""
        encoder = data.attrs["encoder"]
        found = renamed(self.judged(data), f"on record, {encoder}: ")
        said = f"The {encoder.upper()} on record is of {data.attrs['date']}"
        source = f"{said}, by `{data.attrs['command']}`."
        headline = f"On record, {found.headline[0].lower()}{found.headline[1:]}"
        return replace(found, headline=headline, details=(source, *found.details))


def renamed(found: Evidence, before: str) -> Evidence:
    """The evidence, with words before each quantity that say whose it is."""

    def named(one: Measurement) -> Measurement:
        return replace(one, quantity=f"{before}{one.quantity}")

    return replace(
        found,
        measurements=tuple(map(named, found.measurements)),
        deciding=None if found.deciding is None else named(found.deciding),
    )


def more_runs(data: xr.Dataset, study: str) -> str:
    """What is missing where data agree with a claim and could be chance."""
    asked = f"--data DATA --encoder {data.attrs['encoder']} --only {study} --runs N"
    return f"More runs are needed to tell it from chance: `{PROGRAM} {asked}`."


def _control_on_record() -> tuple[Control, ...]:
    """The control of the paper's encoder, if it is on record."""
    checked = record.recorded(CONTROL)
    return (control_on_record(checked[PAPERS]),) if PAPERS in checked else ()


def _files(data: xr.Dataset) -> dict[str, str]:
    """Checksums of what was trained on."""
    return {k: v for k, v in data.attrs.items() if str(k).startswith("data_")}
