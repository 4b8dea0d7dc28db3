import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.training import Trained, train_linear
from tests.strategies import Kind, Problem
from theory.linear import two_task_optimum
from theory.linear.loss import loss
from theory.tasks import TaskStatistics

STARTS = 4
WEIGHTS = jnp.asarray([0.5, 2.0])


def trained(seed: int, kind: Kind = "plain") -> tuple[TaskStatistics, Trained]:
    tasks, _ = Problem(seed, (2, 4), kind).build()
    key = jax.random.key(seed)
    return tasks, train_linear(tasks, 1, WEIGHTS, key, starts=STARTS)


@pytest.mark.parametrize("kind", ["plain", "columns"])
@pytest.mark.parametrize("seed", range(4))
def test_it_reaches_the_certified_optimum(seed, kind):
    tasks, found = trained(seed, kind)
    best = two_task_optimum(tasks, WEIGHTS)
    energy = float(WEIGHTS @ tasks.energy)
    assert best.certified
    # Training settles the loss to 1e-10 of the energy, and never goes below f*.
    assert abs(float(found.loss - best.loss)) < 1e-9 * energy
    assert float(found.loss) >= float(best.lower_bound) - 1e-12 * energy


def test_it_reports_its_best_start_its_spread_and_its_gradient():
    tasks, found = trained(1)
    assert found.losses.shape == found.steps.shape == (STARTS,)
    assert float(found.loss) == pytest.approx(float(found.losses.min()), rel=1e-15)
    assert (found.steps >= 1).all()
    assert 0 <= float(found.gradient) < 1e-6
    # Columns are scaled within, and the module must be in the units of the rows.
    value = loss(tasks, found.shared, found.heads, WEIGHTS)
    assert float(value) == pytest.approx(float(found.loss), rel=1e-10)


def test_starts_depend_on_the_key_alone():
    _, first = trained(2)
    tasks, second = trained(2)
    np.testing.assert_array_equal(first.losses, second.losses)
    other = train_linear(tasks, 1, WEIGHTS, jax.random.key(99), starts=STARTS)
    assert (other.steps != first.steps).any()
