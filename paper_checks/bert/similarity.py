"""Eq 5 on the tasks' embeddings, layer by layer, before and after training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jaxtyping import Array, Float
from rich.console import Console
from rich.table import Table

from paper_checks.bert.batches import Rows, assemble, in_order
from paper_checks.bert.compute import DEFAULT
from paper_checks.bert.encoder import Tokens
from paper_checks.bert.model import MultiTask, new_model
from paper_checks.bert.problem import Problem, load_problem
from paper_checks.bert.run import Machine, Run
from paper_checks.bert.train import train
from simulations.files import write_json
from theory.covariance import similarity_matrix

# Rows of a task that covariances are taken from; their tokens are some 20 times more.
ROWS = 512
BATCH = 32


def layer_similarity(
    model: MultiTask,
    tasks: Sequence[Rows],
    padded: Sequence[int],
    *,
    rows: int = ROWS,
    energy: float = 0.99,
    normalised: bool = False,
) -> Float[np.ndarray, "n k k"]:
    """Similarity of all pairs of tasks at every layer.

    Layer 0 is `E_i R_i`, what the blocks see, and layer `l` what block `l` gives. A
    row of `X_i` is one word piece's vector; covariances are about zero, as eq 5 has
    them.

    Args:
        model: A task's rows run through its own `R_i`.
        tasks: In the order of the model's heads.
        padded: Lengths of batches.
        rows: First rows of a task that are taken.
        energy: As `theory.covariance.similarity`.
        normalised: As `theory.covariance.similarity`.

    Raises:
        ValueError: Another number of tasks than the model has.

    Source: W eq 5 (W-E5, W-F5a).
    """
    if len(tasks) != len(model.heads):
        raise ValueError(f"{len(tasks)} tasks for a model of {len(model.heads)}")
    grams = [
        layer_grams(model, place, _first(task, rows), padded)
        for place, task in enumerate(tasks)
    ]
    found = [
        similarity_matrix(jnp.asarray(layer), energy=energy, normalised=normalised)
        for layer in np.stack(grams, axis=1)
    ]
    return np.stack([np.asarray(layer) for layer in found])


def layer_grams(
    model: MultiTask, place: int, task: Rows, padded: Sequence[int]
) -> Float[np.ndarray, "n d d"]:
    """`XᵀX` of a task's word pieces at layers 0 to n, in 64 bits.

    A norm leaves a direction that no vector has; in 32 bits `XᵀX` would be negative
    along it.
    """
    config = model.encoder.config
    total = np.zeros((config.layers + 1, config.width, config.width))
    for chosen in in_order(task, place, padded, BATCH):
        batch = assemble(task, chosen, BATCH)
        mask = batch.mask & batch.seen[:, None]
        tokens = Tokens(*map(jnp.asarray, (batch.piece, batch.kind, mask)))
        vectors = np.asarray(_vectors(model, tokens, jnp.int32(place)), np.float64)
        rows = vectors[:, mask]
        total += np.swapaxes(rows, 1, 2) @ rows
    return total


def before_and_after(
    run: Run, problem: Problem, after: MultiTask, rows: int
) -> dict[str, Float[np.ndarray, "n k k"]]:
    """`layer_similarity` on the dev splits, untrained with `R_i = I` and trained."""
    count = len(run.tasks)
    before = new_model(problem.encoder, run.seed, tasks=count, aligned=False)
    tasks, padded = problem.tasks.dev, problem.tasks.padded
    return {
        name: layer_similarity(model, tasks, padded, rows=rows)
        for name, model in (("before", before), ("after", after))
    }


def by_pair(
    tasks: Sequence[str], found: dict[str, Float[np.ndarray, "n k k"]]
) -> dict[str, dict[str, list[float]]]:
    """Scores of every pair by layer, as plain values under names such as `cola+rte`."""
    places = list(combinations(range(len(tasks)), 2))
    return {
        when: {f"{tasks[i]}+{tasks[j]}": scores[:, i, j].tolist() for i, j in places}
        for when, scores in found.items()
    }


@jax.jit
def _vectors(model: MultiTask, tokens: Tokens, task: Array) -> Float[Array, "n b l d"]:
    x = model.embed(tokens, task, DEFAULT)
    return jnp.concatenate([x[None], model.encoder.run_each(x, tokens.mask)])


def _first(task: Rows, rows: int) -> Rows:
    texts = task.texts._replace(
        pieces=task.texts.pieces[:rows], kinds=task.texts.kinds[:rows]
    )
    return Rows(texts, task.labels[:rows])


@dataclass(frozen=True, kw_only=True)
class Command:
    """Similarity of a run's tasks at every layer, before and after it.

    The run is trained first if it is not yet; give all of its settings.

    Args:
        run: Whose tasks.
        machine: How it is done.
        data: Folder of real data.
        out: Folder of results and checkpoints.
        sampled: Rows of a task that covariances are taken from.
    """

    data: Path
    run: Annotated[Run, tyro.conf.arg(name="")] = field(default_factory=Run)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    out: Path = Path("results/bert")
    sampled: int = ROWS

    def __call__(self) -> None:
        """Measure, write and print it."""
        run, problem = self.run, load_problem(self.run, self.data)
        folder = self.out / "checkpoints" / run.name
        done = train(run, problem, self.machine, folder, print)
        if done is None:
            return
        scores = before_and_after(run, problem, done.model, self.sampled)
        path = self.out / "similarity" / f"{run.name}.json"
        plain = {name: found.tolist() for name, found in scores.items()}
        found = {"run": run.as_json(), "scores": done.scores, **plain}
        write_json(path, found, indent=1)
        Console().print(_table(run, scores), f"Written: {path}")


def _table(run: Run, scores: dict[str, Float[np.ndarray, "n k k"]]) -> Table:
    drawn = Table(title=f"Similarity (eq 5) of {run.name}")
    for column in ("tasks", "layer", *scores):
        drawn.add_column(column)
    layers = len(scores["before"])
    for i, first in enumerate(run.tasks):
        for j, second in enumerate(run.tasks[:i]):
            for layer in range(layers):
                values = [f"{found[layer, i, j]:.4f}" for found in scores.values()]
                drawn.add_row(f"{second}, {first}", str(layer), *values)
    return drawn
