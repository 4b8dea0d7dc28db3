"""W-F5a: what alignment is worth to BERT on GLUE, from results of runs on record.

Reads a file of results and nothing of the extra `bert`: training takes hours, and
`python -m paper_checks.bert study` and `collect` make the file anew.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.claims import similarity_and_gain
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control, Verdict, judge
from paper_checks.settings import Settings
from simulations import store
from simulations.provenance import attributes

NAME = "bert_alignment"
SOURCE = "W-F5a (W Fig 5a)"
STATEMENT = (
    "Aligning task embeddings raises the average GLUE score of CoLA, MRPC, QNLI, RTE "
    "and SST-2 trained together (W: by 2.35 % with BERT-large), and that of 7 of their "
    "10 pairs."
)
# Results that come with the project.
COMMITTED = Path(__file__).parents[1] / "records" / "bert.json"
TASKS = ("cola", "mrpc", "qnli", "rte", "sst2")
# W's gain in the average score, and the pairs of ten that gain.
PRINTED_GAIN, PRINTED_PAIRS = 2.35, 7
FLIPS = 200
COMMAND = (
    "python -m paper_checks.bert study --data DATA, then "
    "python -m paper_checks.bert collect"
)

Scores = dict[tuple[str, ...], dict[str, dict[int, float]]]


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


def find(settings: Settings, path: Path = COMMITTED) -> Finding:
    """Judge the gain of all five tasks, and count pairs, from results on record.

    The claim holds if the gain's interval is above 0, and fails if it is not and W's
    gain is above it. An interval that has room for either needs more seeds.
    """
    if not path.is_file():
        return _without(settings, "no results of runs are on record")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        scores, protocol, runs = _scores(found), found["protocol"], found["runs"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no file of results: {error!r}") from error
    arm = "moving" if any("moving" in arms for arms in scores.values()) else "fixed"
    gains = {
        group: values
        for group, arms in scores.items()
        if len(group) > 1 and len(values := paired(arms, arm)) > 1
    }
    if not gains:
        return _without(settings, "no tasks were trained both ways with two seeds")
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
    return _finding(settings, read, gains, ranks, _alone(scores))


def paired(arms: dict[str, dict[int, float]], arm: str) -> Float[np.ndarray, " _"]:
    """Score with alignment less the score without, of the seeds that have both."""
    plain, aligned = arms.get("none", {}), arms.get(arm, {})
    seeds = sorted(plain.keys() & aligned.keys())
    return np.array([aligned[seed] - plain[seed] for seed in seeds])


def flipped(gains: Float[np.ndarray, " s"], seed: int) -> Control:
    """How often no gain is seen once each seed's sign is drawn by a coin."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], (FLIPS, len(gains)))
    spread = [values for values in signs * gains if np.ptp(values) > 0]
    quiet = [not mean_with_interval("", values).low > 0 for values in spread]
    return Control(
        dropped="alignment (each seed's gain takes the sign of a coin)",
        noticed=sum(quiet) + FLIPS - len(spread),
        instances=FLIPS,
    )


def dataset(gains: dict[tuple[str, ...], np.ndarray], read: Read) -> xr.Dataset:
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


def _finding(
    settings: Settings,
    read: Read,
    gains: dict[tuple[str, ...], np.ndarray],
    ranks: tuple[Measurement, ...],
    alone: str,
) -> Finding:
    measured = {group: _gain(group, values) for group, values in gains.items()}
    pairs = [group for group in combinations(TASKS, 2) if group in measured]
    better = [group for group in pairs if measured[group].value > 0]
    sure = [group for group in pairs if measured[group].low > 0]
    controls: tuple[Control, ...] = ()
    verdict, said = Verdict.NEEDS_DATA, "not all of the study has been run"
    if TASKS in measured and len(pairs) == 10:
        gain = measured[TASKS]
        said = (
            f"all five together gain {gain.value:+.2f} points "
            f"[{gain.low:.2f}, {gain.high:.2f}], {gain.n} seeds"
        )
        if gain.low > 0 or gain.high < PRINTED_GAIN:
            controls = (flipped(gains[TASKS], settings.seed),)
            verdict = judge(gain.low > 0, controls)
        else:
            # Fails would be said of a study too small to see what is claimed.
            said += f": none and {PRINTED_GAIN} are both possible, it needs more seeds"
    return Finding(
        claim="W-F5a",
        statement=STATEMENT,
        source=SOURCE,
        verdict=verdict,
        reason=f"{said}; {len(better)} of {len(pairs)} pairs gain on average, "
        f"{len(sure)} of them beyond the interval (W: {PRINTED_PAIRS} of 10 and "
        f"{PRINTED_GAIN} % with BERT-large). {alone}{_about(read)}",
        measurements=(
            *(
                measured[group]
                for group in sorted(measured, key=lambda g: (-len(g), g))
            ),
            *ranks,
        ),
        controls=controls,
        data=f"GLUE; encoder {read.encoder}",
        seed=settings.seed,
    )


def _alone(scores: Scores) -> str:
    """What each task scores by itself: where nothing is learned, nothing is gained."""
    own = {g[0]: arms["none"] for g, arms in scores.items() if len(g) == 1}
    if not own:
        return ""
    said = [f"{task} {np.mean([*own[task].values()]):.1f}" for task in sorted(own)]
    return (
        f"Alone, tasks score {', '.join(said)}; one that scores no more than a single "
        "class told for all rows has learned nothing that could gain. "
    )


def _about(read: Read) -> str:
    """Encoder, data and protocol, which belong beside the number."""
    parts = [
        f"Encoder {read.encoder}, B {read.alignment}, epochs: {read.epochs}, "
        f"{read.seeds} seeds or more, dev splits, last step",
        *read.notes,
    ]
    return "; ".join(parts)


def _gain(group: Sequence[str], values: Float[np.ndarray, " s"]) -> Measurement:
    name = "all five together" if len(group) > 2 else " + ".join(group)
    quantity = f"gain of alignment in points of GLUE, {name}"
    if np.ptp(values) > 0:
        return mean_with_interval(quantity, values)
    # Small dev splits: two seeds may gain the same, or nothing. That has no interval.
    return Measurement(
        quantity=quantity,
        value=float(values[0]),
        low=float("nan"),
        high=float("nan"),
        interval="none: all seeds gain the same",
        n=len(values),
    )


def _without(settings: Settings, why: str) -> Finding:
    return Finding(
        claim="W-F5a",
        statement=STATEMENT,
        source=SOURCE,
        verdict=Verdict.NEEDS_DATA,
        reason=f"{why}: {COMMAND} (the extra `bert`, an encoder and a folder of GLUE)",
        measurements=(),
        controls=(),
        data="none",
        seed=settings.seed,
    )
