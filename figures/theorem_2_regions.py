"""Where sharing helps a target, and where Theorem 2 and a sharper bound know it."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from figures import style

# From light to dark, as regions lie in one another; hatched, so that they differ in a
# copy without shades as well.
HELPS, SHARPER, THEOREM = "0.88", "0.66", "0.35"
HATCHES = {HELPS: "", SHARPER: "////", THEOREM: "xxxx"}


def theorem_2_regions(data: xr.Dataset) -> Figure:
    """Draw regions over the angle between the tasks and the rows of the source.

    A point is in a region if at least half of the draws there are. Left: nearness of
    the parameter, the norm of Theorem 2. Right: error of the target's predictions,
    of which Theorem 2 says nothing. White: sharing hurts. Beyond the dashed line the
    hypotheses of Theorem 2 are met; left of the dotted one its conclusion holds.

    Args:
        data: Shares of draws (sine, ratio), and the spec as an attribute.
    """
    spec = style.spec(data)
    width, height = style.PAGE
    figure = Figure(figsize=(width, 1.25 * height), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.06})
    _region(left, data["helps"], HELPS)
    _region(left, data["sharper"], SHARPER)
    _region(left, data["theorem_2"], THEOREM)
    _border(left, data["asked"], (0, (5, 2)))
    _border(left, data["concluded"], (0, (1, 1.5)))
    _region(right, data["helps_prediction"], HELPS)
    _region(right, data["sharper_prediction"], SHARPER)
    for axes, title in (
        (left, "nearness of the target's parameter"),
        (right, "error of the target's predictions"),
    ):
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(style.axis_label(data["sine"]))
        style.tidy(axes, title)
    left.set_ylabel(style.axis_label(data["ratio"]))
    _legend(figure, spec, data)
    return figure


def _region(axes: Axes, share: xr.DataArray, shade: str) -> None:
    """Shade where at least half of the draws are; nothing where nowhere."""
    if float(share.max()) < 0.5:
        return
    where = share.transpose("ratio", "sine")
    axes.contourf(
        where["sine"],
        where["ratio"],
        where,
        levels=[0.5, 1.01],
        colors=[shade],
        hatches=[HATCHES[shade]],
    )


def _border(axes: Axes, share: xr.DataArray, dashes: tuple) -> None:
    if not float(share.min()) < 0.5 <= float(share.max()):
        return
    where = share.transpose("ratio", "sine")
    axes.contour(
        where["sine"],
        where["ratio"],
        where,
        levels=[0.5],
        colors="black",
        linewidths=1.3,
        linestyles=[dashes],
    )


def _legend(figure: Figure, spec: dict, data: xr.Dataset) -> None:
    figure.legend(
        [
            Patch(facecolor="white", edgecolor="black"),
            *(
                Patch(facecolor=shade, edgecolor="black", hatch=HATCHES[shade])
                for shade in (HELPS, SHARPER, THEOREM)
            ),
            Line2D([], [], color="black", linestyle=(0, (5, 2)), linewidth=1.3),
            Line2D([], [], color="black", linestyle=(0, (1, 1.5)), linewidth=1.3),
        ],
        [
            "sharing hurts",
            "helps, not certified",
            "certified by the sharper bound",
            "certified by Theorem 2 as well",
            "Theorem 2 applies above",
            "its conclusion holds left of and above",
        ],
        loc="outside upper center",
        ncols=3,
        frameon=False,
        fontsize=style.SMALL,
        title=f"d = {spec['dimension']}, κ(X_2) = {spec['condition_target']:g}, "
        f"κ(Σ_1) = {spec['condition_source']:g}, ‖ε_2‖ = "
        f"{spec['noise_target']:g} ‖X_2θ_2‖, source noise {spec['noise']:g} of its "
        f"signal; in half of {spec['repeats']} draws or more",
        title_fontsize=style.SMALL,
    )
