"""W-F3 (Fig 3): what a source is worth, against its number of samples."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures import style


def transfer(data: xr.Dataset) -> Figure:
    """Draw the target's relative gain, and its excess risk, against the source.

    Left: mean and standard error of `(alone − joint)/(alone + joint)`. This measure
    lies between −1 and 1 and has the sign of the gain; the gain itself has so heavy a
    tail where both tasks together barely determine the module that its mean says
    nothing. Right: medians of the excess risk, on logarithmic axes.

    Args:
        data: `relative_gain`, `risk_joint` (source, samples_source, repeat),
            `risk_alone` (repeat), and the spec as an attribute.
    """
    figure = Figure(figsize=style.PAGE, layout="constrained")
    left, right = figure.subplots(1, 2)
    _gain_panel(left, data)
    _risk_panel(right, data)
    style.legend_above(figure, left)
    return figure


def _gain_panel(axes: Axes, data: xr.Dataset) -> None:
    axes.axhline(0, **style.REFERENCE)
    samples = data["samples_source"]
    for source, line in zip(data["source"].to_numpy(), style.LINES, strict=False):
        gain = data["relative_gain"].sel(source=source)
        style.mean_line(axes, samples, gain, "repeat", line, str(source))
    axes.set_ylabel("relative gain of the target")
    axes.annotate(
        "above: sharing helps",
        (0.99, 0),
        xytext=(0, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=style.SMALL,
        color="0.35",
    )
    _sample_axis(axes, data)
    style.tidy(axes, f"Mean ± one standard error, {data.sizes['repeat']} draws")


def _risk_panel(axes: Axes, data: xr.Dataset) -> None:
    alone = float(data["risk_alone"].median())
    axes.axhline(alone, **style.REFERENCE)
    samples = data["samples_source"]
    for source, line in zip(data["source"].to_numpy(), style.LINES, strict=False):
        risk = data["risk_joint"].sel(source=source).median("repeat")
        style.draw_line(axes, samples, risk, line, None)
    style.log_y(axes)
    axes.set_ylabel(f"excess risk ({data['risk_joint'].attrs['units']})")
    axes.annotate(
        "target alone",
        (0.99, alone),
        xytext=(0, 2),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=style.SMALL,
        color="0.35",
    )
    _sample_axis(axes, data)
    style.tidy(axes, f"Medians; {_setting(data)}")


def _sample_axis(axes: Axes, data: xr.Dataset) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(style.axis_label(data["samples_source"]))


def _setting(data: xr.Dataset) -> str:
    spec = style.spec(data)
    return (
        f"d = {spec['dimension']}, target {spec['samples_target']} samples, "
        f"σ = {spec['noise']:g}"
    )
