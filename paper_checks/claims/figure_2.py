"""W-F2: of two sources with one boundary and other data, one helps and one hurts.

The claim looks for one cell among many of angle between boundaries and target rows, so
the intervals of both sources over all cells hold together with 95 %.
"""

import numpy as np
import xarray as xr
from jaxtyping import Bool

from paper_checks.judge import (
    Control,
    Evidence,
    Family,
    StudyClaim,
    decides,
    family,
    means,
    plain,
)
from paper_checks.studies.simulated import FOR_CLAIMS

SOURCES = SECOND, THIRD = "source 2", "source 3"
# Source 3 with the inputs of source 2: what is left is another draw of one task.
ALIKE = "source 3, inputs of source 2"
CONVERGED = "least share of draws in which some start converged, not always the best "
CONVERGED += "one, over cells"


def opposite(one: Family, other: Family) -> Bool[np.ndarray, " cell"]:
    """Cells in which one source helps and the other hurts, whichever it is."""
    first = (one.lows > 0) & (other.highs < 0)
    return first | ((one.highs < 0) & (other.lows > 0))


def judged(data: xr.Dataset) -> Evidence:
    cells = data.sizes["angle"] * data.sizes["samples_target"]
    second, third, alike = (
        means(
            "{samples_target} target rows at {angle:g} degrees",
            data["gain"].sel(source=source),
            comparisons=2 * cells,
        )
        for source in (SECOND, THIRD, ALIKE)
    )
    found = opposite(second, third)
    contrast = [abs(a.value - b.value) for a, b in zip(second, third, strict=True)]
    largest = max(range(cells), key=lambda cell: (found[cell], contrast[cell]))
    selected = measured_in(data, largest, cells)
    gains = selected[3], selected[4]
    least = float(data["converged_joint"].min())
    where = [one.quantity for one, seen in zip(second, found, strict=True) if seen]
    return Evidence(
        holds=bool(found.any()),
        deciding=decides(min(gains, key=lambda gain: abs(gain.value))),
        named={
            "found": int(found.sum()),
            "cells": cells,
            "where": " and ".join(where) or "no number of target rows",
            "both": int(np.sum((second.lows > 0) & (third.lows > 0))),
            "neither": int(np.sum((second.highs < 0) & (third.highs < 0))),
            "second": gains[0],
            "third": gains[1],
        },
        measurements=(
            *selected,
            plain(CONVERGED, least, "none: a count", data.sizes["repeat"]),
        ),
        controls=(
            Control.once(
                "other data (source 3 with inputs like source 2's)",
                not opposite(second, alike).any(),
            ),
        ),
    )


def measured_in(data: xr.Dataset, place: int, cells: int) -> Family:
    """Accuracies and gains in one cell, selected by what is measured there.

    So each interval is one of those of all cells together. The mean of the best is
    still too large.
    """
    angle, m = divmod(place, data.sizes["samples_target"])
    cell = data.isel(angle=angle, samples_target=m)
    wanted = {
        "accuracy alone": cell["accuracy_alone"],
        **{f"accuracy with {s}": cell["accuracy_joint"].sel(source=s) for s in SOURCES},
        **{f"gain from {s}": cell["gain"].sel(source=s) for s in (*SOURCES, ALIKE)},
    }
    note = (
        f"angle {float(cell['angle']):g}, m_target = {int(cell['samples_target'])} "
        f"(of {cells} cells that of the largest contrast)"
    )
    values = {f"{name}, {note}": one for name, one in wanted.items()}
    return family(values, comparisons=cells)


CLAIM = StudyClaim(
    id="W-F2",
    title="Of two sources with one boundary, one can help and one hurt",
    source="W-F2 (Figure 2)",
    statement="Of two sources with one decision boundary but other data, one helps the "
    "target and one hurts it.",
    headline="One source helps and the other hurts in {found} of {cells} settings, by "
    "{second:+.2%} and {third:+.2%} accuracy",
    details=(
        "One helps and the other hurts with {where}.",
        "Where they differ most, source 2 changes the accuracy by {second} and source "
        "3 by {third}.",
        "Both sources help in {both} settings, and both hurt in {neither}.",
    ),
    caveats=(
        "It takes a target whose own error is about the angle between the boundaries.",
    ),
    study=FOR_CLAIMS["classification"],
    judged=judged,
)
