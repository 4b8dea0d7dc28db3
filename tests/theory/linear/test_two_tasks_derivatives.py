"""Derivatives of the certified optimum of two tasks against differences."""

import jax
import jax.numpy as jnp

from tests.strategies import join, statistics
from tests.theory.differences import differences_agree
from theory.linear import SharedOptimum, two_task_optimum
from theory.tasks import TaskStatistics


def optimum(gram, moment, energy, samples, weights) -> SharedOptimum:
    tasks = TaskStatistics((gram + gram.mT) / 2, moment, energy, samples)
    return jax.vmap(lambda one: two_task_optimum(one, weights))(tasks)


def test_derivatives_are_those_of_differences():
    found = join(*(statistics(seed, 2, 4) for seed in range(4)))
    point = (*jax.tree.leaves(found), jnp.array([0.7, 1.6]))
    # The angle is known to √ε times a little and differences divide it by 1e-4; their
    # truncation is 1e-8 times third derivatives.
    for field, room in (("loss", 1e-6), ("parameters", 1e-4)):
        differences_agree(
            lambda *x, field=field: getattr(optimum(*x), field),
            point,
            step=1e-4,
            rtol=room,
            atol=room,
        )
