"""Steps of training, and right answers, of several runs in one compiled program."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float32, Int, Int32

from paper_checks.networks.multi_task import MultiTask


class Data(NamedTuple):
    """Texts as rows of a table, and which classes the tasks of every run have."""

    table: Float32[Array, "v d"]
    places: Int32[Array, "n l"]
    labels: Int32[Array, " n"]
    classes: Bool[Array, "s k c"]


class State(NamedTuple):
    """Of all runs, along the first axis; of one where it is told."""

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
    """One step a batch, for every run; for all runs at once, or run by run."""
    one = partial(_stepped, data, length, rate)

    def step(state: State, batch: tuple[Array, Array, Array]) -> tuple[State, None]:
        over = jax.vmap(one, in_axes=(0, 0, None, 0, 0))
        return over(state, data.classes, *batch), None

    def run(own: tuple[State, Array, Array, Array]) -> State:
        start, classes, *batches = own

        def step(state: State, batch: tuple[Array, ...]) -> tuple[State, None]:
            some = jnp.any(batch[2])
            return lax.cond(some, one, _unchanged, state, classes, *batch), None

        return lax.scan(step, start, (task, *batches))[0]

    if apart:
        rows, seen = (jnp.swapaxes(array, 0, 1) for array in (rows, seen))
        return lax.map(run, (state, data.classes, rows, seen))
    return lax.scan(step, state, (task, rows, seen))[0]


def _stepped(
    data: Data,
    length: int,
    rate: float,
    state: State,
    classes: Bool[Array, "k c"],
    task: Int32[Array, ""],
    rows: Int32[Array, " b"],
    seen: Bool[Array, " b"],
) -> State:
    """One run after one batch."""
    x, mask, labels = _texts(data, rows, length)

    def loss(model: MultiTask) -> Array:
        logits = model.logits(task, x, mask, classes)
        each = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return jnp.sum(jnp.where(seen, each, 0)) / jnp.maximum(jnp.sum(seen), 1)

    slope = jax.grad(loss)(state.model)
    change, optimiser = rule(rate).update(slope, state.optimiser)
    new = State(eqx.apply_updates(state.model, change), optimiser)
    # A batch of no row takes no step: momentum alone would move the model.
    return jax.tree.map(lambda a, b: jnp.where(jnp.any(seen), a, b), new, state)


def _unchanged(state: State, *_: Array) -> State:
    return state


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

    def one(model: MultiTask, classes: Array, task: Array, rows: Array, seen: Array):
        x, mask, labels = _texts(data, rows, length)
        told = jnp.argmax(model.logits(task, x, mask, classes), axis=1)
        return jnp.sum(seen & (told == labels))

    def step(_: None, batch: tuple[Array, Array, Array]) -> tuple[None, Array]:
        task, rows, seen = batch
        if not apart:
            over = jax.vmap(one, in_axes=(0, 0, None, 0, 0))
            return None, over(model, data.classes, task, rows, seen)

        def run(own: tuple[MultiTask, Array, Array, Array]) -> Array:
            model, classes, rows, seen = own
            operands = model, classes, task, rows, seen
            return lax.cond(jnp.any(seen), one, _none, *operands)

        return None, lax.map(run, (model, data.classes, rows, seen))

    return lax.scan(step, None, (task, rows, seen))[1]


def _none(*_: MultiTask | Array) -> Array:
    return jnp.zeros((), int)


def _texts(data: Data, rows: Array, length: int) -> tuple[Array, Array, Array]:
    place = data.places[rows, :length]
    return data.table[place], place > 0, data.labels[rows]


def rule(rate: float | Array) -> optax.GradientTransformation:
    """Adam."""
    return optax.adam(rate)
