"""Results of runs: one JSON a run, and all of a protocol in one file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paper_checks.bert.run import Machine, Run
from paper_checks.bert.train import Trained
from simulations.files import write_json

# Fields of a run that tell it from the others of its protocol.
WITHIN = ("tasks", "sources", "alignment", "seed")
# What is kept of a result besides; not every run measures similarity.
MEASURED = ("scores", "similarity")
# Points of the loss curve that are kept.
POINTS = 100


def result_path(folder: Path, run: Run) -> Path:
    """Where a run's result lies."""
    return folder / f"{run.name}.json"


def is_done(folder: Path, run: Run) -> bool:
    """Whether a run has a result.

    Raises:
        ValueError: There is a result of other settings under its name.
    """
    path = result_path(folder, run)
    if not path.is_file():
        return False
    found, wanted = read_result(path)["run"], json.loads(json.dumps(run.as_json()))
    wrong = [name for name in wanted if found.get(name) != wanted[name]]
    if wrong:
        said = "; ".join(f"{n} {found.get(n)}, asked for {wanted[n]}" for n in wrong)
        raise ValueError(f"{path} is of another run ({said}): name another folder")
    return True


def write_result(
    folder: Path, run: Run, machine: Machine, done: Trained, about: dict[str, Any]
) -> Path:
    """Write a run's scores, its loss curve in means of steps, and its speed."""
    curve = [
        float(np.mean(part))
        for part in np.array_split(done.losses, min(POINTS, len(done.losses)))
    ]
    found = {
        "run": run.as_json(),
        "scores": done.scores,
        "steps": len(done.losses),
        "losses": curve,
        "tokens_a_second": done.tokens_a_second,
        "utilisation": done.utilisation,
        "compute": vars(machine.compute),
        **about,
    }
    path = result_path(folder, run)
    write_json(path, found, indent=1)
    return path


def read_result(path: Path) -> dict[str, Any]:
    """Read one result.

    Raises:
        ValueError: It is no result of a run.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict) or not {"run", "scores"} <= found.keys():
        raise ValueError(f"{path} is no result of a run")
    return found


def collect(folder: Path, path: Path) -> dict[str, Any]:
    """Put the results of one protocol into one file.

    Raises:
        ValueError: There is none, or two were run by different protocols; the
            message names the field.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ValueError(f"{folder} has no results: run the protocol first")
    found = [read_result(file) for file in files]
    protocol = {n: v for n, v in found[0]["run"].items() if n not in WITHIN}
    for file, one in zip(files, found, strict=True):
        for name, value in protocol.items():
            if one["run"].get(name) != value:
                raise ValueError(
                    f"{file} has {name} {one['run'].get(name)} and {files[0]} has "
                    f"{value}: one protocol for all"
                )
    kept = {
        "protocol": protocol,
        "notes": sorted({note for one in found for note in one.get("notes", ())}),
        "device": sorted({str(one.get("device", "unknown")) for one in found}),
        "runs": [
            {name: one["run"][name] for name in WITHIN}
            | {name: one[name] for name in MEASURED if name in one}
            for one in found
        ],
    }
    write_json(path, kept, indent=1)
    return kept


def table(found: dict[str, Any]) -> list[tuple[str, str, Sequence[float]]]:
    """Tasks, alignment and the mean GLUE score of every seed, of collected runs."""
    rows: dict[tuple[str, str], dict[int, float]] = {}
    for one in found["runs"]:
        name = "+".join(one["tasks"])
        if one["sources"]:
            name = "+".join(one["sources"]) + " → " + name
        mean = float(np.mean([one["scores"][task]["score"] for task in one["tasks"]]))
        rows.setdefault((name, one["alignment"]), {})[one["seed"]] = mean
    return [(*key, [rows[key][s] for s in sorted(rows[key])]) for key in sorted(rows)]
