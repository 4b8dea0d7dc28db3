"""A hidden layer that tasks share, trained on the weighted logistic loss; 32-bit."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Float32, Key

from paper_checks.data.benchmark import LinearBenchmark


class Mlp(eqx.Module):
    """Logits `ReLU(xB + b) A_i + c_i` of tasks that all see the same rows."""

    weight: Float32[Array, "*n d r"]
    bias: Float32[Array, "*n r"]
    heads: Float32[Array, "*n r k"]
    offset: Float32[Array, "*n k"]


@partial(jax.jit, static_argnames=("width", "steps", "batch", "rate"))
def train_mlps(
    x: Float32[Array, "m d"],
    labels: Float32[Array, "n m k"],
    weights: Float32[Array, "n k"],
    keys: Key[Array, " n"],
    width: int,
    steps: int,
    batch: int,
    rate: float,
) -> Mlp:
    """Adam on `Σ_i α_i` times the mean loss; problems of one key see the same batches.

    Args:
        x: Rows of all tasks and problems.
        labels: 0 and 1, of each problem.
        weights: `α_i` of each problem.
        keys: Of the start and the batches of each problem.
        width: Hidden units `r`.
        steps: Of Adam.
        batch: Rows a step.
        rate: Of Adam.
    """
    rule = optax.adam(rate)

    def one(labels: Array, weights: Array, key: Array) -> Mlp:
        def loss(model: Mlp, rows: Array) -> Array:
            out = mlp_logits(model, x[rows])
            each = optax.sigmoid_binary_cross_entropy(out, labels[rows])
            return jnp.sum(weights * jnp.mean(each, axis=0))

        def step(carry: tuple, key: Array) -> tuple[tuple, None]:
            model, state = carry
            rows = jax.random.randint(key, (batch,), 0, x.shape[0])
            change, state = rule.update(jax.grad(loss)(model, rows), state)
            return (eqx.apply_updates(model, change), state), None

        first, second, third = jax.random.split(key, 3)
        d, k = x.shape[1], weights.shape[0]
        model = Mlp(
            jax.random.normal(first, (d, width), jnp.float32) / d**0.5,
            jnp.zeros(width, jnp.float32),
            jax.random.normal(second, (width, k), jnp.float32) / width**0.5,
            jnp.zeros(k, jnp.float32),
        )
        steps_keys = jax.random.split(third, steps)
        return lax.scan(
            step, (model, rule.init(eqx.filter(model, eqx.is_array))), steps_keys
        )[0][0]

    return jax.vmap(one)(labels, weights, keys)


def mlp_logits(model: Mlp, x: Float32[Array, "m d"]) -> Float32[Array, "m k"]:
    """Logits of every row and task."""
    hidden = jax.nn.relu(x @ model.weight + model.bias)
    return hidden @ model.heads + model.offset


def scaled(
    x: Float[np.ndarray, "m d"], train: LinearBenchmark
) -> Float32[np.ndarray, "m d"]:
    """Centred and scaled by the training rows."""
    mean, spread = train.covariates[0].mean(axis=0), train.covariates[0].std(axis=0)
    return ((x - mean) / np.where(spread > 0, spread, 1)).astype(np.float32)
