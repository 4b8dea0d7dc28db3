import jax
import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.claims.noisy_copy import CLAIM, THETA, angle, bound
from paper_checks.studies import noisy_copies

KEYS = jax.random.split(jax.random.key(0), 8)


def half_the_angle(given):
    return bound(given) / 2


def squared_rate(given):
    return bound(given) ** 2


def swapped_sizes(given):
    return bound(given._replace(error=given.error[::-1]))


MUTANTS = {
    ("W-EX", "half the angle"): half_the_angle,
    ("W-EX", "squared rate"): squared_rate,
    ("W-EX", "swapped sizes"): swapped_sizes,
}


def holds(cosine) -> list[bool]:
    """Of curves, whether they grow and end at 1."""
    problems = jax.vmap(noisy_copies.problem)(KEYS, jnp.ones(len(KEYS)))
    curves = noisy_copies.Curves(*problems, jnp.asarray(cosine))
    both = [route(curves, KEYS) for route in (noisy_copies.falls, noisy_copies.ends)]
    return np.all([check.holds for check in both], axis=0).tolist()


@pytest.mark.long
def test_the_cosine_grows_to_one_with_the_clean_tasks_weight_alone():
    cosine = np.asarray(noisy_copies.curves(KEYS).cosine)
    assert all(holds(cosine))
    assert not noisy_copies.copy_grows(KEYS).holds.any()
    for place, planted in [
        (0, 2.0),
        (7, -2.0),
        (-1, -2.0),
        *((p, np.nan) for p in (0, 7, -1)),
    ]:
        spoiled = cosine.copy()
        spoiled[2, place] = planted
        assert holds(spoiled) == [row != 2 for row in range(len(KEYS))]


def test_a_curve_must_grow_and_end_at_one():
    curves = [
        [0.1, 0.5, 0.9],
        [0.1, 0.5, 1 - 1e-9],
        [0.5, 0.4, 1.0],
        [0.1, np.nan, 1.0],
    ]
    assert holds(curves) == [False, True, False, False]


def test_angles_are_those_of_singular_vectors():
    found = jax.jit(angle)
    statement = CLAIM.attacked
    near = statement.build(statement.draw_latent(KEYS[0]), jnp.asarray(-1))
    # A copy that points away from θ gets a head of the other sign.
    away = near._replace(error=near.error.at[1].set(jnp.array([-2.5, 0.3])))
    for given in (near, away):
        half = np.linalg.cholesky(np.asarray(given.gram[0])).T
        for weight in (given.low, given.high):
            scaled = np.asarray(THETA + given.error) * np.sqrt([[float(weight)], [1.0]])
            u, _, vt = np.linalg.svd(half @ scaled.T)
            shared = np.linalg.solve(half, u[:, 0]) * np.sign(vt[0, 0])
            expected = np.arctan2(abs(shared[1]), shared[0])
            assert float(found(given, weight)) == pytest.approx(expected, abs=1e-9)
