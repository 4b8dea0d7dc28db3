"""One plain sentence per task: train it with whom, or leave it alone."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

# Sources that a sentence names before it counts the rest.
SOURCES = 4
# Per cent: no larger gain or loss is printed as a number.
MOST = 1000


def sentences(data: xr.Dataset) -> list[str]:
    """Return what to do with each task on which advice is given.

    A task is trained with the sources of positive weight. Where weights are withheld,
    it is trained with the single source of the largest gain, and `best_gain` is that
    gain with an interval that allows for the choice among all sources.

    Args:
        data: What `advise` returns.
    """
    kept = np.flatnonzero(data["withheld"].to_numpy() == "")
    return [_sentence(data, index) for index in kept.tolist()]


def _sentence(data: xr.Dataset, target: int) -> str:
    name = str(data["target"].to_numpy()[target])
    sources = weighted_sources(data, target)
    prefix = "weighted"
    if np.isnan(data["weighted_gain"].to_numpy()[target]):
        prefix = "best"
        sources = [str(data["best_source"].to_numpy()[target])]
    gain, low, high = (
        100 * float(data[f"{prefix}_{key}"].to_numpy()[target])
        for key in ("gain", "low", "high")
    )
    if np.isnan(gain):
        return f"{name}: no gain can be estimated."
    if not sources or gain <= 0:
        return f"Leave {name} alone."
    sure = "" if low > 0 else "; it may as well lose"
    bounds = "no interval" if np.isnan(low) else f"[{percent(low)}, {percent(high)}]"
    found = f"gain {percent(gain)} % {bounds}{sure}"
    return f"Train {name} with {joined(sources)} ({found})."


def class_scores(data: xr.Dataset) -> list[str]:
    """Return accuracy, and AUC for two classes, of each task alone and with a source.

    The source is the best single one by log loss. Empty where labels are numbers.
    """
    if "accuracy_alone" not in data:
        return []
    said = []
    names = data["target"].to_numpy()
    for at in np.flatnonzero(data["best_source"].to_numpy() != "").tolist():
        source = str(data["best_source"].to_numpy()[at])
        parts = []
        for name in ("accuracy", "auc"):
            if f"{name}_alone" in data:
                alone = float(data[f"{name}_alone"].to_numpy()[at])
                pooled = data[f"{name}_pooled"].sel(source=source).to_numpy()[at]
                label = "AUC" if name == "auc" else name
                parts.append(f"{label} {alone:.3f} alone, {float(pooled):.3f} with it")
        said.append(f"{names[at]} with {source}: {'; '.join(parts)}.")
    return said


def weighted_sources(data: xr.Dataset, target: int) -> list[str]:
    """Return the sources of positive weight of a target, the largest first."""
    weights = data["weight"].to_numpy()[:, target].copy()
    weights[target] = 0
    order = [i for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
    return [str(data["source"].to_numpy()[i]) for i in order]


def joined(names: Sequence[str], most: int = SOURCES) -> str:
    """Return `a, b and c`, with at most so many names."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def percent(value: float) -> str:
    """Return a gain in per cent as text, without digits beyond `MOST`."""
    if abs(value) > MOST:
        return f"> {MOST}" if value > 0 else f"< -{MOST}"
    return f"{value:+.0f}" if abs(value) >= 9.95 else f"{value:+.1f}"


def explanation(data: xr.Dataset) -> str:
    """Return what the gains are, and what intervals assume."""
    what = "log loss" if data.attrs["method"] == "logistic" else "test error"
    text = (
        f"Gains are changes of the {what} of a target, in per cent of its {what} alone;"
        " + helps. Those of pooling are of one model for both tasks but for the "
        "intercept. Intervals take rows, or groups of rows, as independent (--groups "
        "COLUMN, where rows of a person or a day are not)"
    )
    if data.attrs["method"] == "least squares":
        return text + (
            " and allow for noise of unequal size. Gains are estimated from all rows "
            "before training; those at chosen weights are judged by labels that did not"
            " choose them. Intervals of nan are withheld: a task has fewer than 5 rows "
            "more than directions."
        )
    return text + (
        "; gains are measured on rows left out, and the best single source has an "
        "interval that allows for its choice among all."
    )
