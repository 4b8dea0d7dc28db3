"""Advice on a terminal, in a store and as a picture: `python -m simulations advise`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from scipy import stats

from simulations import store
from simulations.advice.advise import Advice, run

NAME = "advice"
# More tasks than this make no readable matrix; each target's best sources are shown.
MATRIX = 10
SOURCES = 4


def command(spec: Advice, out: Path) -> str:
    """Give advice, print it, save it to `out/advice.zarr`, and draw it beside.

    An older store of advice is replaced: the data may have changed under its name.

    Returns:
        One sentence on what was written.

    Raises:
        FileNotFoundError, ValueError: As `run`.
        OSError: `out` cannot be written to, or the picture cannot be drawn.
    """
    data = run(spec)
    path = store.save(data, out / f"{NAME}.zarr")
    print_advice(data, Console())
    return f"Written: {path} {draw(out)}"


def draw(out: Path) -> str:
    """Have `python -m figures` draw the advice in `out`; the paths that it wrote.

    A process of its own: simulations import nothing of figures, as figures know
    nothing of ours but the stores.

    Raises:
        OSError: It failed.
    """
    arguments = ["--results", str(out), "--out", str(out), "--only", NAME]
    done = subprocess.run(
        [sys.executable, "-m", "figures", *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(f"the picture was not drawn: {done.stderr.strip()}")
    return " ".join(done.stdout.split("\n")).strip()


def print_advice(data: xr.Dataset, console: Console) -> None:
    """Print gains, groups, weights and width, and what is withheld."""
    console.print(Group(*_parts(data)))


def _parts(data: xr.Dataset) -> Iterator[RenderableType]:
    kept = np.flatnonzero(data["withheld"].to_numpy() == "")
    part = data.isel(source=kept, target=kept)
    if len(kept) <= MATRIX:
        yield _matrix(part)
    yield _targets(part)
    yield _widths(data)
    yield (
        "Gains are changes of the test error of a target, in per cent of its error "
        "alone; + helps. They are estimated from all rows before training, for noise "
        "of one size in a task and rows that are independent; gains at chosen weights "
        "are judged by labels that did not choose them. Intervals of nan are withheld: "
        "a task has fewer than 5 rows more than directions."
    )
    yield from _doubtful(part)
    for name, reason in zip(
        data["target"].to_numpy(), data["withheld"].to_numpy(), strict=True
    ):
        if reason:
            yield f"[yellow]withheld[/]: {escape(str(name))}: {reason}"


def _matrix(data: xr.Dataset) -> Table:
    level = f"{100 * float(data.attrs['confidence']):g} %"
    title = f"Gain of the target (column) from pooling, % and {level} interval"
    table = Table(title=title)
    table.add_column("source \\ target")
    for name in data["target"].to_numpy():
        table.add_column(escape(str(name)), justify="right")
    for index, name in enumerate(data["source"].to_numpy()):
        cells = [
            "" if index == other else _cell(data, "gain", index, other)
            for other in range(data.sizes["target"])
        ]
        table.add_row(escape(str(name)), *cells)
    return table


def _targets(data: xr.Dataset) -> Table:
    table = Table(title="What to do with each target")
    for name in ("target", "rows", "group", "sources x weight (own rows: 1)"):
        table.add_column(name)
    table.add_column("gain %", justify="right")
    groups = data["group"].to_numpy()
    # Of groups of one nothing is said, and the others are counted from 1.
    values, sizes = np.unique(groups, return_counts=True)
    numbers = {group: n for n, group in enumerate(values[sizes > 1], start=1)}
    for index, name in enumerate(data["target"].to_numpy()):
        table.add_row(
            escape(str(name)),
            str(int(data["rows"][index])),
            str(numbers.get(groups[index], "-")),
            _sources(data, index),
            _cell(data, "weighted", index),
        )
    return table


def _sources(data: xr.Dataset, target: int) -> str:
    weights = data["weight"].to_numpy()[:, target].copy()
    weights[target] = 0
    order = [i for i in np.argsort(-weights, kind="stable") if weights[i] > 0]
    names = data["source"].to_numpy()
    told = [f"{names[i]} x {weights[i]:.2g}" for i in order[:SOURCES]]
    if len(order) > SOURCES:
        told.append(f"and {len(order) - SOURCES} more")
    return escape(", ".join(told)) or "none: train alone"


def _doubtful(data: xr.Dataset) -> Iterator[str]:
    """Targets whose rows, left out one by one, contradict the estimate."""
    error = data["left_out_error"].to_numpy()
    apart = data["left_out"].to_numpy() - data["gain"].to_numpy()
    # One in twenty runs would warn of some pair if errors were normal.
    score = stats.norm.isf(0.025 / max(1, error.size - len(error)))
    pairs = (np.abs(apart) > score * error) & (error > 0)
    names = data["target"].to_numpy()
    for target in np.flatnonzero(pairs.any(axis=0)):
        sources = [escape(str(names[i])) for i in np.flatnonzero(pairs[:, target])]
        gain = 100 * data["left_out"].to_numpy()[pairs[:, target], target]
        told = [f"{n} {_short(g)}" for n, g in zip(sources, gain, strict=True)]
        more = f" and {len(told) - SOURCES} more" if len(told) > SOURCES else ""
        yield (
            f"[yellow]doubtful[/]: {escape(str(names[target]))}: leaving out its rows "
            f"one by one gives other gains ({', '.join(told[:SOURCES])}{more}): its "
            "noise differs from row to row, or rows are far out"
        )


def _cell(data: xr.Dataset, name: str, *at: int) -> str:
    middle, low, high = (
        100 * float(data[key].to_numpy()[at])
        for key in (
            ("gain", "gain_low", "gain_high")
            if name == "gain"
            else ("weighted_gain", "weighted_low", "weighted_high")
        )
    )
    colour = "green" if low > 0 else "red" if high < 0 else "dim"
    bounds = f"{_short(low)}, {_short(high)}"
    return f"[{colour}]{_short(middle)}[/]\n\\[{bounds}]"


def _short(share: float) -> str:
    return f"{share:+.0f}" if abs(share) >= 9.95 else f"{share:+.1f}"


def _widths(data: xr.Dataset) -> str:
    apart = data["error_apart"].to_numpy()
    tried = [
        f"r = {width}: {error:.3g}"
        for width, error in zip(
            data["width"].to_numpy(),
            data["width_error"].mean("fold").to_numpy(),
            strict=True,
        )
    ]
    tried.append(f"apart: {apart.mean():.3g}")
    chosen = int(data.attrs["suggested_width"])
    advice = f"r = {chosen}" if chosen else "no width below that of tasks apart"
    return (
        f"Width of a shared module with free heads: [bold]{advice}[/] (cross-validated "
        f"error in label variances: {', '.join(tried)})"
    )
