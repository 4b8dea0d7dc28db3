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
from jax import lax
from jaxtyping import Array, Bool, Float, Float32, Int, Int32

from paper_checks.benchmarks.text.batches import Group, Rows, edges, plan
from paper_checks.benchmarks.text.encoders import Kind
from paper_checks.benchmarks.text.inputs import Inputs
from paper_checks.benchmarks.text.model import MultiTask, new_model
from paper_checks.benchmarks.text.splits import Split


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


class _Data(NamedTuple):
    table: Float32[Array, "v d"]
    places: Int32[Array, "n l"]
    labels: Int32[Array, " n"]
    classes: Bool[Array, "s k c"]


class _State(NamedTuple):
    model: MultiTask
    optimiser: optax.OptState


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
    for _ in range(how.epochs):
        for group in plan(train, lengths, padded, how.batch, how.together, rng):
            state = _advance(state, data, *group[1:], group.length, how.rate)
        dev, test = (_accuracy(state.model, data, groups) for groups in held)
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


def _data(inputs: Inputs, classes: Sequence[int], problems: Sequence[Problem]) -> _Data:
    most = max(classes)
    mine = np.array([[classes[t] for t in p.tasks] for p in problems])
    return _Data(
        table=jnp.asarray(inputs.table),
        places=jnp.asarray(inputs.places),
        labels=jnp.asarray(inputs.labels),
        classes=jnp.asarray(np.arange(most) < mine[:, :, None]),
    )


def _start(
    inputs: Inputs, classes: Sequence[int], problems: Sequence[Problem], how: Training
) -> _State:
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
    return _State(model, jax.vmap(_rule(how.rate).init)(model))


def _rule(rate: float | Array) -> optax.GradientTransformation:
    return optax.adam(rate)


@partial(jax.jit, static_argnames=("length", "rate"), donate_argnums=0)
def _advance(
    state: _State,
    data: _Data,
    task: Int32[Array, " g"],
    rows: Int32[Array, "g s b"],
    seen: Bool[Array, "g s b"],
    length: int,
    rate: float,
) -> _State:
    """One step a batch, for every run."""
    rule = _rule(rate)

    def one(state: _State, classes: Array, task: Array, rows: Array, seen: Array):
        x, mask, labels = _texts(data, rows, length)

        def loss(model: MultiTask) -> Array:
            logits = model.logits(task, x, mask, classes)
            each = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
            return jnp.sum(jnp.where(seen, each, 0)) / jnp.maximum(jnp.sum(seen), 1)

        change, optimiser = rule.update(jax.grad(loss)(state.model), state.optimiser)
        new = _State(eqx.apply_updates(state.model, change), optimiser)
        # A batch of no row takes no step: momentum alone would move the model.
        return jax.tree.map(lambda a, b: jnp.where(jnp.any(seen), a, b), new, state)

    def step(state: _State, batch: tuple[Array, Array, Array]) -> tuple[_State, None]:
        task, rows, seen = batch
        over = jax.vmap(one, in_axes=(0, 0, None, 0, 0))
        return over(state, data.classes, task, rows, seen), None

    return lax.scan(step, state, (task, rows, seen))[0]


@partial(jax.jit, static_argnames="length")
def _correct(
    model: MultiTask,
    data: _Data,
    task: Int32[Array, " g"],
    rows: Int32[Array, "g s b"],
    seen: Bool[Array, "g s b"],
    length: int,
) -> Int[Array, "g s"]:
    """Texts of each batch and run whose class has the largest logit."""

    def one(model: MultiTask, classes: Array, task: Array, rows: Array, seen: Array):
        x, mask, labels = _texts(data, rows, length)
        told = jnp.argmax(model.logits(task, x, mask, classes), axis=1)
        return jnp.sum(seen & (told == labels))

    def step(_: None, batch: tuple[Array, Array, Array]) -> tuple[None, Array]:
        task, rows, seen = batch
        over = jax.vmap(one, in_axes=(0, 0, None, 0, 0))
        return None, over(model, data.classes, task, rows, seen)

    return lax.scan(step, None, (task, rows, seen))[1]


def _texts(data: _Data, rows: Array, length: int) -> tuple[Array, Array, Array]:
    place = data.places[rows, :length]
    return data.table[place], place > 0, data.labels[rows]


def _accuracy(
    model: MultiTask, data: _Data, groups: Sequence[Group]
) -> Float[np.ndarray, "s k"]:
    shape = data.classes.shape[:2]
    right, total = np.zeros(shape), np.zeros(shape)
    for group in groups:
        found = np.asarray(_correct(model, data, *group[1:], group.length))
        seen = group.seen.sum(axis=2)
        for task in np.unique(group.task):
            mine = group.task == task
            right[:, task] += found[mine].sum(axis=0)
            total[:, task] += seen[mine].sum(axis=0)
    return right / total
