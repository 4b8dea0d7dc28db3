"""Measured transference against closed forms, and training against plain loops."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.transference import it_mtl, measured_training, transference
from tests.theory.transference.look_ahead import (
    RULES,
    D,
    K,
    R,
    instance,
    losses_and_slopes,
    rule_of,
)
from theory.transference import SGD, linear_transference

SETS = np.array([s for s in itertools.product([False, True], repeat=K) if any(s)])


def losses_of(data):
    x = [jnp.asarray(one) for one in data[0]]
    y = [jnp.asarray(one) for one in data[1]]

    def losses(shared, heads):
        pairs = zip(x, y, heads, strict=True)
        return jnp.stack([jnp.mean((a @ (shared @ h) - b) ** 2) for a, b, h in pairs])

    return losses


@pytest.mark.parametrize("heads_rate", [None, 0.03])
@pytest.mark.parametrize("name", RULES)
def test_it_is_the_closed_form(name, heads_rate):
    data, statistics, shared, heads = instance(3)
    rule = rule_of(name, 1, rate=0.3)
    found = transference(losses_of(data), shared, heads, rule, heads_rate=heads_rate)
    expected = linear_transference(
        statistics, shared, heads, rule, heads_rate=heads_rate
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


def test_any_pytree_is_a_module():
    data, _, shared, heads = instance(4)
    flat = losses_of(data)

    def losses(tree, own):
        module = jnp.concatenate([tree["first"], tree["others"][0]])
        return flat(module, jnp.stack(own, axis=1))

    tree = {"first": shared[:1], "others": [shared[1:]]}
    found = transference(losses, tree, tuple(heads.T), SGD(0.1), heads_rate=0.2)
    expected = transference(flat, shared, heads, SGD(0.1), heads_rate=0.2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_held_out_rows_judge_steps_of_the_training_rows():
    data, _, shared, heads = instance(5)
    other, _, _, _ = instance(6)
    found = transference(
        losses_of(data), shared, heads, SGD(0.1), held_out=losses_of(other)
    )
    _, slopes, _ = losses_and_slopes(data, shared, heads)
    before, target, _ = losses_and_slopes(other, shared, heads)
    for i, slope in enumerate(slopes):
        after = losses_and_slopes(other, shared - 0.1 * slope, heads)[0]
        np.testing.assert_allclose(found.value[i], 1 - after / before, atol=1e-12)
        first = 0.1 * np.sum(slope * target, axis=(1, 2)) / before
        np.testing.assert_allclose(found.first_order[i], first, rtol=1e-10)
    np.testing.assert_allclose(found.losses, before)


def test_training_measures_before_each_step():
    data, statistics, shared, heads = instance(7)
    found = measured_training(losses_of(data), shared, heads, rate=0.02, steps=4)
    for value in found.value:
        z = linear_transference(statistics, shared, heads, SGD(0.02)).value
        np.testing.assert_allclose(value, z, rtol=1e-9, atol=1e-12)
        _, slopes, own = losses_and_slopes(data, shared, heads)
        shared, heads = shared - 0.02 * slopes.sum(axis=0), heads - 0.02 * own
    np.testing.assert_allclose(found.shared, shared, rtol=1e-10)
    np.testing.assert_allclose(found.heads, heads, rtol=1e-10)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("heads_rate", [None, 0.0, 0.05])
def test_it_mtl_takes_the_best_candidate_of_a_plain_loop(mean, heads_rate):
    data, _, shared, heads = instance(8)
    found = it_mtl(
        losses_of(data), shared, heads, SETS, rate=0.15, steps=6, mean=mean,
        heads_rate=heads_rate,
    )  # fmt: skip
    own_rate = 0.15 if heads_rate is None else heads_rate
    for chosen in found.chosen:
        before, slopes, own = losses_and_slopes(data, shared, heads)
        heads = heads - own_rate * own
        tried = [
            shared - 0.15 * (slopes[s].mean(axis=0) if mean else slopes[s].sum(axis=0))
            for s in SETS
        ]
        after = [losses_and_slopes(data, one, heads)[0] for one in tried]
        assert int(chosen) == np.argmax(np.sum(1 - np.array(after) / before, axis=1))
        shared = tried[int(chosen)]
    np.testing.assert_allclose(found.shared, shared, rtol=1e-10)
    np.testing.assert_allclose(found.heads, heads, rtol=1e-10)
    assert heads_rate == 0 or len(set(found.chosen.tolist())) > 1


def test_of_ties_the_first_is_taken():
    data, _, shared, heads = instance(9)
    twice = np.array([[True, True, False], [True, True, False], [True, True, True]])
    found = it_mtl(losses_of(data), shared, heads, twice, rate=0.01, steps=3)
    assert 1 not in found.chosen.tolist()


def test_losses_that_are_refused():
    data, _, shared, heads = instance(10)
    losses = losses_of(data)
    with pytest.raises(
        ValueError, match=r"task 1 must be finite and >= 0, got -.*decr"
    ):
        transference(
            lambda s, h: losses(s, h) - 1e6 * (jnp.arange(K) == 1), shared, heads,
            SGD(0.1),
        )  # fmt: skip
    with pytest.raises(ValueError, match="task 0 must be finite and >= 0, got nan"):
        measured_training(
            lambda s, h: losses(s, h) * jnp.nan, shared, heads, rate=0.1, steps=2
        )
    with pytest.raises(ValueError, match="task 0 has the loss nan after a step on 0"):
        transference(
            lambda s, h: losses(s, h) + jnp.sqrt(jnp.where(s is shared, 0, -1.0)) * 0
            if s is shared
            else losses(s, h) * jnp.where(jnp.all(s == shared), 1, jnp.nan),
            shared, heads, SGD(0.1),
        )  # fmt: skip


def test_arguments_that_are_refused():
    data, _, shared, heads = instance(11)
    losses = losses_of(data)
    with pytest.raises(ValueError, match="rate must be finite and >= 0, got -1"):
        measured_training(losses, shared, heads, rate=-1, steps=2)
    with pytest.raises(ValueError, match="steps must be an integer >= 1, got 0"):
        measured_training(losses, shared, heads, rate=0.1, steps=0)
    with pytest.raises(ValueError, match=r"candidates.*sets of one task or more"):
        it_mtl(losses, shared, heads, np.zeros((1, K), bool), rate=0.1, steps=2)
    with pytest.raises(ValueError, match="candidates"):
        it_mtl(losses, shared, heads, np.ones((1, 2), bool), rate=0.1, steps=2)
    with pytest.raises(ValueError, match="at step 0 none leads to finite losses"):
        it_mtl(losses, shared, heads, SETS[:1], rate=1e300, steps=1)


def test_it_is_differentiable_and_traced():
    data, statistics, shared, heads = instance(12)
    losses = losses_of(data)

    @jax.jit
    @jax.grad
    def slope(rate):
        return transference(losses, shared, heads, SGD(rate)).value[0, 1]

    step = 1e-6
    two = [
        linear_transference(statistics, shared, heads, SGD(0.1 + sign * step)).value
        for sign in (1, -1)
    ]
    expected = (two[0] - two[1])[0, 1] / (2 * step)
    np.testing.assert_allclose(slope(0.1), expected, rtol=1e-6)
    assert shared.shape == (D, R)
