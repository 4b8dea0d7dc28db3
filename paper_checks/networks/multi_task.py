"""Several tasks on one encoder: heads, maps R_i of embeddings, and steps of training.

Several runs of one shape take their steps in one compiled program.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float32, Int, Int32, PRNGKeyArray

from paper_checks.networks.encoders import Encoder, Kind, MeanMlp, new_encoder

# Stands for the logit of a class that a task does not have.
NEVER = -1e9


class MultiTask(eqx.Module):
    """Logits `g(E R_i) A_i + c_i` of task `i`; without alignment `maps` is `None`."""

    encoder: Encoder
    heads: Float32[Array, "k r c"]
    bias: Float32[Array, "k c"]
    maps: Float32[Array, "k d d"] | None

    def logits(
        self,
        task: Int[Array, ""],
        x: Float32[Array, "b l d"],
        mask: Bool[Array, "b l"],
        classes: Bool[Array, "k c"],
    ) -> Float32[Array, "b c"]:
        """Logits of the texts of one task; classes that it has not are out of reach."""
        found = self._encoded(task, x, mask) @ self.heads[task] + self.bias[task]
        return jnp.where(classes[task], found, NEVER)

    def _encoded(self, task: Array, x: Array, mask: Array) -> Array:
        if self.maps is None:
            return self.encoder(x, mask)
        change = self.maps[task]
        if isinstance(self.encoder, MeanMlp):  # A text is one row of `x`.
            return self.encoder(x @ change, mask)
        # Its weights have fewer rows than a batch has tokens.
        return self.encoder.after(change)(x, mask)


def new_model(
    kind: Kind,
    key: PRNGKeyArray,
    *,
    dimension: int,
    width: int,
    tasks: int,
    classes: int,
    aligned: bool,
) -> MultiTask:
    """Draw a model: heads of variance `1/r`, maps that are the identity at first."""
    first, second = jax.random.split(key)
    bound = (3 / width) ** 0.5
    shape = (tasks, width, classes)
    eye = jnp.broadcast_to(
        jnp.eye(dimension, dtype="f4"), (tasks, dimension, dimension)
    )
    return MultiTask(
        encoder=new_encoder(kind, dimension, width, first),
        heads=jax.random.uniform(second, shape, jnp.float32, -bound, bound),
        bias=jnp.zeros((tasks, classes), "f4"),
        maps=eye if aligned else None,
    )


class Data(NamedTuple):
    """Texts as rows of a table, and which classes the tasks of every run have."""

    table: Float32[Array, "v d"]
    places: Int32[Array, "n l"]
    labels: Int32[Array, " n"]
    classes: Bool[Array, "s k c"]


class State(NamedTuple):
    """Of all runs, along the first axis; of one inside of a step."""

    model: MultiTask
    optimiser: optax.OptState


@partial(jax.jit, static_argnames=("length", "rate", "apart"), donate_argnums=0)
def advance(
    state: State,
    data: Data,
    task: Int32[Array, " g"],
    rows: Int32[Array, "g s b"],
    seen: Bool[Array, "g s b"],
    length: int,
    rate: float,
    apart: bool,
) -> State:
    """Take one step per batch in every run, for all runs at once or run by run."""

    def run(state: State, classes: Array, rows: Array, seen: Array) -> State:
        def step(state: State, batch: tuple[Array, ...]) -> tuple[State, None]:
            # A batch of no row takes no step: momentum alone would move the model.
            take = partial(_stepped, data, length, rate, classes, batch)
            return lax.cond(jnp.any(batch[2]), take, lambda same: same, state), None

        return lax.scan(step, state, (task, rows, seen))[0]

    return _over_runs(run, apart)(state, data.classes, *_by_run(rows, seen))


def _stepped(
    data: Data,
    length: int,
    rate: float,
    classes: Bool[Array, "k c"],
    batch: tuple[Array, ...],
    state: State,
) -> State:
    """One run after one batch: its task, its rows, and which of them are seen."""
    task, rows, seen = batch
    x, mask, labels = _texts(data, rows, length)

    def loss(model: MultiTask) -> Array:
        logits = model.logits(task, x, mask, classes)
        each = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.sum(jnp.where(seen, each, 0)) / jnp.maximum(jnp.sum(seen), 1)

    slope = jax.grad(loss)(state.model)
    change, optimiser = optax.adam(rate).update(slope, state.optimiser)
    return State(eqx.apply_updates(state.model, change), optimiser)


@partial(jax.jit, static_argnames=("length", "apart"))
def correct(
    model: MultiTask,
    data: Data,
    task: Int32[Array, " g"],
    rows: Int32[Array, "g s b"],
    seen: Bool[Array, "g s b"],
    length: int,
    apart: bool,
) -> Int[Array, "g s"]:
    """Texts of each batch and run whose class has the largest logit."""

    def run(model: MultiTask, classes: Array, rows: Array, seen: Array) -> Array:
        def count(task: Array, rows: Array, seen: Array) -> Array:
            x, mask, labels = _texts(data, rows, length)
            best = jnp.argmax(model.logits(task, x, mask, classes), axis=1)
            return jnp.sum(seen & (best == labels))

        def counted(batch: tuple[Array, ...]) -> Array:
            none = jnp.zeros((), int)
            return lax.cond(jnp.any(batch[2]), count, lambda *_: none, *batch)

        return lax.map(counted, (task, rows, seen))

    return _over_runs(run, apart)(model, data.classes, *_by_run(rows, seen)).T


def _over_runs(run: Callable, apart: bool) -> Callable:
    """One program for all runs, or one run after the other, which skips no-row batches.

    A CPU has nothing to gain from products of many runs in one, and one run after the
    other keeps a run's weights in its cache.
    """
    return (
        (lambda *own: lax.map(lambda one: run(*one), own)) if apart else jax.vmap(run)
    )


def _by_run(*arrays: Array) -> tuple[Array, ...]:
    return tuple(jnp.swapaxes(array, 0, 1) for array in arrays)


def _texts(data: Data, rows: Array, length: int) -> tuple[Array, Array, Array]:
    place = data.places[rows, :length]
    return data.table[place], place > 0, data.labels[rows]
