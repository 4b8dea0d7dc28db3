"""Steps of one task looked ahead on rows, beside closed forms from statistics."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PRNGKeyArray

from paper_checks.judge.check import Check
from simulations.transference import transference
from theory.tasks import TaskStatistics
from theory.transference import SGD, Adam, Momentum, Rule, linear_transference

K, M, D, R = 3, 12, 4, 2  # tasks, rows of each, inputs, width
# What rounding leaves of 1 − L'/L, of which L'/L has some M D products.
ROUNDING = 1e-11


class Drawn(NamedTuple):
    """Stacked problems: rows, a module with heads, states of rules, and a rate."""

    covariates: Float[Array, "n k m d"]
    labels: Float[Array, "n k m"]
    shared: Float[Array, "n d r"]
    heads: Float[Array, "n k r"]
    state: Float[Array, "n 2 d r"]
    rate: Float[Array, " n"]


def drawn(keys: Key[Array, " n"]) -> Drawn:
    """Gaussian rows, labels, modules and states; rates over three decades."""
    return jax.vmap(_drawn)(keys)


def _drawn(key: PRNGKeyArray) -> Drawn:
    rows, labels, module, heads, state, rate = jax.random.split(key, 6)
    return Drawn(
        covariates=jax.random.normal(rows, (K, M, D)),
        labels=jax.random.normal(labels, (K, M)),
        shared=jax.random.normal(module, (D, R)),
        heads=jax.random.normal(heads, (K, R)),
        state=jax.random.normal(state, (2, D, R)),
        rate=10 ** jax.random.uniform(rate, minval=-3.0, maxval=0.0),
    )


def rule_of(name: str, one: Drawn, times: float = 1.0) -> Rule:
    """The rule in the middle of a run, at a multiple of the rate."""
    rate, (first, second) = times * one.rate, one.state
    if name == "SGD":
        return SGD(rate)
    if name == "momentum":
        return Momentum(rate, decay=0.9, velocity=first)
    return Adam(rate, first=first, second=second**2, count=5)


def look_ahead(
    problems: Drawn,
    keys: Key[Array, " n"],
    *,
    rule: str,
    stepped: bool,
    times: float = 1.0,
    turned: bool = False,
) -> Check:
    """Compare closed forms with look-aheads by autograd on the rows.

    The left side is the largest difference over sources and targets, relative to the
    larger of 1 and the value. `times` and `turned` make mutants of the closed form: a
    wrong rate, and the matrix transposed.
    """
    del keys

    def one(p: Drawn) -> Float[Array, ""]:
        statistics = jax.vmap(_statistics)(p.covariates, p.labels)
        rate = p.rate if stepped else None
        closed = linear_transference(
            statistics, p.shared, p.heads, rule_of(rule, p, times), heads_rate=rate
        ).value
        found = transference(
            partial(_losses, p), p.shared, p.heads, rule_of(rule, p), heads_rate=rate
        ).value
        closed = closed.T if turned else closed
        return jnp.max(jnp.abs(closed - found) / jnp.maximum(1, jnp.abs(found)))

    return _zero(jax.lax.map(one, problems), ROUNDING)


def mutant(
    *, times: float = 1.0, turned: bool = False
) -> Callable[[Key[Array, " n"]], Check]:
    """The check of plain steps with a wrong closed form, from keys."""
    wrong = partial(look_ahead, rule="SGD", stepped=False, times=times, turned=turned)
    return lambda keys: wrong(drawn(keys), keys)


def _statistics(x: Float[Array, "m d"], y: Float[Array, " m"]) -> TaskStatistics:
    return TaskStatistics(x.T @ x, x.T @ y, y @ y, jnp.asarray(float(M)))


def _losses(p: Drawn, shared: Array, heads: Array) -> Float[Array, " k"]:
    fitted = jnp.einsum("kmd,dr,kr->km", p.covariates, shared, heads)
    return jnp.mean((fitted - p.labels) ** 2, axis=1)


def _zero(lhs: Float[Array, " n"], tolerance: float) -> Check:
    return Check(lhs, jnp.zeros(len(lhs)), jnp.full(len(lhs), tolerance), "==")
