"""The Dataset of advice."""

from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped
from scipy import stats

from simulations.advice.covers import BestSource
from simulations.advice.estimates import factors_of
from simulations.advice.found import Found
from simulations.advice.loaded import LoadedTasks
from simulations.advice.noticed import Noticed
from simulations.advice.repeats import Repeats
from simulations.advice.rows import Rows
from simulations.advice.widths import WidthChoice
from simulations.store import dataset
from theory.covariance import similarity_matrix

SHARE = "share of the target's test error alone"
BOTH = ("source", "target")


def make_dataset(
    spec: Any,
    tasks: LoadedTasks,
    rows: Rows,
    repeats: Repeats,
    reasons: Shaped[np.ndarray, " k"],
    found: Found,
    noticed: list[Noticed],
) -> xr.Dataset:
    """Join all that was found, with NaN for tasks on which advice is withheld.

    Args:
        spec: What was asked for.
        tasks: What was read.
        rows: The rows that count.
        repeats: What repeats in the rows read.
        reasons: Why tasks are withheld.
        found: Of the others.
        noticed: What looks wrong in the data.
    """
    place = _Places(tasks.count, found.kept)
    width = found.width or _no_width(len(found.kept))
    data = dataset(
        spec,
        _of_pairs(place, found)
        | _of_targets(place, found)
        | _of_best(tasks, place, found.best)
        | _of_scores(place, found.scores)
        | _of_widths(place, width, spec.confidence)
        | _of_all(tasks, rows, repeats, reasons, spec.energy),
        {
            "source": ("source", np.array(tasks.names), "source task", "1"),
            "target": ("target", np.array(tasks.names), "target task", "1"),
            "width": ("width", np.array(width.widths, int), "width r", "1"),
        },
    )
    return data.assign_attrs(
        suggested_width=width.suggested or 0,
        confidence=spec.confidence,
        inputs=list(tasks.inputs),
        label=tasks.label,
        method=found.method,
        covers=_cover(tasks, found),
        notes=[
            *tasks.notes,
            *_notes(tasks, repeats, found.weights is not None),
            *found.notes,
        ],
        noticed=[str(one) for one in noticed],
    )


class _Places(NamedTuple):
    tasks: int
    kept: np.ndarray

    def pairs(self, values: object) -> np.ndarray:
        whole = np.full((self.tasks, self.tasks), np.nan)
        whole[np.ix_(self.kept, self.kept)] = np.asarray(values)
        return whole

    def singles(self, values: object, missing: float = np.nan) -> np.ndarray:
        values = np.asarray(values)
        whole = np.full((self.tasks, *values.shape[1:]), missing)
        whole[self.kept] = values
        return whole


def _of_pairs(place: _Places, found: Found) -> dict[str, tuple]:
    gains, left_out, weights = found.gains, found.left_out, found.weights
    nothing = np.full((len(place.kept),) * 2, np.nan)
    told = {
        "gain": (gains.gain, "gain of pooling the rows", SHARE),
        "gain_low": (gains.low, "lower bound of the gain", SHARE),
        "gain_high": (gains.high, "upper bound of the gain", SHARE),
        "left_out": (left_out.gain, "gain on rows left out", SHARE),
        "left_out_error": (left_out.error, "its error", SHARE),
        "weight": (
            nothing if weights is None else weights.weights,
            "weight of the source",
            "1",
        ),
        "noise_correlation": (gains.correlation, "of noise on common rows", "1"),
        "equal_p_value": (found.groups.p_value, "p-value of equal parameters", "1"),
    }
    return {
        name: (BOTH, place.pairs(values), *said)
        for name, (values, *said) in told.items()
    }


def _of_best(tasks: LoadedTasks, place: _Places, best: BestSource) -> dict[str, tuple]:
    names = np.full(tasks.count, "", dtype=object)
    for index, source in zip(place.kept, best.source, strict=True):
        names[index] = tasks.names[place.kept[source]]
    said = {
        "best_gain": (best.gain, "gain of pooling with the best single source"),
        "best_low": (best.low, "its lower bound, allowing for the choice"),
        "best_high": (best.high, "its upper bound, allowing for the choice"),
    }
    found = {n: ("target", place.singles(v), t, SHARE) for n, (v, t) in said.items()}
    names = names.astype(str)
    return found | {"best_source": ("target", names, "best single source", "1")}


def _of_scores(
    place: _Places, scores: dict[str, Float[np.ndarray, "..."]]
) -> dict[str, tuple]:
    """Further scores; a score's name says what it is."""
    return {
        name: (BOTH, place.pairs(values), name.replace("_", " "), "1")
        if values.ndim == 2
        else ("target", place.singles(values), name.replace("_", " "), "1")
        for name, values in scores.items()
    }


def _cover(tasks: LoadedTasks, found: Found) -> list[list[str]]:
    """Groups by the names of their tasks; empty where none were sought."""
    groups = [] if found.cover is None else found.cover.groups
    return [[tasks.names[found.kept[i]] for i in group] for group in groups]


def _no_width(count: int) -> WidthChoice:
    """No width was tried."""
    return WidthChoice((), np.zeros((count, 0, 2)), np.full((count, 2), np.nan), None)


def _of_targets(place: _Places, found: Found) -> dict[str, tuple]:
    weights, n = found.weights, len(place.kept)
    gain = None if weights is None else weights.gain.relative
    bounds = (
        [np.full(n, np.nan)] * 3 if gain is None else [gain.gain, gain.low, gain.high]
    )
    told = {
        "weighted_gain": (bounds[0], "gain at weights", SHARE),
        "weighted_low": (bounds[1], "its lower bound", SHARE),
        "weighted_high": (bounds[2], "its upper bound", SHARE),
        "error_alone": (
            found.gains.alone,
            "estimated test error alone",
            "squared label",
        ),
    }
    every = {
        name: ("target", place.singles(values), *said)
        for name, (values, *said) in told.items()
    }
    groups = place.singles(found.groups.group, -1.0).astype(int)
    spare = place.singles(found.left_out.unpredicted, 0.0).astype(int)
    return every | {
        "group": ("target", groups, "group, -1 if withheld", "1"),
        "unpredicted_rows": ("target", spare, "rows of leverage 1, left out", "1"),
    }


def _of_widths(
    place: _Places, width: WidthChoice, confidence: float
) -> dict[str, tuple]:
    gain, low, high = shared_gains(width, confidence)
    unit = "variance of the task's labels"
    axes = ("target", "width")
    return {
        "width_error": (
            ("width", "fold"),
            width.error.mean(axis=0),
            "cross-validated error",
            unit,
        ),
        "error_apart": (
            "fold",
            width.apart.mean(axis=0),
            "cross-validated error of the tasks apart",
            unit,
        ),
        "shared_gain": (axes, place.singles(gain), "gain of a shared module", SHARE),
        "shared_low": (axes, place.singles(low), "its lower bound", SHARE),
        "shared_high": (axes, place.singles(high), "its upper bound", SHARE),
    }


def shared_gains(
    width: WidthChoice, confidence: float
) -> tuple[Float[np.ndarray, "k w"], ...]:
    """Gain of a shared module with own heads at each width, with an interval.

    The gain of a task is the mean over folds of its error alone less its error with
    the module, in shares of the mean error alone. The interval is Student's over folds,
    of which training parts overlap: it is a guide rather than exact.

    Args:
        width: Errors by task, width and fold.
        confidence: Of the interval.
    """
    saved = width.apart[:, None] - width.error
    unit = width.apart.mean(axis=1)[:, None]
    unit = np.where(unit > 0, unit, np.nan)
    n = saved.shape[2]
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * saved.std(axis=2, ddof=1)
    gain, half = saved.mean(axis=2) / unit, half / np.sqrt(n) / unit
    return gain, gain - half, np.minimum(gain + half, 1)


def _of_all(
    tasks: LoadedTasks,
    rows: Rows,
    repeats: Repeats,
    reasons: np.ndarray,
    energy: float,
) -> dict[str, tuple]:
    """What is known of all tasks, those withheld too."""
    rank = np.asarray(factors_of(rows)[0].rank).astype(int)
    # A task whose inputs do not vary has no covariance to compare.
    vary = np.flatnonzero(rank > 0)
    statistics = rows.statistics().select(vary.tolist())
    scores = {}
    for name, normalised in (("similarity", False), ("similarity_normalised", True)):
        whole = np.full((tasks.count, tasks.count), np.nan)
        whole[np.ix_(vary, vary)] = np.asarray(
            similarity_matrix(statistics, energy=energy, normalised=normalised)
        )
        scores[name] = (BOTH, whole, name.replace("_", ", ") + " (eq 5)", "1")
    counts = {
        "rows": ([len(y) for y in rows.labels], "rows that count"),
        "copies": (repeats.copies, "rows that repeat another, not counted"),
        "common_rows": (repeats.common, "rows that another task has too"),
        "rank": (rank, "directions"),
    }
    return (
        scores
        | {n: ("target", np.asarray(v), said, "1") for n, (v, said) in counts.items()}
        | {"withheld": ("target", reasons.astype(str), "why advice is withheld", "1")}
    )


def _notes(tasks: LoadedTasks, repeats: Repeats, only_withheld: bool) -> list[str]:
    notes = []
    for name, count in zip(tasks.names, repeats.copies, strict=True):
        if count:
            notes.append(f"{count} rows of {name} repeat another exactly: counted once")
    shared = [
        f"{name} ({count})"
        for name, count in zip(tasks.names, repeats.common, strict=True)
        if count
    ]
    if shared and only_withheld:
        notes.append("rows that a withheld task has too: " + ", ".join(shared[:8]))
    elif shared:
        notes.append(
            "tasks have rows in common ("
            + ", ".join(shared[:8])
            + (", ..." if len(shared) > 8 else "")
            + "): gains take the correlation of their noise into account, rows are "
            "left out of all tasks at once, and weights are withheld"
        )
    return notes
