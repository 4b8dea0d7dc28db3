"""The similarity score against its definition, and what it does not see."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theory.differences import differences_agree
from theory.covariance import (
    condition_number,
    gram_similarity,
    similarity,
    similarity_matrix,
    truncated_covariance,
    whitening_maps,
)
from theory.tasks import TaskStatistics

SEED = st.integers(0, 2**31)
# (m_1, m_2, d): tall, wide, one of each, one column. Each is a compilation.
SHAPES = st.sampled_from([(30, 40, 6), (3, 4, 6), (30, 3, 6), (9, 7, 1)])
ENERGY = st.sampled_from([0.5, 0.9, 0.99, 1.0])
# Scores are O(1) and come from d ≤ 6 eigenvalues of a Gram matrix; the square root
# of a product below ε is the worst case, so products are compared, to 1e3 ε.
ROUNDING = 1e3 * np.finfo(float).eps


def rows(seed: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    m1, m2, d = shape
    rng = np.random.default_rng(seed)
    spread = np.geomspace(1, 10, d)
    return (
        rng.normal(size=(m1, d)) * spread,
        rng.normal(size=(m2, d)) * rng.permutation(spread),
    )


def rotation(seed: int, d: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def printed_root(x: np.ndarray, energy: float) -> np.ndarray:
    """`U_iD_i^½` of eq 5, from a singular value decomposition of the rows."""
    _, size, right = np.linalg.svd(x, full_matrices=False)
    share = np.cumsum(size**2) / np.sum(size**2)
    rank = 1 + int(np.sum(share < energy - 1e-12))
    return right[:rank].T * size[:rank]


def printed_score(x1: np.ndarray, x2: np.ndarray, energy: float) -> float:
    one, two = printed_root(x1, energy), printed_root(x2, energy)
    return float(
        np.linalg.norm(one.T @ two) / np.linalg.norm(one) / np.linalg.norm(two)
    )


@settings(max_examples=40)
@given(seed=SEED, shape=SHAPES, energy=ENERGY)
def test_equals_eq_5_on_the_rows(seed, shape, energy):
    x1, x2 = rows(seed, shape)
    expected = printed_score(x1, x2, energy)
    assert abs(similarity(x1, x2, energy=energy) ** 2 - expected**2) < ROUNDING
    both = np.sqrt(printed_score(x1, x1, energy) * printed_score(x2, x2, energy))
    found = similarity(x1, x2, energy=energy, normalised=True)
    assert abs(found**2 - (expected / both) ** 2) < ROUNDING


@settings(max_examples=40)
@given(seed=SEED, shape=SHAPES, energy=ENERGY)
def test_score_of_a_task_with_itself(seed, shape, energy):
    x, _ = rows(seed, shape)
    kept = np.linalg.norm(printed_root(x, energy), axis=0) ** 2
    expected = np.sqrt(np.sum(kept**2)) / np.sum(kept)
    assert abs(similarity(x, x, energy=energy) - expected) < ROUNDING
    assert abs(similarity(x, x, energy=energy, normalised=True) - 1) < ROUNDING


@settings(max_examples=40)
@given(seed=SEED, shape=SHAPES, factor=st.sampled_from([1e-100, -0.3, 1e100]))
def test_a_common_rotation_and_a_factor_change_nothing(seed, shape, factor):
    x1, x2 = rows(seed, shape)
    q = rotation(seed + 1, shape[2])
    for normalised in (False, True):
        score = similarity(x1, x2, normalised=normalised)
        turned = similarity(factor * x1 @ q, x2 @ q, normalised=normalised)
        assert abs(turned**2 - score**2) < ROUNDING


@pytest.mark.parametrize("normalised", [False, True])
def test_rotating_one_task_by_a_right_angle_takes_the_score_to_zero(normalised):
    x = np.zeros((4, 4))
    x[:, :2] = np.random.default_rng(0).normal(size=(4, 2))
    angles = np.linspace(0, np.pi / 2, 7)
    scores = []
    for c, s in zip(np.cos(angles), np.sin(angles), strict=True):
        turn = np.kron(np.array([[c, -s], [s, c]]), np.eye(2))
        scores.append(float(similarity(x, x @ turn.T, normalised=normalised)))
    # tr(H R H Rᵀ) = cos² tr(H²) when the kept plane turns into its complement.
    np.testing.assert_allclose(scores, np.cos(angles) * scores[0], atol=1e-12)
    assert scores[-1] < 1e-12


@settings(max_examples=40)
@given(seed=SEED)
def test_normalised_score_is_one_only_for_proportional_covariances(seed):
    x1, x2 = rows(seed, (30, 40, 6))
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(50, 30)))[0]
    # Other rows, 50 for 30, with a proportional XᵀX.
    assert abs(similarity(x1, 3 * q @ x1, normalised=True) - 1) < ROUNDING
    assert similarity(x1, x2, normalised=True) < 1 - 1e-6
    assert similarity(x1, x2) <= 1


def test_equal_eigenvalues_are_counted_as_the_share_says():
    # 100 equal eigenvalues: 99 of them are 99 %, whatever rounding makes of it.
    assert float(similarity(np.eye(100), np.eye(100))) == pytest.approx(99**-0.5)
    whole = similarity(np.eye(100), np.eye(100), energy=1.0)
    assert float(whole) == pytest.approx(0.1)


@settings(max_examples=40)
@given(seed=SEED, normalised=st.booleans())
def test_gram_and_matrix_forms_agree_with_rows(seed, normalised):
    x1, x2 = rows(seed, (30, 40, 6))
    y = np.random.default_rng(seed)
    tasks = TaskStatistics.from_data(
        [x1, x2, x1[:4]], [y.normal(size=n) for n in (30, 40, 4)]
    )
    table = similarity_matrix(tasks, normalised=normalised)
    np.testing.assert_allclose(table, table.T, rtol=ROUNDING)
    np.testing.assert_array_equal(
        table, similarity_matrix(tasks.gram, normalised=normalised)
    )
    for index, (one, two) in {(0, 1): (x1, x2), (2, 1): (x1[:4], x2)}.items():
        score = similarity(one, two, normalised=normalised)
        grams = gram_similarity(one.T @ one, two.T @ two, normalised=normalised)
        assert abs(table[index] - score) < ROUNDING
        assert abs(grams - score) < ROUNDING


@pytest.mark.parametrize("m", [30, 4])
@pytest.mark.parametrize("normalised", [False, True])
def test_derivative_is_that_of_finite_differences(m, normalised):
    rng = np.random.default_rng(3)

    def score(*x: jax.Array) -> jax.Array:
        return similarity(*x, energy=0.8, normalised=normalised)

    point = (rng.normal(size=(m, 6)), rng.normal(size=(20, 6)))
    # Central differences err by h² and by ε/h.
    differences_agree(score, point, step=1e-5, atol=1e-8)


def test_derivative_is_finite_where_eigenvalues_meet_and_at_a_score_of_zero():
    equal = jax.grad(lambda g: gram_similarity(g, jnp.diag(jnp.array([1.0, 2, 3]))))
    assert jnp.all(jnp.isfinite(equal(jnp.eye(3))))
    zero = jax.grad(lambda g: gram_similarity(g, jnp.diag(jnp.array([0.0, 0, 1]))))
    assert jnp.all(jnp.isfinite(zero(jnp.diag(jnp.array([1.0, 1, 0])))))


def test_truncated_covariance_has_the_least_rank_that_covers_the_share():
    gram = jnp.diag(jnp.array([6.0, 1.0, 3.0, 0.0]))
    kept = {0.6: [6, 0, 0, 0], 0.61: [6, 0, 3, 0], 0.9: [6, 0, 3, 0], 1.0: [6, 1, 3, 0]}
    for energy, expected in kept.items():
        np.testing.assert_allclose(
            truncated_covariance(gram, energy), np.diag(expected), atol=1e-12
        )


def test_works_under_vmap_and_in_32_bits():
    x1, x2 = (jnp.asarray(x) for x in rows(0, (30, 40, 6)))
    expected = similarity(x1, x2)
    many = jax.vmap(similarity, (0, None))(jnp.stack([x1, 2 * x1]), x2)
    np.testing.assert_allclose(many, [expected] * 2, rtol=1e-12)
    # Entries whose squares overflow 32-bit floats.
    short = similarity(
        jnp.float32(1e30) * x1.astype(jnp.float32), x2.astype(jnp.float32)
    )
    assert short.dtype == jnp.float32
    assert abs(short - expected) < 1e-5


def test_condition_number():
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.normal(size=(40, 5)))[0]
    x = left * np.geomspace(1, 1e-8, 5) @ rotation(1, 5)
    # Relative error of the least singular value: ε κ.
    assert float(condition_number(x)) == pytest.approx(1e8, rel=1e-6)
    assert float(condition_number(np.eye(3, dtype=np.float32))) == pytest.approx(1)
    slope = jax.grad(lambda t: condition_number(jnp.diag(jnp.stack([t, 2.0]))))(8.0)
    assert float(slope) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "x",
    [
        np.ones((5, 2)),
        np.ones((1, 2)),
        np.zeros((3, 2)),
        np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]),
    ],
)
def test_condition_number_is_infinite_where_a_direction_is_not_seen(x):
    assert np.isinf(condition_number(x))


def test_rounding_of_a_gram_matrix_is_no_asymmetry():
    x = np.random.default_rng(0).normal(size=(40, 6)) * np.logspace(-6, 6, 6)
    x[:, 5] = x[:, 0]
    gram = x.T @ x
    # A sum over 1e7 rows may be off by as many ε.
    off = gram * (1 + 1e7 * np.finfo(float).eps * np.triu(np.ones((6, 6)), 1))
    assert float(gram_similarity(off, gram, normalised=True)) == pytest.approx(1)


@pytest.mark.parametrize("factor", [1e-307, 1e-200, 1e200, 2e307])
def test_gram_matrices_of_any_size_have_one_score(factor):
    one, other = np.eye(6), np.diag(np.arange(1.0, 7.0))
    for normalised in (False, True):
        score = gram_similarity(one, other, normalised=normalised)
        found = gram_similarity(factor * one, other, normalised=normalised)
        assert abs(found**2 - score**2) < ROUNDING


@pytest.mark.parametrize("reference", [0, 2])
def test_whitening_gives_all_tasks_one_covariance(reference):
    x = np.random.default_rng(3).normal(size=(3, 20, 4))
    grams = jnp.asarray(np.swapaxes(x, 1, 2) @ x)
    maps = whitening_maps(grams, reference)
    found = jnp.swapaxes(maps, 1, 2) @ grams @ maps
    wanted = np.broadcast_to(grams[reference], found.shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(maps[reference], np.eye(4), atol=1e-12)


def test_covariances_do_not_say_which_whitening_is_right():
    # Turned inputs: both R = U and the symmetric roots make the covariances equal.
    first = np.diag([9.0, 1.0])
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    pair = jnp.asarray(np.stack([first, turn @ first @ turn.T]))
    found = np.array(whitening_maps(pair)[1])
    for one in (found, turn):
        np.testing.assert_allclose(one.T @ pair[1] @ one, first, atol=1e-12)
    assert np.abs(found - turn).max() > 0.1
    flat = pair.at[1].set(jnp.diag(jnp.array([1.0, 0])))
    assert np.isfinite(jax.jit(whitening_maps)(flat)).all()
