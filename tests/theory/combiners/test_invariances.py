"""What all combiners share: special cases, units, vmap, derivatives, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.theory.combiners.examples import (
    CLOSE,
    JIT,
    PAIR_ORDER,
    K,
    N,
    combined,
    gradients,
)
from theory import combiners


@pytest.mark.parametrize("name", JIT)
def test_equal_gradients_are_combined_into_a_multiple_of_themselves(name):
    row = np.array([1.0, -2, 3, 0, 1, 2])
    multiple = combined(name, np.stack([row] * K)) / np.where(row, row, 1)
    factor = {"pcgrad": K, "gradvac": K, "nash": K**0.5 / np.linalg.norm(row)}
    factor["cagrad"] = 1.4
    np.testing.assert_allclose(multiple[row != 0], factor.get(name, 1.0), rtol=1e-9)


@pytest.mark.parametrize("name", JIT)
@pytest.mark.parametrize("kind", ["plain", "conflict"])
def test_combiners_turn_and_scale_with_their_gradients(name, kind):
    rows = gradients(3, kind)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(N, N)))[0]
    plain = combined(name, rows)
    scale = 1e150  # squares of it leave the range of floats
    power = 0 if name == "nash" else 1
    size = np.abs(plain).max()
    np.testing.assert_allclose(
        combined(name, scale * rows @ turn) / scale**power,
        plain @ turn,
        atol=CLOSE * size,
    )


@pytest.mark.parametrize("name", JIT)
def test_combiners_do_not_know_the_order_of_tasks(name):
    rows = gradients(5)
    if name in ("pcgrad", "gradvac"):
        return  # the order is an argument
    np.testing.assert_allclose(
        combined(name, rows[::-1]), combined(name, rows), rtol=1e-9
    )


@pytest.mark.parametrize("name", JIT)
def test_many_problems_at_once_are_the_same_as_one_by_one(name):
    batch = np.stack([gradients(s, k) for s, k in enumerate(("plain", "conflict"))])
    options = (0.4,) if name == "cagrad" else ()
    many = jax.vmap(lambda g: JIT[name](g, *options))(batch)
    for index, rows in enumerate(batch):
        one = JIT[name](rows, *options)
        for a, b in zip(jax.tree.leaves(many), jax.tree.leaves(one), strict=True):
            np.testing.assert_allclose(a[index], b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in JIT if n != "cagrad"])
def test_derivatives_are_those_of_differences(name):
    rows, step = gradients(7, "conflict"), 1e-6
    direction = np.random.default_rng(1).normal(size=(K, N))
    probe = np.arange(1.0, N + 1)

    def value(g):
        found = JIT[name](g)
        found = found.gradient if name == "gradvac" else found
        return probe @ (found if found.shape == (N,) else found @ g)

    slope = np.sum(np.asarray(jax.grad(value)(jnp.asarray(rows))) * direction)
    ahead, behind = (float(value(rows + t * direction)) for t in (step, -step))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: combiners.upgrad(np.ones(3)),
            r"gradients must be k x n, got .*\(3,\)",
        ),
        (lambda: combiners.nash_weights([[1, np.nan]]), r"gradients\[0, 1\] .* nan"),
        (
            lambda: combiners.cagrad(np.eye(2), -0.1),
            "c must be finite and >= 0, got -0",
        ),
        (
            lambda: combiners.pcgrad(np.eye(2), order=[[1], [1]]),
            r"order\[1\] must list the tasks other than 1, got \[1\]",
        ),
        (
            lambda: combiners.pcgrad(np.eye(3), order=PAIR_ORDER),
            r"order must be 3 x 2, got shape \(2, 1\)",
        ),
        (
            lambda: combiners.gradvac(
                np.eye(2), order=PAIR_ORDER, targets=np.ones((2, 2))
            ),
            r"targets must be in \(-1, 1\), got 1",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
