"""Runs one after the other take the steps that they take side by side."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from paper_checks.networks.encoders import Kind
from paper_checks.networks.multi_task import (
    Data,
    MultiTask,
    State,
    advance,
    correct,
    new_model,
)

D, R, RUNS, TEXTS, LENGTH, BATCH = 3, 3, 2, 9, 6, 4
RATE = 1e-2


def made(kind: Kind) -> tuple[State, Data]:
    """Two runs of two tasks; texts of 0 to 6 tokens of a table of seven."""
    rng = np.random.default_rng(0)
    table = np.concatenate([np.zeros((1, D)), rng.normal(size=(6, D))]).astype("f4")
    places = rng.integers(1, 7, (TEXTS, LENGTH), dtype=np.int32)
    places[np.arange(LENGTH) >= rng.integers(0, LENGTH + 1, TEXTS)[:, None]] = 0
    data = Data(
        table=jnp.asarray(table),
        places=jnp.asarray(places),
        labels=jnp.asarray(rng.integers(0, 2, TEXTS, dtype=np.int32)),
        classes=jnp.ones((RUNS, 2, 2), bool),
    )
    draw = partial(
        new_model, kind, dimension=D, width=R, tasks=2, classes=2, aligned=True
    )
    model = eqx.filter_vmap(draw)(jax.random.split(jax.random.key(1), RUNS))
    return State(model, jax.vmap(optax.adam(RATE).init)(model)), data


def arrays(state: State | MultiTask) -> list[np.ndarray]:
    return [np.array(leaf) for leaf in jax.tree.leaves(state)]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_runs_one_after_the_other_are_those_side_by_side(kind: Kind):
    rng = np.random.default_rng(2)
    task = np.array([0, 1, 1], dtype=np.int32)
    rows = rng.integers(0, TEXTS, (3, RUNS, BATCH), dtype=np.int32)
    seen = np.ones(rows.shape, bool)
    seen[1, 0, 2:] = False
    # The second run has no row in the last two batches.
    seen[1:, 1] = False
    found: dict[bool, list[list[np.ndarray]]] = {}
    for apart in (True, False):
        found[apart] = []
        for count in (1, 3):
            state, data = made(kind)
            batches = (task[:count], rows[:count], seen[:count])
            state = advance(state, data, *batches, LENGTH, RATE, apart)
            right = correct(state.model, data, *batches, LENGTH, apart)
            found[apart].append([*arrays(state), np.array(right)])
    for one, other in zip(found[True], found[False], strict=True):
        for mine, theirs in zip(one, other, strict=True):
            # Adam's steps of a hundredth each, of slopes rounded to 32 bits.
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    for once, thrice in found.values():
        for mine, theirs in zip(once[:-1], thrice[:-1], strict=True):
            np.testing.assert_array_equal(mine[1], theirs[1])
        assert any(np.any(a[0] != b[0]) for a, b in zip(once, thrice, strict=True))
        assert (thrice[-1][1:, 1] == 0).all()
