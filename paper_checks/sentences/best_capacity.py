"""The capacities that dev parts choose, and what the six sets reach there (W-F6)."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float

from paper_checks.sentences.printed import FIGURE_6

CURVES = ("alone", "together", "alone_dev", "together_dev")


class Best(NamedTuple):
    """Accuracies at the capacities that dev parts choose, and these capacities."""

    alone: Float[np.ndarray, "set run"]
    together: Float[np.ndarray, "set run"]
    capacity: float  # mean over runs
    summed: float


def widths_of(data: xr.Dataset, protocol: str) -> list[int]:
    """The capacities that were trained alone and together, in full."""
    part = data[list(CURVES)].sel(protocol=protocol).dropna("width")
    return [int(width) for width in part["width"].to_numpy()]


def best_of(data: xr.Dataset, protocol: str) -> Best | None:
    """Choose capacities on dev parts, run by run; together by the mean of all sets.

    Of the capacities that were trained alone and together; `None` if there is none.
    """
    part = data[list(CURVES)].sel(protocol=protocol).dropna("width")
    if not part.sizes["width"]:
        return None
    part = part.transpose("width", "set", "run")
    width = part["width"].to_numpy()
    own = part["alone_dev"].to_numpy().argmax(axis=0)
    alone = np.take_along_axis(part["alone"].to_numpy(), own[None], axis=0)[0]
    joint = part["together_dev"].mean("set").to_numpy().argmax(axis=0)
    runs = np.arange(part.sizes["run"])
    together = part["together"].to_numpy()[joint, :, runs].T
    capacity = float(width[joint].mean())
    return Best(alone, together, capacity, float(width[own].sum(axis=0).mean()))


def with_best(data: xr.Dataset) -> xr.Dataset:
    """The curves, with what a picture of the sets needs beside them.

    Returns:
        As given, with `best_alone` and `best_together` (protocol, set, run), and the
        paper's `paper_alone` and `paper_together` (set), in per cent.
    """
    protocols = data["protocol"].to_numpy().tolist()
    nothing = np.full((data.sizes["set"], data.sizes["run"]), np.nan)
    found = [best_of(data, protocol) for protocol in protocols]
    alone = [nothing if one is None else one.alone for one in found]
    together = [nothing if one is None else one.together for one in found]
    _, *paper = zip(*(FIGURE_6[name] for name in data["set"].to_numpy()), strict=True)
    axes = ("protocol", "set", "run")
    at = "at the capacity chosen on dev parts"
    added = {
        "best_alone": (axes, np.stack(alone), f"alone, {at}"),
        "best_together": (axes, np.stack(together), f"together, {at}"),
        "paper_alone": ("set", list(paper[0]), "alone, the paper's LSTM"),
        "paper_together": ("set", list(paper[1]), "together, the paper's LSTM"),
    }
    return data.assign(
        {
            name: (where, values, {"long_name": what, "units": "per cent"})
            for name, (where, values, what) in added.items()
        }
    )
