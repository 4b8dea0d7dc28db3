"""Transference measured by looking ahead, for any losses, and training that uses it."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike as Number
from jaxtyping import Array, Bool, Float, Int, PyTree

from theory.arguments import check_array, check_integer, check_shape, is_traced, refuse
from theory.transference import SGD, Rule, Transference

Losses = Callable[[Any, Any], Float[Array, " k"]]


class MeasuredTraining(NamedTuple):
    """Joint training, with `Z` before every step, [step, source, target]."""

    value: Float[Array, "steps k k"]
    shared: PyTree[Array]
    heads: PyTree[Array]


class ItMtl(NamedTuple):
    """Training by IT-MTL: the index of the candidate that every step took."""

    chosen: Int[Array, " steps"]
    shared: PyTree[Array]
    heads: PyTree[Array]


def transference(
    losses: Losses,
    shared: PyTree[Array],
    heads: PyTree[Array],
    rule: Rule,
    *,
    heads_rate: Number | None = None,
    held_out: Losses | None = None,
) -> Transference:
    """Measure the transference between all tasks at a point.

    `Z_{i→j} = 1 − L_j(s − Δ_i, h_j)/L_j(s, h_j)`, where `Δ_i` is the displacement of
    the rule for `∇_sL_i`. With a rate for heads, `h_j − η_h ∂L_j/∂h_j` stands for `h_j`
    in the numerator. All look-aheads are one vmapped call: `k` gradients of the shared
    parameters and `k + 1` evaluations of all losses.

    jit-, vmap- and grad-compatible; a look-ahead of infinite loss is −inf.

    Args:
        losses: `L(s, h)`, one mean loss a task; `L_j` depends on no head but its own.
        shared: `s`.
        heads: `h`; every leaf has an axis of tasks first.
        rule: The step; its state has the structure of `shared`.
        heads_rate: `η_h`; heads stay as they are if not given.
        held_out: The same losses on other rows. If given, gradients and heads' steps
            are those of `losses`, and both losses of `Z`, its first order's `∇_sL_j`
            and `losses` of the result are on these rows.

    Raises:
        ValueError: Unless traced: a loss is negative or not finite, or is NaN after a
            step.

    Source: arXiv 2109.04617, equation 1 (heads unchanged).
    """
    if heads_rate is not None:
        heads_rate = check_array("heads_rate", heads_rate, "", "finite and >= 0")
    found = _transference(losses, held_out or losses, shared, heads, rule, heads_rate)
    _check_losses(found.losses)
    if not is_traced(found.value):
        unknown = np.isnan(found.value) & (np.asarray(found.losses) > 0)
        for i, j in np.argwhere(unknown)[:1]:
            raise ValueError(f"losses: task {j} has the loss nan after a step on {i}")
    return found


def measured_training(
    losses: Losses,
    shared: PyTree[Array],
    heads: PyTree[Array],
    *,
    rate: Number,
    steps: int,
) -> MeasuredTraining:
    """Train by gradient descent on the sum of losses, and measure `Z` before each step.

    `Z` is that of `transference` with `SGD(rate)` and heads unchanged.

    Args:
        losses: As for `transference`.
        shared: `s` at the start.
        heads: `h` at the start.
        rate: `η` of all parameters.
        steps: Number of steps.

    Raises:
        ValueError: `rate` or `steps` is out of range, or, unless traced, a loss is
            negative or not finite at the start.
    """
    step = check_array("rate", rate, "", "finite and >= 0")
    count = check_integer("steps", steps)
    _check_losses(losses(shared, heads))
    return _measured_training(losses, count, shared, heads, step)


def it_mtl(
    losses: Losses,
    shared: PyTree[Array],
    heads: PyTree[Array],
    candidates: Bool[Array | np.ndarray, "c k"],
    *,
    rate: Number,
    steps: int,
    heads_rate: Number | None = None,
    mean: bool = False,
) -> ItMtl:
    """Train by IT-MTL: each step takes the set of tasks of largest total transference.

    Gradients are those at `(s, h)`. Heads take their step first, `h'_j = h_j − η_h
    ∂L_j/∂h_j`. Of the candidates `S`, `Δ_S = η Σ_{i∈S} ∇_sL_i`, the first with the
    largest `Σ_j [1 − L_j(s − Δ_S, h'_j)/L_j(s, h_j)]` is subtracted from `s`. A step to
    losses that are no number counts as −inf.

    Args:
        losses: As for `transference`.
        shared: `s` at the start.
        heads: `h` at the start.
        candidates: Sets of tasks, one a row.
        rate: `η`.
        steps: Number of steps.
        heads_rate: `η_h`; `rate` if not given.
        mean: Step along the mean of a set's gradients, a shorter step than the sum.

    Raises:
        ValueError: A rate or `steps` is out of range, sets are of another number of
            tasks, or, unless traced, a set is empty, a loss is negative or not finite
            at the start, or a step had no candidate of finite losses.

    Source: arXiv 2010.15413; heads first, as in a third party's port: the text of the
    paper is not at hand.
    """
    step = check_array("rate", rate, "", "finite and >= 0")
    own = step if heads_rate is None else heads_rate
    own = check_array("heads_rate", own, "", "finite and >= 0")
    count = check_integer("steps", steps)
    start = losses(shared, heads)
    _check_losses(start)
    sets = jnp.asarray(candidates, bool)
    check_shape("candidates", sets, "c k", k=len(start))
    if not is_traced(sets):
        size = np.asarray(sets).sum(axis=1)
        refuse("candidates", size, size == 0, "sets of one task or more")
    weight = sets.astype(start.dtype)
    if mean:
        weight = weight / jnp.sum(weight, axis=1, keepdims=True)
    found, best = _it_mtl(losses, count, shared, heads, weight, step, own)
    if not is_traced(best):
        for at in np.flatnonzero(~np.isfinite(best))[:1]:
            raise ValueError(
                f"candidates: at step {at} none leads to finite losses: lower the rate"
            )
    return found


def _check_losses(losses: Float[Array, " k"]) -> None:
    """Refuse losses of which no share is saved."""
    if is_traced(losses):
        return
    for task, value in enumerate(np.asarray(losses)):
        if not np.isfinite(value) or value < 0:
            raise ValueError(
                f"losses: task {task} must be finite and >= 0, got {value:g}; where "
                "losses have no zero, compare decreases L_j(s) - L_j(s - step) instead"
            )


@partial(jax.jit, static_argnames=("losses", "judged"))
def _transference(
    losses: Losses,
    judged: Losses,
    shared: PyTree[Array],
    heads: PyTree[Array],
    rule: Rule,
    heads_rate: Float[Array, ""] | None,
) -> Transference:
    slopes = jax.jacrev(losses)(shared, heads)
    targets = slopes if judged is losses else jax.jacrev(judged)(shared, heads)
    new = heads
    if heads_rate is not None:
        new = _step_of_heads(losses, shared, heads, heads_rate)
    moved = jax.vmap(rule.displacement)(slopes)
    before = judged(shared, heads)
    after = jax.vmap(lambda one: judged(_less(shared, one), new))(moved)
    size = [jnp.sqrt(jnp.diagonal(_inner(one, one))) for one in (slopes, targets)]
    scale = size[0][:, None] * size[1]
    return Transference(
        value=_saved(after, before),
        first_order=_inner(moved, targets) / jnp.where(before > 0, before, jnp.nan),
        cosine=_inner(slopes, targets) / jnp.where(scale > 0, scale, jnp.nan),
        losses=before,
    )


@partial(jax.jit, static_argnames=("losses", "steps"))
def _measured_training(
    losses: Losses,
    steps: int,
    shared: PyTree[Array],
    heads: PyTree[Array],
    rate: Float[Array, ""],
) -> MeasuredTraining:
    def step(at: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], Array]:
        found = _transference(losses, losses, *at, SGD(rate), None)
        slopes = jax.grad(lambda s, h: jnp.sum(losses(s, h)), (0, 1))(*at)
        return _less(at, jax.tree.map(lambda g: rate * g, slopes)), found.value

    last, value = lax.scan(step, (shared, heads), None, length=steps)
    return MeasuredTraining(value, *last)


@partial(jax.jit, static_argnames=("losses", "steps"))
def _it_mtl(
    losses: Losses,
    steps: int,
    shared: PyTree[Array],
    heads: PyTree[Array],
    weight: Float[Array, "c k"],
    rate: Float[Array, ""],
    heads_rate: Float[Array, ""],
) -> tuple[ItMtl, Float[Array, " steps"]]:
    def step(at: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], tuple]:
        module, own = at
        slopes = jax.jacrev(losses)(module, own)
        moved = jax.tree.map(lambda g: rate * jnp.tensordot(weight, g, 1), slopes)
        new = _step_of_heads(losses, module, own, heads_rate)
        after = jax.vmap(lambda one: losses(_less(module, one), new))(moved)
        total = jnp.sum(_saved(after, losses(module, own)), axis=1)
        total = jnp.where(jnp.isnan(total), -jnp.inf, total)
        best = jnp.argmax(total)
        taken = jax.tree.map(lambda leaf: leaf[best], moved)
        return (_less(module, taken), new), (best, total[best])

    last, (chosen, value) = lax.scan(step, (shared, heads), None, length=steps)
    return ItMtl(chosen, *last), value


def _step_of_heads(losses: Losses, shared: Any, heads: Any, rate: Array) -> Any:
    # L_j has no part of other heads, so the sum's gradient is that of each own loss.
    slope = jax.grad(lambda own: jnp.sum(losses(shared, own)))(heads)
    return _less(heads, jax.tree.map(lambda g: rate * g, slope))


def _saved(after: Float[Array, "n k"], before: Float[Array, " k"]) -> Array:
    """`1 − L'/L`, NaN where the loss is zero."""
    known = before > 0
    return jnp.where(known, 1 - after / jnp.where(known, before, 1), jnp.nan)


def _less(tree: Any, step: Any) -> Any:
    return jax.tree.map(lambda leaf, move: leaf - move, tree, step)


def _inner(first: PyTree[Array], second: PyTree[Array]) -> Float[Array, "k k"]:
    """`⟨a_i, b_j⟩` over all leaves."""
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return sum(
        (a.reshape(len(a), -1) @ b.reshape(len(b), -1).T for a, b in pairs),
        start=jnp.zeros(()),
    )
