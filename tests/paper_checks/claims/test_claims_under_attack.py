"""Mutants of the claims' statements are refuted, and the statements are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims import (
    equation_4,
    equation_5,
    local_minima,
    noisy_copy,
    proposition_1,
    proposition_3,
)
from paper_checks.judge.instance_file import reproduce
from paper_checks.judge.search import at_random
from paper_checks.judge.statement import NONE
from paper_checks.judge.stress import Effort, stress
from tests.paper_checks.claims import (
    test_equation_4,
    test_equation_5,
    test_local_minima,
    test_noisy_copy,
)

KEY = jax.random.key(3)
LITTLE = Effort(
    instances=4_096, starts=8, steps=15, examples=20, instances_dropped=1_024
)
MODULES = (
    proposition_1,
    equation_4,
    equation_5,
    proposition_3,
    local_minima,
    noisy_copy,
)
CLAIMS = {module.CLAIM.id: module.CLAIM for module in MODULES}


def swapped_solutions(given):
    return jnp.sum(given.energy) - jnp.sum(given.moment * given.solutions[::-1])


def first_task_alone(given):
    return jnp.sum(given.energy) - given.moment[0] @ given.solutions[0]


def no_inverse(given):
    _, vector = jnp.linalg.eigh(given.energies)
    return given.right[0] @ (given.size[0][:, None] * vector[:, -2:])


def bottom_eigenvectors(given):
    _, vector = jnp.linalg.eigh(given.energies)
    return given.right[0] @ (vector[:, :2] / given.size[0][:, None])


def without_weights(given):
    return proposition_3.span(given._replace(weights=jnp.ones(3)))


MUTANTS = {
    ("W-P1", "swapped solutions"): swapped_solutions,
    ("W-P1", "first task alone"): first_task_alone,
    ("W-P3", "no inverse"): no_inverse,
    ("W-P3", "bottom eigenvectors"): bottom_eigenvectors,
    ("W-P3", "without weights"): without_weights,
    **test_equation_4.MUTANTS,
    **test_equation_5.MUTANTS,
    **test_local_minima.MUTANTS,
    **test_noisy_copy.MUTANTS,
}


@pytest.mark.long
@pytest.mark.parametrize(("claim", "name"), MUTANTS)
def test_a_mutant_is_refuted_by_an_instance_that_reloads(claim, name, tmp_path):
    mutant = CLAIMS[claim].mutant(MUTANTS[claim, name], name)
    found = stress(mutant, KEY, LITTLE, folder=tmp_path, drop=())
    assert found.refuted
    assert found.path is not None
    again = reproduce(found.path, mutant)
    assert again.same
    assert bool(again.outcome.broken)
    assert bool(again.outcome.feasible)


@pytest.mark.long
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_million_instances_do_not_refute_it(claim):
    found = at_random(CLAIMS[claim].attacked, KEY, 1_000_000)
    assert found.feasible > 800_000
    assert found.broken == 0


@pytest.mark.long
@pytest.mark.parametrize("claim", CLAIMS)
def test_every_hypothesis_is_needed(claim):
    found = stress(CLAIMS[claim].attacked, jax.random.key(11), LITTLE)
    assert not found.refuted
    assert all(worst is not None for worst in found.needed.values()), found.needed


@pytest.mark.long
@pytest.mark.parametrize("claim", CLAIMS)
def test_zeros_are_no_nan(claim):
    """The simplest latent of all, which hypothesis shrinks to."""
    statement = CLAIMS[claim].attacked
    zeros = {name: jnp.zeros(shape) for name, shape in statement.latent.items()}
    given = statement.build(zeros, jnp.asarray(NONE))
    check = statement.conclude(given, KEY)
    sides = [check.lhs, check.rhs, *statement.margins(given)]
    assert not np.isnan(np.asarray(sides, float)).any()
