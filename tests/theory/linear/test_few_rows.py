"""Two tasks of which one has fewer rows than inputs, in Fig 3's regime."""

import jax
import jax.numpy as jnp
import pytest

from simulations.draws.figure_3_tasks import figure_3_tasks
from simulations.sampling import sample_statistics
from theory.linear import two_task_optimum
from theory.tasks import TaskStatistics


@pytest.mark.long
def test_fewer_rows_than_inputs_leave_exact_zeros_that_do_not_spoil_a_certificate():
    def one(key):
        task_key, target_key, source_key = jax.random.split(key, 3)
        tasks = figure_3_tasks(task_key, 20)
        target = sample_statistics(
            target_key, tasks.target_root, tasks.target_parameter, 10.0, 10.0
        )
        source = sample_statistics(
            source_key, tasks.source_roots[2], tasks.source_parameter, 10.0, 1000.0
        )
        both = TaskStatistics.stack([target, source])
        return two_task_optimum(both, jnp.ones(2), full_rank=True)

    found = jax.vmap(one)(jax.random.split(jax.random.key(0), 32))
    assert jnp.all(found.certified)
    assert jnp.all(found.rank == jnp.array([10.0, 20.0]))
