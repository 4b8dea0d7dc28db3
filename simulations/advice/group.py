"""Which tasks to train together, from scores: `information-transfer group FILE`."""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table
from rich.text import Text
from tyro.conf import Positional, arg

from simulations import store
from simulations.advice.report import draw
from simulations.advice.score_file import NamedScores, Rows, load_scores
from theory.grouping import Groups, TableScores, best_groups

NAME = "groups"


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Cover all tasks by the best groups, exactly where that is possible.

    Each task is served by the best group that it is in; groups may overlap.

    Args:
        scores: A matrix of affinities of pairs, [source, target], whose first column
            and first line name the tasks; or a table with one set of tasks a row and
            one task a column, empty where the task is not in the set.
        number: Groups at most.
        budget: Total cost of all groups at most.
        costs: Cost of a group of one task, of two, of three and so on.
        rows: What the rows of a matrix are; TAG's released ones have targets.
        lower_is_better: Scores are losses.
        single: The diagonal of a matrix has the scores of tasks on their own. Without
            it groups of one task are banned.
        json: Print the answer as JSON.
    """

    scores: Annotated[Positional[str], arg(metavar="FILE")]
    number: int | None = None
    budget: float | None = None
    costs: tuple[float, ...] = ()
    rows: Rows = "source"
    lower_is_better: bool = False
    single: bool = False
    json: bool = False


def command(spec: Grouping, out: Path) -> str:
    """Find the groups, print them, save them to `out/groups.zarr`, and draw them.

    Returns:
        What to print.

    Raises:
        ValueError: The file, a limit or a cost is refused, or nothing covers all tasks.
        OSError: A file cannot be read or written, or the picture cannot be drawn.
    """
    data = group(spec)
    path = store.save(data, out / f"{NAME}.zarr")
    written = f"Written: {path} {draw(out, NAME)}"
    if spec.json:
        return json.dumps(as_json(data), indent=1, ensure_ascii=False)
    console = Console()
    console.print(_table(data))
    console.print(Text(_summary(data)))
    return written


def group(spec: Grouping) -> xr.Dataset:
    """Return the groups as a Dataset: `member`, `score` (group, task), `serving`.

    Raises:
        ValueError, OSError: As `command`.
    """
    named = load_scores(
        Path(spec.scores),
        rows=spec.rows,
        lower_is_better=spec.lower_is_better,
        single=spec.single,
    )
    found = _best(named, spec)
    sign = -1.0 if spec.lower_is_better else 1.0
    members = np.zeros((len(found.groups), len(named.names)), bool)
    for row, tasks in enumerate(found.groups):
        members[row, list(tasks)] = True
    score = sign * named.scores.of(members)
    table, unit = ("group", "task"), "that of the file"
    data = store.dataset(
        spec,
        {
            "member": (table, members, "whether the task is in the group", "1"),
            "score": (table, score, "score of the task in the group", unit),
            "serving": ("task", found.serving, "group that serves the task", "1"),
        },
        {
            "group": ("group", np.arange(len(members)), "group", "1"),
            "task": ("task", np.array(named.names), "task", "1"),
        },
    )
    together = named.scores.of(np.ones((1, len(named.names)), bool)).sum()
    return data.assign_attrs(
        value=sign * found.value,
        optimal=int(found.optimal),
        tied="unknown" if found.tied is None else "yes" if found.tied else "no",
        together=sign * together,
    )


def _best(named: NamedScores, spec: Grouping) -> Groups:
    scores, costs, k = named.scores, None, len(named.names)
    if spec.costs and len(spec.costs) != k:
        raise ValueError(
            f"costs must be one for each size of group from 1 to {k}, got "
            f"{len(spec.costs)}"
        )
    if spec.costs:
        costs = np.array(spec.costs)
        if isinstance(scores, TableScores):
            costs = costs[scores.members.sum(axis=1) - 1]
    try:
        return best_groups(scores, spec.number, costs=costs, budget=spec.budget)
    except ValueError as error:
        said = re.sub(
            r"task (\d+)", lambda m: f"task {named.names[int(m[1])]}", str(error)
        )
        hint = ": give --single if the diagonal has them" if "single" in said else ""
        raise ValueError(f"{spec.scores}: {said}{hint}") from error


def as_json(data: xr.Dataset) -> dict[str, Any]:
    """Plain values; tasks by their names."""
    tasks = [str(name) for name in data["task"].to_numpy()]
    serving = data["serving"].to_numpy()
    member, score = data["member"].to_numpy(), data["score"].to_numpy()
    return {
        "groups": [[tasks[j] for j in np.flatnonzero(row)] for row in member],
        "serving": {name: int(g) for name, g in zip(tasks, serving, strict=True)},
        "score": {tasks[j]: float(score[g, j]) for j, g in enumerate(serving)},
        "value": float(data.attrs["value"]),
        "all_together": _finite(float(data.attrs["together"])),
        "optimal": bool(data.attrs["optimal"]),
        "tied": str(data.attrs["tied"]),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _table(data: xr.Dataset) -> Table:
    """One row a group: its tasks, and those that it serves with their scores."""
    found = as_json(data)
    table = Table(title="Groups to train together")
    for name in ("group", "trained together", "serves (score)"):
        table.add_column(name, overflow="fold")
    for place, tasks in enumerate(found["groups"]):
        served = [t for t in tasks if found["serving"][t] == place]
        said = ", ".join(f"{t} ({found['score'][t]:.4g})" for t in served)
        table.add_row(str(place + 1), Text(", ".join(tasks)), Text(said))
    return table


def _summary(data: xr.Dataset) -> str:
    found = as_json(data)
    best = (
        "no other choice is worth more" if found["optimal"] else "not shown to be best"
    )
    tied = {
        "yes": "; another choice is worth the same",
        "no": "; no other is worth the same",
    }.get(found["tied"], "")
    together = found["all_together"]
    other = "not in the file" if together is None else f"{together:.6g}"
    return f"Value {found['value']:.6g}: {best}{tied}. All in one group: {other}."
