from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paper_checks.claims.local_minima import CLAIM, best
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.statement import NONE
from paper_checks.studies.stationary_points import (
    Stationary,
    examined,
    judged,
    met,
    scaled_loss,
)
from tests.strategies import SEED
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics

NAN = float("nan")
GLOBAL, SADDLE, TRAP = (0.0, 0.0), (0.1, -0.1), (0.1, 0.1)
what_they_are = jax.jit(partial(examined, width=1))


def a_little_better(given):
    return (1 - 1e-4) * best(given)


MUTANTS = {("W-LM", "a little better"): a_little_better}


def points(*each: tuple[float, float], found: bool = True) -> Stationary:
    """Points of one problem, each its excess and its least curvature."""
    excess, curvature = jnp.asarray(each).T
    return Stationary(jnp.full(len(each), found)[None], excess[None], curvature[None])


@pytest.mark.parametrize(
    ("point", "trap", "saddle"),
    [
        (GLOBAL, False, False),
        (SADDLE, False, True),
        (TRAP, True, False),
        ((-0.1, 0.1), True, False),  # below the optimum, which is then none
        ((NAN, 0.1), True, False),
        ((0.1, NAN), True, False),
    ],
)
def test_what_a_point_is(point, trap, saddle):
    found = points(point)
    assert (bool(found.trap[0, 0]), bool(found.saddle[0, 0])) == (trap, saddle)
    assert not points(point, found=False).trap.any()


def test_one_trap_is_against_the_claim_and_nothing_tried_is_an_error():
    some, good, bad = points(GLOBAL, SADDLE), points(GLOBAL), points(GLOBAL, TRAP)
    assert judged(some, good, bad).holds
    assert not judged(some, bad, bad).holds
    assert not judged(some, good, good).controls[0].convincing
    for never in ((good, good, bad), (some, points(GLOBAL, found=False), bad)):
        with pytest.raises(CheckError, match="saddles were met"):
            judged(*never)
    # Two traps of one problem are one problem with a trap.
    rate = judged(points(SADDLE, TRAP, TRAP), good, bad).measurements[0]
    assert (rate.value, rate.n) == (1, 1)


def of_solutions(gram: np.ndarray, theta: np.ndarray) -> TaskStatistics:
    """Labels `X_iθ_i` without noise."""
    moment = np.einsum("kde,ke->kd", gram, theta)
    return TaskStatistics(
        gram=jnp.asarray(gram),
        moment=jnp.asarray(moment),
        energy=jnp.asarray(np.sum(moment * theta, axis=1)),
        samples=jnp.full(2, 10.0),
    )


@settings(max_examples=40)
@given(seed=SEED, scale=st.floats(-3, 3))
def test_with_one_x_what_is_stationary_and_no_optimum_is_a_saddle(seed, scale):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, 2)) * 10**scale
    theta = rng.normal(size=(2, 2)) / 10**scale
    root = np.linalg.qr(x)[1]
    # Θ Rᵀ = UΣVᵀ: stationary are B = R⁻¹v_j with A_i = σ_j u_ij, and the origin.
    left, size, right = np.linalg.svd(theta @ root.T)
    assume(size[1] ** 2 > 1e-3 * size[0] ** 2)
    assume(size[1] ** 2 < 0.999 * size[0] ** 2)
    modules, heads = np.linalg.solve(root, right.T), left * size
    balance = np.sqrt(np.linalg.norm(heads, axis=0) / np.linalg.norm(modules, axis=0))
    points = np.concatenate([modules * balance, heads / balance]).T
    points = np.concatenate([points, np.zeros((1, 4))])
    tasks = of_solutions(np.stack([x.T @ x] * 2), theta)
    found = what_they_are(tasks, jnp.asarray(size[1] ** 2), jnp.asarray(points))
    assert found.found.all()
    assert not found.trap.any()
    np.testing.assert_array_equal(found.saddle, [False, True, True])


@settings(max_examples=40)
@given(
    loud=st.floats(1.1, 10.0),
    quiet=st.floats(0.01, 0.3),
    turn=st.floats(0, 2 * np.pi),
)
def test_without_one_x_a_point_that_is_no_optimum_may_be_a_minimum(loud, quiet, turn):
    # Each task's solution is along its quiet axis. B = θ_i fits task i alone, and is a
    # minimum: turned by t, task i loses t² and the other gains (quiet t)².
    q = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    gram = np.stack([loud * np.diag([quiet, 1.0]), np.diag([1.0, quiet])])
    tasks = of_solutions(q @ gram @ q.T, q.T)
    points = np.stack([[*q[:, 0], 1.0, 0.0], [*q[:, 1], 0.0, 1.0]])
    found = what_they_are(tasks, jnp.asarray(quiet), jnp.asarray(points))
    assert found.found.all()
    assert not found.saddle.any()
    # B = θ_1 loses the energy of task 2, which is the less.
    np.testing.assert_array_equal(found.trap, [False, True])


@pytest.mark.long
def test_training_ends_in_a_trap_where_there_is_one():
    # Each task's direction is its quiet one: a minimum near each of the solutions.
    # One label more in task 1, so that the two minima differ.
    gram = np.stack([1.3 * np.diag([0.05, 1.0]), np.diag([1.0, 0.05])])
    tasks = jax.tree.map(lambda leaf: leaf[None], of_solutions(gram, np.eye(2)))
    least = jax.vmap(lambda one: two_task_optimum(one, jnp.ones(2)).loss)(tasks)
    starts = jax.random.normal(jax.random.key(0), (12, 4))
    found = met(tasks, least, starts, width=1, newton=False)
    assert found.trap.any()
    assert (found.found & ~found.trap).any()


@pytest.mark.long
@pytest.mark.parametrize("dropped", [NONE, 0])
def test_points_are_stationary_and_their_optimum_is_the_best_of_many(dropped):
    statement = CLAIM.attacked
    at = jax.jit(statement.build)(statement.draw_latent(jax.random.key(5)), dropped)
    value = scaled_loss(at.tasks, 1)
    assert np.linalg.norm(np.asarray(jax.grad(value)(at.point))) < 1e-12
    here, energy = jax.device_get(at.tasks), float(at.tasks.energy.sum())
    angles = np.linspace(0, np.pi, 20_001)
    heads = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    right = heads @ here.moment
    mixed = np.einsum("ti,ide->tde", heads**2, here.gram)
    solved = np.linalg.solve(mixed, right[:, :, None])[:, :, 0]
    tried = 1 - np.sum(right * solved, axis=1).max() / energy
    # The grid is 1.6e-4 wide.
    assert float(best(at)) >= tried - 1e-6
    if dropped == NONE:
        assert float(best(at)) <= tried
