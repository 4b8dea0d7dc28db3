"""Encoders and their derivatives against plain formulas, text by text."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.networks.encoders import SPANS, Encoder, KimCnn, Lstm, MeanMlp

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


def ours(
    encoder: KimCnn | Lstm, change: jax.Array, x: jax.Array
) -> tuple[jax.Array, jax.Array]:
    shown = encoder.after(change)(x, jnp.asarray(MASK))
    return jnp.sum(shown * SLOPE), shown


def plainly(
    kind: str, encoder: Encoder, change: jax.Array, x: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The same; an empty text gives 0."""
    each = [
        PLAIN[kind](encoder, x[row, :length] @ change) if length else jnp.zeros(R)
        for row, length in enumerate(LENGTHS)
    ]
    shown = jnp.stack(each)
    return jnp.sum(shown * SLOPE), shown


def drawn(kind: str) -> KimCnn | Lstm:
    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(RNG.normal(size=shape, scale=0.5), jnp.float32)

    if kind == "lstm":
        return Lstm(draw(D, 4 * R), draw(R, 4 * R), draw(4 * R))
    return KimCnn(tuple(draw(n * D, R // 3) for n in SPANS), draw(R))


@pytest.mark.parametrize("kind", PLAIN)
def test_values_and_derivatives_are_those_of_the_formula(kind: str):
    """By weights, maps of the embeddings and texts; of runs that share the texts."""
    runs = [drawn(kind) for _ in range(RUNS)]
    stacked = jax.tree.map(lambda *a: np.stack(a), *runs)
    by = jax.value_and_grad(ours, argnums=(0, 1, 2), has_aux=True)
    together = jax.jit(jax.vmap(by, (0, 0, None)))(stacked, CHANGE, X)
    plain = partial(plainly, kind)
    other = jax.jit(jax.value_and_grad(plain, argnums=(0, 1, 2), has_aux=True))
    for run, encoder in enumerate(runs):
        wanted = other(*jax.tree.map(np.float64, (encoder, CHANGE[run], X)))
        found = [np.asarray(a[run]) for a in jax.tree.leaves(together)]
        assert not np.any(found[-1][~MASK])
        for one, other_one in zip(found, jax.tree.leaves(wanted), strict=True):
            np.testing.assert_allclose(one, other_one, rtol=CLOSE, atol=CLOSE)


def test_the_mlp_sees_the_mean_of_the_tokens():
    weight, bias = RNG.normal(size=(D, R)), RNG.normal(size=R)
    encoder = MeanMlp(jnp.asarray(weight, "f4"), jnp.asarray(bias, "f4"))
    found = jax.jit(lambda *seen: encoder(*seen))(X, MASK)
    means = [x[:n].sum(axis=0) / max(n, 1) for x, n in zip(X, LENGTHS, strict=True)]
    wanted = np.maximum(np.stack(means) @ weight + bias, 0)
    np.testing.assert_allclose(found, wanted, rtol=CLOSE, atol=CLOSE)
