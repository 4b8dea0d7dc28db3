"""Gradient flow of the joint loss of linear tasks, and its stationary modules."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Key

from paper_checks.judge.check import Check
from paper_checks.studies.problems import random_problem
from theory.tasks import TaskStatistics
from theory.transference import progress

K, D, R, M = 3, 4, 2, 30  # tasks, inputs, width, rows of each
# Runge and Kutta's fourth order: errors are STEPS⁻⁴ of one, some 1e-9 here.
TIME, STEPS, FOUND = 0.3, 400, 1e-7
# At a stationary module gradients cancel but for rounding of their sizes.
ROUNDING = 1e-9


class Problems(NamedTuple):
    """Stacked tasks with weights, modules and heads at the start."""

    statistics: TaskStatistics
    weights: Float[Array, "n k"]
    shared: Float[Array, "n d r"]
    heads: Float[Array, "n k r"]


def drawn(keys: Key[Array, " n"]) -> Problems:
    """Unrelated tasks of noise 1, and normal modules."""

    def one(key: Array) -> Problems:
        draw, weight, module, head = jax.random.split(key, 4)
        tasks = random_problem(draw, K, D, M, spread=0.3, noise=1.0)
        weights = jax.random.uniform(weight, (K,), minval=0.5, maxval=2.0)
        shared = 0.5 * jax.random.normal(module, (D, R))
        return Problems(tasks, weights, shared, jax.random.normal(head, (K, R)))

    return jax.vmap(one)(keys)


def losses(tasks: TaskStatistics, shared: Array, heads: Array) -> Float[Array, " k"]:
    """Mean losses, from the statistics."""
    theta = heads @ shared.T
    bent = jnp.einsum("kd,kde,ke->k", theta, tasks.gram, theta)
    linear = jnp.sum(theta * tasks.moment, axis=1)
    return (tasks.energy - 2 * linear + bent) / tasks.samples


def accounts(
    problems: Problems, keys: Key[Array, " n"], *, heads: bool = True
) -> Check:
    """Compare what each target's log loss fell by with the sum of all tasks' shares.

    The flow of `Σ α_iL_i` is integrated together with `theory.transference.progress`.
    Both sides are those of the target where they differ most. Without `heads` the part
    of the target's own head is left out.
    """
    del keys
    fell, shares = jax.vmap(lambda one: _flow(one, heads))(problems)
    worst = jnp.argmax(jnp.abs(fell - shares), axis=1)[:, None]
    fell, shares = (jnp.take_along_axis(v, worst, 1)[:, 0] for v in (fell, shares))
    return Check(fell, shares, FOUND * (1 + jnp.abs(fell)), "==")


def _flow(one: Problems, heads: bool) -> tuple[Array, Array]:
    tasks, alpha = one.statistics, one.weights

    def velocity(at: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        slopes = jax.grad(lambda b, a: alpha @ losses(tasks, b, a), (0, 1))(*at[:2])
        found = progress(tasks, *at[:2], alpha)
        total = jnp.sum(found.shared, axis=0) + (found.own if heads else 0)
        return -slopes[0], -slopes[1], total

    def step(at: tuple, _: None) -> tuple[tuple, None]:
        h = TIME / STEPS
        k1 = velocity(at)
        k2 = velocity(_moved(at, k1, h / 2))
        k3 = velocity(_moved(at, k2, h / 2))
        k4 = velocity(_moved(at, k3, h))
        mean = jax.tree.map(
            lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4
        )
        return _moved(at, mean, h), None

    start = (one.shared, one.heads, jnp.zeros(K))
    (shared, own, shares), _ = lax.scan(step, start, None, length=STEPS)
    before, after = losses(tasks, *start[:2]), losses(tasks, shared, own)
    return jnp.log(before / after), shares


def _moved(at: tuple, velocity: tuple, time: float) -> tuple:
    return jax.tree.map(lambda x, v: x + time * v, at, velocity)


def others_at_rest(
    problems: Problems, keys: Key[Array, " n"], *, rest: bool = True
) -> Check:
    """Compare what the others do for a target, at first order, with minus its own part.

    At a stationary `B` of `Σ α_iL_i`, heads fixed, `Σ_{i≠j} α_i⟨∇L_i, ∇L_j⟩` is
    `−α_j‖∇L_j‖²`. Both sides are those of the target where they differ most, relative
    to the mean squared gradient. Without `rest` at the module of the start.
    """
    del keys

    def one(p: Problems) -> tuple[Array, Array]:
        shared = _stationary(p) if rest else p.shared
        slopes = jax.jacrev(lambda b: losses(p.statistics, b, p.heads))(shared)
        flat = slopes.reshape(K, -1)
        inner = p.weights[:, None] * (flat @ flat.T)
        own = jnp.diagonal(inner)
        scale = jnp.mean(own)
        others = jnp.sum(inner, axis=0) - own
        worst = jnp.argmax(jnp.abs(others + own))
        return others[worst] / scale, -own[worst] / scale

    found, said = jax.vmap(one)(problems)
    return Check(found, said, jnp.full(len(found), ROUNDING), "==")


def _stationary(p: Problems) -> Float[Array, "d r"]:
    """The best `B` for the heads: one linear system."""
    scale = p.weights / p.statistics.samples
    system = jnp.einsum("k,kr,ks,kde->drse", scale, p.heads, p.heads, p.statistics.gram)
    right = jnp.einsum("k,kr,kd->dr", scale, p.heads, p.statistics.moment)
    matrix = jnp.moveaxis(system, 2, 3).reshape(D * R, D * R)
    return jnp.linalg.solve(matrix, right.ravel()).reshape(D, R)
