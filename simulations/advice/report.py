"""Advice on a terminal, in a store and as a picture: `python -m simulations advise`."""

import json
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
from simulations.advice.answer_json import as_json
from simulations.advice.page import page
from simulations.advice.sentences import (
    SOURCES,
    class_scores,
    explanation,
    joined,
    percent,
    sentences,
    weighted_sources,
)
from simulations.files import write_whole

NAME = "advice"
# More tasks than this make no readable matrix; each target's best sources are shown.
MATRIX = 10
INPUTS = 12
# Characters of an interval.
BOUNDS = 13


def command(spec: Advice, out: Path) -> str:
    """Give advice, print it, save it to `out/advice.zarr`, and show it beside.

    Beside the store there is a page, `out/advice.html`, and a picture.

    Returns:
        One sentence on what was written; the whole answer if JSON was asked for.

    Raises:
        FileNotFoundError, ValueError: As `run`.
        OSError: `out` cannot be written to, or the picture cannot be drawn.
    """
    data = run(spec)
    path = store.save(data, out / f"{NAME}.zarr")
    write_whole(out / f"{NAME}.html", page(data))
    written = f"Written: {path} {out / NAME}.html {draw(out)}"
    if spec.json:
        return json.dumps(as_json(data), indent=1, ensure_ascii=False, allow_nan=False)
    print_advice(data, Console())
    return written


def draw(out: Path, name: str = NAME) -> str:
    """Have `python -m figures` draw a store in `out`; the paths that it wrote.

    A process of its own: simulations import nothing of figures, as figures know
    nothing of ours but the stores.

    Raises:
        OSError: It failed.
    """
    arguments = ["--results", str(out), "--out", str(out), "--only", name]
    done = subprocess.run(
        [sys.executable, "-m", "figures", *arguments], capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(f"the picture was not drawn: {done.stderr.strip()}")
    return " ".join(done.stdout.split("\n")).strip()


def print_advice(data: xr.Dataset, console: Console) -> None:
    """Print gains, groups, weights and width, and what is withheld."""
    console.print(Group(*_parts(data, console)))


def _parts(data: xr.Dataset, console: Console) -> Iterator[RenderableType]:
    kept = np.flatnonzero(data["withheld"].to_numpy() == "")
    part = data.isel(source=kept, target=kept)
    inputs = [str(name) for name in data.attrs["inputs"]]
    told = ", ".join(inputs[:INPUTS])
    more = f" and {len(inputs) - INPUTS} more" if len(inputs) > INPUTS else ""
    label = escape(str(data.attrs["label"]))
    yield f"Label: [bold]{label}[/]; inputs: {escape(told)}{more}"
    yield from (f"[red]look first[/]: {escape(t)}" for t in data.attrs["noticed"])
    yield from (f"done: {escape(text)}" for text in data.attrs["notes"])
    if len(kept) <= MATRIX:
        whole = _matrix(part)
        fits = whole.__rich_measure__(console, console.options).minimum
        wanted = max(len(str(name)) for name in part["target"].to_numpy())
        columns = (max(wanted, BOUNDS) + 3) * (len(kept) + 1)
        narrow = max(columns, fits) > console.width
        yield _pairs(part) if narrow else whole
    yield _targets(part)
    yield from (escape(text) for text in sentences(part)[:MATRIX])
    yield from (escape(text) for text in class_scores(part)[:MATRIX])
    if data.attrs["covers"]:
        groups = "; ".join(joined(group, MATRIX) for group in data.attrs["covers"])
        yield (
            "With as many groups, which may overlap, the mean gain of pairs is largest "
            f"for: {escape(groups)}."
        )
    if data.sizes["width"]:
        yield _widths(data)
        yield from _shared(part)
    yield explanation(data)
    yield from _unpredicted(part)
    yield from _doubtful(part)
    for name, reason in zip(
        data["target"].to_numpy(), data["withheld"].to_numpy(), strict=True
    ):
        if reason:
            yield f"[yellow]withheld[/]: {escape(str(name))}: {reason}"


def _shared(data: xr.Dataset) -> Iterator[str]:
    """Gains of the shared module with own heads, at the suggested or the best width."""
    chosen = int(data.attrs["suggested_width"])
    width = chosen or int(data["width_error"].mean("fold").idxmin("width"))
    part = data.sel(width=width)
    names = data["target"].to_numpy()
    values = [100 * part[f"shared_{n}"].to_numpy() for n in ("gain", "low", "high")]
    told = [
        f"{escape(str(name))} {percent(g)} \\[{percent(a)}, {percent(b)}]"
        for name, g, a, b in zip(names, *values, strict=True)
    ]
    more = f", and {len(told) - MATRIX} more" if len(told) > MATRIX else ""
    yield (
        f"Gain from a shared module of width {width} with heads of their own, % "
        f"(cross-validated, Student's interval over folds): {', '.join(told[:MATRIX])}"
        f"{more}"
    )


def _unpredicted(data: xr.Dataset) -> Iterator[str]:
    for name, count in zip(
        data["target"].to_numpy(), data["unpredicted_rows"].to_numpy(), strict=True
    ):
        if count:
            yield (
                f"{escape(str(name))}: {count} rows are the only ones of their kind, "
                "such as of a category, and are left out of the means over rows left "
                "out"
            )


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


def _pairs(data: xr.Dataset) -> Table:
    """One line a pair, where a matrix would cut names or bounds."""
    level = f"{100 * float(data.attrs['confidence']):g} %"
    table = Table(
        title=f"Gain from pooling the rows of two tasks, % and {level} interval"
    )
    for name in ("target", "source"):
        table.add_column(name, overflow="fold")
    table.add_column("gain %", justify="right")
    table.add_column("rows left out", justify="right")
    names = [escape(str(name)) for name in data["target"].to_numpy()]
    left_out = 100 * data["left_out"].to_numpy()
    for target, name in enumerate(names):
        for source, other in enumerate(names):
            if source != target:
                cell = " ".join(_cell(data, "gain", source, target).split("\n")[:2])
                table.add_row(name, other, cell, percent(left_out[source, target]))
        table.add_section()
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
            _cell(data, _prefix(data, index), index),
        )
    return table


def _prefix(data: xr.Dataset, target: int) -> str:
    known = np.isfinite(data["weighted_gain"].to_numpy()[target])
    return "weighted" if known else "best"


def _sources(data: xr.Dataset, target: int) -> str:
    names = weighted_sources(data, target)
    weight = data["weight"].isel(target=target)
    told = [f"{n} x {float(weight.sel(source=n)):.2g}" for n in names[:SOURCES]]
    if len(names) > SOURCES:
        told.append(f"and {len(names) - SOURCES} more")
    if np.isnan(data["weighted_gain"].to_numpy()[target]):
        return escape(f"best single: {data['best_source'].to_numpy()[target]}")
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
        told = [f"{n} {percent(g)}" for n, g in zip(sources, gain, strict=True)]
        more = f" and {len(told) - SOURCES} more" if len(told) > SOURCES else ""
        yield (
            f"[yellow]doubtful[/]: {escape(str(names[target]))}: leaving out its rows "
            f"one by one gives other gains ({', '.join(told[:SOURCES])}{more}): its "
            "noise differs from row to row, or rows are far out"
        )


def _cell(data: xr.Dataset, name: str, *at: int) -> str:
    names = [f"{name}_{part}" for part in ("gain", "low", "high")]
    if name == "gain":
        names[0] = "gain"
    middle, low, high = (100 * float(data[key].to_numpy()[at]) for key in names)
    colour = "green" if low > 0 else "red" if high < 0 else "dim"
    bounds = f"{percent(low)}, {percent(high)}"
    left_out = ""
    if name == "gain":
        value = 100 * float(data["left_out"].to_numpy()[at])
        left_out = f"\nleft out {percent(value)}"
    return f"[{colour}]{percent(middle)}[/]\n\\[{bounds}]{left_out}"


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
