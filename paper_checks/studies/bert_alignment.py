"""What alignment is worth to BERT on GLUE, from results of runs on record.

Reads a file of results and nothing of the extra `bert`: training takes hours, and
`python -m paper_checks.bert study` and `collect` make the file again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.judge.measurement import Measurement
from paper_checks.judge.stated import Evidence
from paper_checks.settings import Settings
from paper_checks.studies import similarity_and_gain
from simulations import store
from simulations.provenance import attributes

NAME = "bert_alignment"
# Results that come with the project.
COMMITTED = Path(__file__).parents[1] / "records" / "bert.json"
# W's gain in the average score, in per cent.
PRINTED_GAIN = 2.35
COMMAND = (
    "python -m paper_checks.bert study --data DATA, then "
    "python -m paper_checks.bert collect"
)

Scores = dict[tuple[str, ...], dict[str, dict[int, float]]]
Gains = dict[tuple[str, ...], Float[np.ndarray, " s"]]


@dataclass(frozen=True, kw_only=True)
class Read:
    """What gains are read from; saved with them."""

    encoder: str
    alignment: str
    epochs: int
    seeds: int
    rows: int | None
    notes: tuple[str, ...]
    seed: int

    @property
    def limits(self) -> tuple[str, ...]:
        """Encoder, data and protocol, in sentences."""
        return (
            f"The encoder is {self.encoder}, B is {self.alignment}, and each group has "
            f"{self.seeds} seeds or more.",
            f"Scores are of dev splits at the last step, and epochs are {self.epochs}.",
            *(f"{note[0].upper()}{note[1:]}." for note in self.notes),
        )


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """Gains of groups of tasks, in points of GLUE, one a seed.

    `ranks` are correlations of similarity with the gain, by layer; `alone` what each
    task scores in single-task training.
    """

    read: Read
    gains: Gains
    ranks: tuple[Measurement, ...]
    alone: dict[str, float]

    @property
    def told_alone(self) -> tuple[str, ...]:
        """What each task scores by itself: where nothing is learned, nothing gains."""
        if not self.alone:
            return ()
        each = ", ".join(f"{task} {score:.1f}" for task, score in self.alone.items())
        return (
            f"In single-task training tasks score {each}.",
            "A task that scores no more than its commonest class has learned nothing "
            "that could gain.",
        )


def results(settings: Settings, path: Path = COMMITTED) -> Alignment | Evidence:
    """Gains from results on record, which are also put into a store for the figure.

    Raises:
        ValueError: The file is none of results.
    """
    if not path.is_file():
        return _nothing("no results of runs are on record")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        scores, protocol, runs = _scores(found), found["protocol"], found["runs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no file of results: {error!r}") from error
    arm = "moving" if any("moving" in arms for arms in scores.values()) else "fixed"
    gains = {
        group: values
        for group, arms in sorted(
            scores.items(), key=lambda one: (-len(one[0]), one[0])
        )
        if len(group) > 1 and len(values := paired(arms, arm)) > 1
    }
    if not gains:
        return _nothing("no tasks were trained both ways with two seeds")
    read = Read(
        encoder=str(protocol["encoder"]),
        alignment=arm,
        epochs=int(protocol["epochs"]),
        seeds=min(map(len, gains.values())),
        rows=protocol["rows"],
        notes=tuple(found["notes"]),
        seed=settings.seed,
    )
    data, ranks = dataset(gains, read), ()
    compared = similarity_and_gain.compare(runs, arm, gains)
    if compared is not None:
        by_kind = similarity_and_gain.rank_correlations(compared)
        data = similarity_and_gain.added(data, compared, by_kind)
        ranks = tuple(one for listed in by_kind.values() for one in listed)
    store.save(data, settings.results / f"{NAME}.zarr")
    return Alignment(read=read, gains=gains, ranks=ranks, alone=_alone(scores))


def paired(arms: dict[str, dict[int, float]], arm: str) -> Float[np.ndarray, " _"]:
    """Score with alignment less the score without, of the seeds that have both."""
    plain, aligned = arms.get("none", {}), arms.get(arm, {})
    seeds = sorted(plain.keys() & aligned.keys())
    return np.array([aligned[seed] - plain[seed] for seed in seeds])


def dataset(gains: Gains, read: Read) -> xr.Dataset:
    """Gains (group, run) in points of GLUE; NaN where a group has fewer seeds."""
    most = max(map(len, gains.values()))
    groups = sorted(gains, key=lambda group: (len(group), group))
    rows = [np.pad(gains[g], (0, most - len(gains[g])), constant_values=np.nan)
            for g in groups]  # fmt: skip
    data = xr.Dataset(
        {"gain": (("group", "run"), np.stack(rows))},
        coords={"group": ["all five" if len(g) > 2 else " + ".join(g) for g in groups]},
        attrs=attributes(read) | {"printed_gain": PRINTED_GAIN},
    )
    data["gain"].attrs = {"long_name": "gain of alignment", "units": "points of GLUE"}
    return data


def _scores(found: dict[str, Any]) -> Scores:
    """Mean score of a group's tasks, by alignment and seed; transfer is left out."""
    scores: Scores = {}
    for one in found["runs"]:
        if one["sources"]:
            continue
        group = tuple(sorted(one["tasks"]))
        mean = float(np.mean([one["scores"][task]["score"] for task in group]))
        arms = scores.setdefault(group, {})
        arms.setdefault(one["alignment"], {})[int(one["seed"])] = mean
    return scores


def _alone(scores: Scores) -> dict[str, float]:
    """What each task scores by itself."""
    own = {g[0]: arms["none"] for g, arms in scores.items() if len(g) == 1}
    return {task: float(np.mean([*own[task].values()])) for task in sorted(own)}


def _nothing(why: str) -> Evidence:
    how = f"{COMMAND} (the extra `bert`, an encoder and a folder of GLUE)"
    return Evidence(
        missing=f"results of runs, by {how}",
        headline=f"Nothing can be judged: {why}",
        data="none",
    )
