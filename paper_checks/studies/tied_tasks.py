"""Tasks drawn about a common parameter, and the exact risk of soft sharing."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import block_diag
from jaxtyping import Array, Float, Key

from paper_checks.judge.check import Check

K, D, M = 4, 3, 5  # tasks, inputs, rows of the first; each has two rows more
# Of the largest term of a risk or slope: two solves of 12 equations.
ROUNDING = 1e-9
# Strengths from 1/1000 to 1000 times the stated one.
GRID = jnp.logspace(-3, 3, 61)


class Tied(NamedTuple):
    """`b_i = b_0 + δ_i`, `δ_i ~ N(0, diag(τ²))`, and labels with noise `σ_i²`."""

    gram: Float[Array, "n k d d"]
    noise: Float[Array, "n k"]
    spread: Float[Array, "n d"]


def drawn(keys: Key[Array, " n"]) -> Tied:
    """Own inputs, some with unlike variances; `σ²` and `τ²` over two decades each."""

    def one(key: Array) -> Tied:
        rows, scale, noise, spread = jax.random.split(key, 4)
        own = jax.random.normal(rows, (K, M + 2 * (K - 1), D))
        own *= (
            jnp.arange(M + 2 * (K - 1))[:, None] < M + 2 * jnp.arange(K)[:, None, None]
        )
        own *= jnp.exp(jax.random.normal(scale, (K, 1, D)))
        level, size = (
            10 ** jax.random.uniform(k, (), minval=-1, maxval=1)
            for k in (noise, spread)
        )
        gram = jnp.einsum("kmd,kme->kde", own, own)
        return Tied(gram, jnp.full(K, level), jnp.full(D, size))

    return jax.vmap(one)(keys)


def risk(one: Tied, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`E‖ŵ_1 − b_1‖²` of soft sharing, given the rows.

    `ŵ = K⁻¹[Xᵀy]` with `K = blkdiag(G_i) + λL⊗I`, `L = kI − 11ᵀ`. As `L1 = 0`, `b_0`
    leaves no bias, whatever it is, and

        ŵ − b = K⁻¹(Xᵀε − λ(L⊗I)δ).
    """
    tie = jnp.kron(K * jnp.eye(K) - jnp.ones((K, K)), jnp.eye(D))
    inverse = jnp.linalg.inv(block_diag(*one.gram) + strength * tie)
    noisy = block_diag(*(one.noise[:, None, None] * one.gram))
    bias = strength * tie @ jnp.diag(jnp.tile(one.spread, K)) @ tie.T * strength
    first = inverse[:D]
    return jnp.trace(first @ (noisy + bias) @ first.T)


def stated(one: Tied) -> Float[Array, ""]:
    """`λ* = σ²p/(kμ²) = σ²/(kτ²)`, of the first task's noise and the mean spread."""
    return one.noise[0] / (K * jnp.mean(one.spread))


def least(tied: Tied, keys: Key[Array, " n"], *, factor: float = 1.0) -> Check:
    """Compare the risk at `λ*` with the least on a grid about it."""
    del keys

    def one(tasks: Tied) -> tuple[Array, Array]:
        best = factor * stated(tasks)
        others = jax.vmap(lambda share: risk(tasks, share * best))(GRID)
        return risk(tasks, best), jnp.min(others)

    told, found = jax.vmap(one)(tied)
    return Check(told, found, ROUNDING * told, "<=")


def level(tied: Tied, keys: Key[Array, " n"], *, factor: float = 1.0) -> Check:
    """Compare the slope of the log risk in `log λ` at `λ*` with 0."""
    del keys

    def one(tasks: Tied) -> Array:
        at = jnp.log(factor * stated(tasks))
        value, slope = jax.value_and_grad(lambda log: risk(tasks, jnp.exp(log)))(at)
        return slope / value

    slopes = jax.vmap(one)(tied)
    none = jnp.zeros_like(slopes)
    return Check(slopes, none, none + ROUNDING, "==")


def louder(tied: Tied) -> Tied:
    """The other tasks with nine times the noise of the first."""
    return tied._replace(noise=tied.noise * jnp.where(jnp.arange(K) > 0, 9.0, 1.0))


def uneven(tied: Tied) -> Tied:
    """Differences a hundred times as large along the first input as along the last."""
    share = jnp.geomspace(10, 0.1, D)
    return tied._replace(spread=tied.spread * share / jnp.mean(share))
