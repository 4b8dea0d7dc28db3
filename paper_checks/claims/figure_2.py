"""W-F2: of two sources with one boundary and other data, one helps and one hurts."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool

from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import Measurement, mean_with_interval
from paper_checks.judge.verdict import Control, judge
from paper_checks.settings import Settings
from paper_checks.studies.simulated import classification_sweep

SOURCE = "W-F2 (Figure 2)"
SECOND, THIRD = "source 2", "source 3"
# Source 3 with the inputs of source 2: what is left is another draw of one task.
ALIKE = "source 3, inputs of source 2"


class Signs(NamedTuple):
    """Where the mean gain is above zero and where below, over angles and rows."""

    helps: Bool[np.ndarray, "angle m"]
    hurts: Bool[np.ndarray, "angle m"]


def signs(data: xr.Dataset, source: str) -> Signs:
    """Judge the mean gain in accuracy in every cell of angle and target rows.

    The intervals of two sources over all cells hold together with 95 % (Bonferroni):
    the claim looks for one cell among many.
    """
    cells = data.sizes["angle"] * data.sizes["samples_target"]
    gain = data["gain"].sel(source=source)
    rows = [
        [
            mean_with_interval(
                f"gain from '{source}', angle {angle}, m_target = {m}",
                gain.sel(angle=angle, samples_target=m),
                confidence=1 - 0.05 / (2 * cells),
            )
            for m in data["samples_target"].values
        ]
        for angle in data["angle"].values
    ]
    return Signs(
        helps=np.array([[found.low > 0 for found in row] for row in rows]),
        hurts=np.array([[found.high < 0 for found in row] for row in rows]),
    )


def opposite(
    data: xr.Dataset, first: str = SECOND, second: str = THIRD
) -> Bool[np.ndarray, "angle m"]:
    """Cells in which one source helps and the other hurts, whichever it is."""
    one, other = signs(data, first), signs(data, second)
    return (one.helps & other.hurts) | (one.hurts & other.helps)


def find(settings: Settings) -> Finding:
    """Judge Fig 2 over angles between the boundaries and numbers of target rows."""
    data = classification_sweep(settings)
    found = opposite(data)
    controls = (
        Control(
            dropped="other data (source 3 with inputs like source 2's)",
            noticed=int(not opposite(data, SECOND, ALIKE).any()),
            instances=1,
        ),
    )
    repeats = data.sizes["repeat"]
    return Finding(
        claim="W-F2",
        statement="Of two sources with one decision boundary but other data, one "
        "helps the target and one hurts it.",
        source=SOURCE,
        verdict=judge(bool(found.any()), controls),
        reason=_reason(data, found),
        measurements=(
            *_measured(data, found),
            Measurement(
                quantity="least share of draws in which some start converged, "
                "not always the best one, over cells",
                value=float(data["converged_joint"].min()),
                low=float("nan"),
                high=float("nan"),
                interval="none: a count",
                n=repeats,
            ),
        ),
        controls=controls,
        data="simulated",
        seed=settings.seed,
    )


def _reason(data: xr.Dataset, found: Bool[np.ndarray, "angle m"]) -> str:
    second, third = signs(data, SECOND), signs(data, THIRD)
    rows = data["samples_target"].values
    where = [
        f"{angle:g} degrees and {', '.join(map(str, rows[cells]))} target rows"
        for angle, cells in zip(data["angle"].values, found, strict=True)
        if cells.any()
    ]
    both = int(np.sum(second.helps & third.helps))
    neither = int(np.sum(second.hurts & third.hurts))
    return (
        f"one helps and the other hurts in {int(found.sum())} of {found.size} cells of "
        f"angle and target rows ({'; '.join(where) or 'none'}); both help in {both}, "
        f"both hurt in {neither}: it takes a target whose own error is about the angle "
        "between the boundaries"
    )


def _measured(
    data: xr.Dataset, found: Bool[np.ndarray, "angle m"]
) -> tuple[Measurement, ...]:
    """Accuracy and gains where the contrast is largest among the cells found.

    The cell was selected by what is measured there, so each interval is one of those
    of all cells together (Bonferroni). The mean of the best is still too large.
    """
    gain = data["gain"].mean("repeat")
    contrast = np.abs((gain.sel(source=SECOND) - gain.sel(source=THIRD)).to_numpy())
    best = np.where(found, contrast, contrast - 1) if found.any() else contrast
    angle, m = np.unravel_index(np.argmax(best), best.shape)
    cell = data.isel(angle=int(angle), samples_target=int(m))
    note = (
        f"angle {float(cell['angle']):g}, m_target = {int(cell['samples_target'])} "
        f"(of {found.size} cells that of the largest contrast)"
    )
    joint, gains = cell["accuracy_joint"], cell["gain"]
    wanted = {
        "accuracy alone": cell["accuracy_alone"],
        **{f"accuracy with {s}": joint.sel(source=s) for s in (SECOND, THIRD)},
        **{f"gain from {s}": gains.sel(source=s) for s in (SECOND, THIRD, ALIKE)},
    }
    return tuple(
        mean_with_interval(f"{name}, {note}", values, confidence=1 - 0.05 / found.size)
        for name, values in wanted.items()
    )
