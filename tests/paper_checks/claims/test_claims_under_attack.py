"""Mutants of the claims' statements are refuted, and the statements are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims import (
    equation_4_statement,
    equation_5_statement,
    local_minima_statement,
    noisy_copy_statement,
    proposition_1_statement,
    proposition_3_statement,
)
from paper_checks.judge.instance_file import reproduce
from paper_checks.judge.search import at_random
from paper_checks.judge.statement import NONE
from paper_checks.judge.stress import Effort, stress

KEY = jax.random.key(3)
LITTLE = Effort(
    instances=4_096, starts=8, steps=15, examples=20, instances_dropped=1_024
)
CLAIMS = {
    "W-P1": proposition_1_statement.proposition_1,
    "W-E4": equation_4_statement.equation_4,
    "W-E5": equation_5_statement.equation_5,
    "W-P3": proposition_3_statement.proposition_3,
    "W-LM": local_minima_statement.local_minima,
    "W-EX": noisy_copy_statement.noisy_copy,
}


def swapped_solutions(given):
    return jnp.sum(given.energy) - jnp.sum(given.moment * given.solutions[::-1])


def first_task_alone(given):
    return jnp.sum(given.energy) - given.moment[0] @ given.solutions[0]


def no_square(x, y, b, weights):
    seen = x @ b
    size = jnp.linalg.norm(seen, axis=1) + 1e-100
    return weights @ (jnp.sum(seen * y, 1) / size)


def no_norm(x, y, b, weights):
    return weights @ jnp.sum((x @ b) * y, 1) ** 2


def labels_of_the_other(x, y, b, weights):
    return equation_4_statement.explained(x, y[::-1], b, weights)


def weights_left_out(x, y, b, weights):
    return equation_4_statement.explained(x, y, b, jnp.ones(2))


def turned_back(turned):
    turn = turned.turn.at[1].set(turned.turn[1].T)
    return equation_5_statement.score(turned._replace(turn=turn))


def no_inverse(given):
    _, vector = jnp.linalg.eigh(proposition_3_statement.energies(given))
    return given.right[0] @ (given.size[0][:, None] * vector[:, -2:])


def bottom_eigenvectors(given):
    _, vector = jnp.linalg.eigh(proposition_3_statement.energies(given))
    return given.right[0] @ (vector[:, :2] / given.size[0][:, None])


def without_weights(given):
    return proposition_3_statement.printed(given._replace(weights=jnp.ones(3)))


def a_little_better(given):
    return (1 - 1e-4) * local_minima_statement.best(given)


def first_task_best(given):
    heavy = given._replace(moment=given.moment.at[1].set(0.0))
    return local_minima_statement.best(heavy)


def half_the_angle(given):
    return noisy_copy_statement.bound(given) / 2


def squared_rate(given):
    return noisy_copy_statement.bound(given) ** 2


def swapped_sizes(given):
    return noisy_copy_statement.bound(given._replace(error=given.error[::-1]))


MUTANTS = [
    ("W-P1", swapped_solutions),
    ("W-P1", first_task_alone),
    ("W-E4", no_square),
    ("W-E4", no_norm),
    ("W-E4", labels_of_the_other),
    ("W-E4", weights_left_out),
    ("W-E5", turned_back),
    ("W-P3", no_inverse),
    ("W-P3", bottom_eigenvectors),
    ("W-P3", without_weights),
    ("W-LM", a_little_better),
    ("W-EX", half_the_angle),
    ("W-EX", squared_rate),
    ("W-EX", swapped_sizes),
]


@pytest.mark.long
@pytest.mark.parametrize(("claim", "wrong"), MUTANTS)
def test_a_mutant_is_refuted_by_an_instance_that_reloads(claim, wrong, tmp_path):
    mutant = CLAIMS[claim](wrong, f"{claim} {wrong.__name__}")
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
    found = at_random(CLAIMS[claim](), KEY, 1_000_000)
    assert found.feasible > 800_000
    assert found.broken == 0


@pytest.mark.long
@pytest.mark.parametrize("claim", CLAIMS)
def test_every_hypothesis_is_needed(claim):
    found = stress(CLAIMS[claim](), jax.random.key(11), LITTLE)
    assert not found.refuted
    assert all(worst is not None for worst in found.needed.values()), found.needed


@pytest.mark.long
@pytest.mark.parametrize("claim", CLAIMS)
def test_zeros_are_no_nan(claim):
    """The simplest latent of all, which hypothesis shrinks to."""
    statement = CLAIMS[claim]()
    zeros = {name: jnp.zeros(shape) for name, shape in statement.latent.items()}
    given = statement.build(zeros, jnp.asarray(NONE))
    check = statement.conclude(given, KEY)
    sides = [check.lhs, check.rhs, *statement.margins(given)]
    assert not np.isnan(np.asarray(sides, float)).any()
