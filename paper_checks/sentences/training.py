"""Training of several runs of one multi-task problem at once, stopped on dev parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from paper_checks.networks.buckets import Group, Rows, edges, plan
from paper_checks.networks.encoders import Kind
from paper_checks.networks.multi_task import (
    Data,
    MultiTask,
    State,
    advance,
    correct,
    new_model,
)
from paper_checks.sentences.inputs import Inputs
from paper_checks.sentences.splits import Split


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a model is trained; Adam on the mean cross-entropy of a batch of one task.

    Args:
        encoder: `mlp`, `cnn` or `lstm`.
        width: Capacity `r`.
        aligned: Whether `R_i` is learned as well (W Algorithm 1; the module moves).
        batch: Texts a step.
        rate: Of Adam.
        epochs: At most so many passes over all tasks' rows.
        patience: Passes without a better dev accuracy of any task before it stops.
        buckets: Lengths that batches are padded to.
        together: Steps of one length taken in one call; `None`: a whole pass, for one
            bucket.
    """

    encoder: Kind = "mlp"
    width: int = 100
    aligned: bool = False
    batch: int = 50
    rate: float = 1e-3
    epochs: int = 30
    patience: int = 5
    buckets: int = 1
    together: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        for field in ("width", "batch", "epochs", "patience", "buckets"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be >= 1, got {getattr(self, field)}")
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be finite and above 0, got {self.rate}")


class Problem(NamedTuple):
    """One run: the tasks that train together, the rows of all, and the run's seed."""

    tasks: tuple[int, ...]
    split: Split
    seed: int


class Fit(NamedTuple):
    """Test accuracy of every run and task at the pass of its best dev accuracy.

    `maps` are the `R_i` at the pass of the best mean dev accuracy; `None` unaligned.
    """

    test: Float[np.ndarray, "s k"]
    dev: Float[np.ndarray, "s k"]
    best_pass: Int[np.ndarray, "s k"]
    maps: Float[np.ndarray, "s k d d"] | None
    passes: int


def fit(
    inputs: Inputs, classes: Sequence[int], problems: Sequence[Problem], how: Training
) -> Fit:
    """Train all problems side by side, in one compiled program a length of texts.

    Every pass goes over the training rows of all tasks of a problem, in batches of one
    task each, in random order. A task's accuracy is taken at the pass at which its own
    dev accuracy is best, the same rule for tasks alone and together.

    Args:
        inputs: Of the corpus.
        classes: Number of classes of every set of the corpus.
        problems: With as many tasks each.
        how: The encoder and its training.

    Raises:
        ValueError: No problem, or problems of different numbers of tasks.
    """
    counts = {len(problem.tasks) for problem in problems}
    if len(counts) != 1 or counts == {0}:
        raise ValueError(
            f"problems that train side by side need as many tasks each, got {counts}"
        )
    lengths = inputs.lengths
    padded = edges(lengths, how.buckets)
    data = _data(inputs, classes, problems)
    state = _start(inputs, classes, problems, how)
    rng = np.random.default_rng([problem.seed for problem in problems])
    held = [
        plan(_rows(problems, name), lengths, padded, 250, how.together, None)
        for name in ("dev", "test")
    ]
    train = _rows(problems, "train")
    record = _Record(how.patience)
    apart = how.encoder != "mlp" and jax.default_backend() == "cpu"
    for _ in range(how.epochs):
        for group in plan(train, lengths, padded, how.batch, how.together, rng):
            state = advance(state, data, *group[1:], group.length, how.rate, apart)
        dev, test = (_accuracy(state.model, data, groups, apart) for groups in held)
        if record.add(dev, test, state.model.maps):
            break
    return record.fit()


class _Record:
    """Accuracies of every pass, and the maps of the best."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.dev: list[np.ndarray] = []
        self.test: list[np.ndarray] = []
        self.best = np.zeros(0)
        self.maps: np.ndarray | None = None

    def add(self, dev: np.ndarray, test: np.ndarray, maps: Array | None) -> bool:
        """Note one pass; whether no task of any run got better for long enough."""
        self.dev.append(dev)
        self.test.append(test)
        mean = dev.mean(axis=1)
        better = np.full(len(mean), True) if not len(self.best) else mean > self.best
        self.best = np.where(better, mean, self.best if len(self.best) else mean)
        if maps is not None:
            new = np.asarray(maps, dtype=np.float64)
            old = new if self.maps is None else self.maps
            self.maps = np.where(better[:, None, None, None], new, old)
        latest = int(np.argmax(np.stack(self.dev), axis=0).max())
        return len(self.dev) - 1 - latest >= self.patience

    def fit(self) -> Fit:
        """Accuracies at each task's best pass; the first of equal ones."""
        dev, test = np.stack(self.dev), np.stack(self.test)
        best = np.argmax(dev, axis=0)
        at_best = [np.take_along_axis(a, best[None], axis=0)[0] for a in (test, dev)]
        return Fit(at_best[0], at_best[1], best + 1, self.maps, len(dev))


def _rows(problems: Sequence[Problem], name: str) -> Rows:
    return [[getattr(p.split, name)[t] for t in p.tasks] for p in problems]


def _data(inputs: Inputs, classes: Sequence[int], problems: Sequence[Problem]) -> Data:
    most = max(classes)
    mine = np.array([[classes[t] for t in p.tasks] for p in problems])
    return Data(
        table=jnp.asarray(inputs.table),
        places=jnp.asarray(inputs.places),
        labels=jnp.asarray(inputs.labels),
        classes=jnp.asarray(np.arange(most) < mine[:, :, None]),
    )


def _start(
    inputs: Inputs, classes: Sequence[int], problems: Sequence[Problem], how: Training
) -> State:
    draw = partial(
        new_model,
        how.encoder,
        dimension=inputs.table.shape[1],
        width=how.width,
        tasks=len(problems[0].tasks),
        classes=max(classes),
        aligned=how.aligned,
    )
    keys = jnp.stack([jax.random.key(problem.seed) for problem in problems])
    model = eqx.filter_jit(eqx.filter_vmap(draw))(keys)
    return State(model, jax.vmap(optax.adam(how.rate).init)(model))


def _accuracy(
    model: MultiTask, data: Data, groups: Sequence[Group], apart: bool
) -> Float[np.ndarray, "s k"]:
    shape = data.classes.shape[:2]
    right, total = np.zeros(shape), np.zeros(shape)
    for group in groups:
        found = np.asarray(correct(model, data, *group[1:], group.length, apart))
        seen = group.seen.sum(axis=2)
        for task in np.unique(group.task):
            mine = group.task == task
            right[:, task] += found[mine].sum(axis=0)
            total[:, task] += seen[mine].sum(axis=0)
    return right / total
