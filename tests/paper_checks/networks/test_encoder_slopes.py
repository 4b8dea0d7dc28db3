"""Derivatives of the encoders against jax's own of plain formulas, text by text."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.networks.encoders import (
    SPANS,
    Encoder,
    KimCnn,
    Lstm,
)

D, R, LENGTHS, PADDED, RUNS = 4, 6, (0, 1, 4), 6, 2
RNG = np.random.default_rng(0)
# Garbage where there is no token.
X = RNG.normal(size=(len(LENGTHS), PADDED, D)).astype(np.float32)
MASK = np.arange(PADDED) < np.array(LENGTHS)[:, None]
SLOPE = RNG.normal(size=(len(LENGTHS), R)).astype(np.float32)
CHANGE = RNG.normal(size=(RUNS, D, D)).astype(np.float32)
# Ours is 32-bit, and a derivative is a sum of some hundred products of size one.
CLOSE = 1e-5


def plain_cnn(encoder: KimCnn, x: jax.Array) -> jax.Array:
    found = []
    for span, weight in zip(SPANS, encoder.weights, strict=True):
        before = (span - 1) // 2
        wide = jnp.pad(x, ((before, span - 1 - before), (0, 0)))
        windows = [wide[t : t + span].ravel() for t in range(len(x))]
        found.append(jnp.max(jnp.stack(windows) @ weight, axis=0))
    return jax.nn.relu(jnp.concatenate(found) + encoder.bias)


def plain_lstm(encoder: Lstm, x: jax.Array) -> jax.Array:
    state = shown = jnp.zeros(R)
    for token in x:
        gates = token @ encoder.weight + shown @ encoder.recurrent + encoder.bias
        enter, forget, new, leave = jnp.split(gates, 4)
        kept = jax.nn.sigmoid(forget) * state
        state = kept + jax.nn.sigmoid(enter) * jnp.tanh(new)
        shown = jax.nn.sigmoid(leave) * jnp.tanh(state)
    return shown


PLAIN: dict[str, Callable] = {"cnn": plain_cnn, "lstm": plain_lstm}


def ours(encoder: KimCnn | Lstm, change: jax.Array, x: jax.Array) -> jax.Array:
    return jnp.sum(encoder.after(change)(x, jnp.asarray(MASK)) * SLOPE)


def plainly(kind: str, encoder: Encoder, change: jax.Array, x: jax.Array) -> jax.Array:
    """The same; an empty text adds nothing."""
    each = [
        jnp.sum(PLAIN[kind](encoder, x[row, :length] @ change) * SLOPE[row])
        for row, length in enumerate(LENGTHS)
        if length
    ]
    return jnp.stack(each).sum()


def drawn(kind: str) -> KimCnn | Lstm:
    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(RNG.normal(size=shape, scale=0.5), jnp.float32)

    if kind == "lstm":
        return Lstm(draw(D, 4 * R), draw(R, 4 * R), draw(4 * R))
    return KimCnn(tuple(draw(n * D, R // 3) for n in SPANS), draw(R))


@pytest.mark.parametrize("kind", PLAIN)
def test_derivatives_are_those_of_the_formula(kind: str):
    """By weights, maps of the embeddings and texts; of runs that share the texts."""
    runs = [drawn(kind) for _ in range(RUNS)]
    stacked = jax.tree.map(lambda *a: np.stack(a), *runs)
    by = jax.value_and_grad(ours, argnums=(0, 1, 2))
    together = jax.jit(jax.vmap(by, (0, 0, None)))(stacked, CHANGE, X)
    alone = jax.jit(by)
    other = jax.jit(jax.value_and_grad(partial(plainly, kind), argnums=(0, 1, 2)))
    for run, encoder in enumerate(runs):
        double = jax.tree.map(np.float64, (encoder, CHANGE[run], X))
        wanted = jax.tree.leaves(other(*double))
        apart = jax.tree.leaves(alone(encoder, CHANGE[run], X))
        beside = [a[run] for a in jax.tree.leaves(together)]
        for found in (apart, beside):
            assert not np.any(np.asarray(found[-1])[~MASK])
            for one, plain in zip(found, wanted, strict=True):
                np.testing.assert_allclose(one, plain, rtol=CLOSE, atol=CLOSE)
