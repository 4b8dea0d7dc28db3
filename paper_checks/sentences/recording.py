"""Put on record what has been trained: cells that are done, and NaN for the others."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from paper_checks.networks.encoders import Kind
from paper_checks.sentences import printed
from paper_checks.sentences.best_capacity import with_best
from paper_checks.sentences.cells import Bench, Cell, Result, read_cell
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.splits import PROTOCOLS
from paper_checks.sentences.studies import STUDIES
from simulations.provenance import PACKAGES

PROGRAM = "python -m paper_checks.sentences"
CONTROL = "sentence_control"
# Without these a study has nothing to say of a protocol, a capacity or a task.
NEEDED = {
    "sentence_transfer": ("alone", "together", "aligned"),
    "sentence_capacity": ("alone", "together"),
    "sentence_pairs": ("alone", "together", "aligned"),
    CONTROL: ("accuracy",),
}
PAPER: dict[str, dict[str, float]] = {
    "sentence_transfer": {
        "paper_gaining": printed.TARGETS,
        "paper_largest": printed.LARGEST_OF_TARGETS,
    },
    "sentence_pairs": {
        "paper_gaining": printed.PAIRS,
        "paper_largest": printed.LARGEST_OF_PAIRS,
    },
}
# What the cells say of their training, and not the program that reads them.
MACHINE = ("version", "python", *PACKAGES, "float_bits", "platform", "device")


class Finished(Bench):
    """Reads the cells that are done; trains none, and gives NaN for the others."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.corpus, bench.vectors, bench.folder)
        self.done: dict[str, Result] = {}
        self.missing: set[str] = set()

    def forget(self) -> None:
        """Begin to note anew which cells are done."""
        self.done, self.missing = {}, set()

    def result(self, cell: Cell) -> Result:
        """Read a cell's file; accuracies of NaN if it is not done."""
        path = self.folder / f"{cell.name}.json"
        found = read_cell(path, cell, self.checksums)
        if found is None:
            self.missing.add(cell.name)
            return _nothing(cell)
        self.done[cell.name] = found
        return found


def finished(
    bench: Finished,
    name: str,
    encoder: Kind,
    runs: int | None = None,
    widths: Sequence[int] = (),
) -> tuple[xr.Dataset | None, str]:
    """What is done of a study in full, and a sentence on that.

    Protocols, capacities and tasks of which nothing is done are left out; other holes
    are NaN.

    Args:
        bench: Of the folder of cells.
        name: Of the study.
        encoder: The encoder.
        runs: Of every cell; if not given, those of which most is done.
        widths: Of the capacity sweep; the profile's if not given.

    Returns:
        The Dataset, `None` if nothing can be told from what is done.
    """
    best: tuple[float, int] | None = None
    for count in [runs] if runs else _runs(bench.folder, encoder):
        spec = TextStudy.full(encoder).changed(count, widths)
        bench.forget()
        STUDIES[name](bench, spec)
        key = (-len(bench.missing), count)
        best = key if best is None else max(best, key)
    if best is None:
        return None, f"{name}-{encoder}: no cell is done"
    spec = TextStudy.full(encoder).changed(best[1], widths)
    bench.forget()
    data = _trimmed(STUDIES[name](bench, spec), NEEDED[name])
    told = f"{name}-{encoder}: {_done(bench)}"
    if name != CONTROL:
        told += f", {spec.runs} runs each"
    if data is None:
        return None, told
    if name == "sentence_capacity":
        data = with_best(data)
    return data.assign_attrs(_about(bench, data, name, encoder)), told


def _runs(folder: Path, encoder: Kind) -> list[int]:
    """Runs of the cells of an encoder that are in a folder."""
    found = set()
    for path in sorted(folder.glob(f"{encoder}-*.json")):
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            found.add(int(json.loads(plain["about"]["spec"])["runs"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no cell; `read_cell` judges those that are asked for
    return sorted(found)


def _nothing(cell: Cell) -> Result:
    shape = (len(cell.problems), cell.runs)
    by_task = np.full((*shape, len(cell.problems[0])), np.nan)
    scores = np.full(shape, np.nan)
    return Result(
        cell=cell,
        test=by_task,
        dev=by_task,
        best_pass=by_task,
        similarity=scores,
        aligned_similarity=scores,
        about={},
    )


def _trimmed(data: xr.Dataset, needed: Sequence[str]) -> xr.Dataset | None:
    """Without protocols, capacities and tasks that have no run of all variables."""
    there = data[list(needed)].to_array("variable").notnull().all("variable")
    if not there.any():
        return None
    kept = {
        axis: np.flatnonzero(
            there.any([other for other in there.dims if other != axis])
        )
        for axis in there.dims
    }
    return data.isel({axis: kept[axis] for axis in kept if axis not in ("run", "set")})


def _done(bench: Finished) -> str:
    """How many cells are done, in all and under each protocol."""
    # A cell's name is the encoder, the protocol, and so on.
    done = Counter(name.split("-")[1] for name in bench.done)
    every = done + Counter(name.split("-")[1] for name in bench.missing)
    by_protocol = [f"{p} {done[p]} of {every[p]}" for p in PROTOCOLS if every[p]]
    told = f"{done.total()} of {every.total()} cells are done"
    return told if not bench.missing else f"{told} ({', '.join(by_protocol)})"


def _about(
    bench: Finished, data: xr.Dataset, name: str, encoder: Kind
) -> dict[str, Any]:
    cells = [one.about for one in bench.done.values()]
    days = sorted(str(one["date"])[:10] for one in cells)
    machine = {
        key: ", ".join(sorted({str(one[key]) for one in cells})) for key in MACHINE
    }
    return {
        **machine,
        "command": command(data, name, encoder),
        "recorded_by": f"{PROGRAM} record --data DATA",
        "date": days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}",
        "seconds": round(sum(float(one["seconds"]) for one in cells), 1),
        "done": _done(bench),
        **PAPER.get(name, {}),
    }


def command(data: xr.Dataset, name: str, encoder: Kind) -> str:
    """What trains the cells of a study."""
    words = ["--data", "DATA", "--encoder", encoder, "--only", name]
    full, spec = TextStudy.full(encoder), json.loads(data.attrs["spec"])
    # The control has one run, whatever the others have.
    if name != CONTROL and spec["runs"] != full.runs:
        words += ["--runs", str(spec["runs"])]
    widths = tuple(data["width"].to_numpy() if "width" in data else spec["widths"])
    if name == "sentence_capacity" and widths != full.widths:
        words += ["--widths", *map(str, widths)]
    protocols = data["protocol"].to_numpy().tolist()
    if protocols != list(PROTOCOLS):
        words += ["--protocols", *protocols]
    return f"{PROGRAM} {shlex.join(words)}"
