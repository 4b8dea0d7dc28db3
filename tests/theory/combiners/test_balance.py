"""IMTL-G, Aligned-MTL and Nash-MTL against their defining equations."""

import numpy as np
import pytest

from tests.theory.combiners.examples import CLOSE, JIT, K, combined, filled, gradients
from theory import combiners


@pytest.mark.parametrize("kind", ["plain", "conflict", "units"])
@pytest.mark.parametrize("seed", range(3))
def test_imtl_g_projects_equally_on_all_directions(seed, kind):
    rows = gradients(seed, kind)
    weights = np.asarray(JIT["imtl_g"](rows))
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-9)
    size = np.linalg.norm(rows, axis=1)
    direction = rows / size[:, None]
    projected = direction @ (weights * size @ direction)
    np.testing.assert_allclose(
        projected, projected[0], atol=CLOSE * np.abs(weights * size).max()
    )


def test_imtl_g_where_cosines_are_singular():
    opposite = JIT["imtl_g"](filled([[1, 2], [-3, -6]]))
    np.testing.assert_allclose(2 * opposite, [0.75, 0.25, 0.75, 0.25], rtol=1e-12)
    equal = JIT["imtl_g"](filled([[1, 2]]))
    np.testing.assert_allclose(equal, 1 / K, rtol=1e-12)
    # In the plane, only zero has equal projections on these four directions.
    lone = filled([[1, 0], [0, 1], [-1, 0], [0, -1]])
    np.testing.assert_allclose(JIT["imtl_g"](lone) @ lone, 0, atol=1e-12)


@pytest.mark.parametrize("kind", ["plain", "conflict", "flat", "equal", "zero"])
@pytest.mark.parametrize("seed", range(3))
def test_aligned_mtl_takes_the_orthogonal_factor(seed, kind):
    rows = gradients(seed, kind)
    left, size, right = np.linalg.svd(rows, full_matrices=False)
    rank = np.linalg.matrix_rank(rows)
    near = size[rank - 1] * left[:, :rank] @ right[:rank]
    np.testing.assert_allclose(
        combined("aligned", rows), near.sum(0) / K, atol=CLOSE * size[0]
    )


def test_aligned_mtl_counts_a_task_of_a_small_unit():
    rows = np.diag([1.0, 1e-20])
    np.testing.assert_allclose(
        combiners.aligned_mtl_weights(rows), [0.5e-20, 0.5], rtol=1e-12
    )


@pytest.mark.parametrize("kind", ["plain", "conflict", "units", "equal"])
@pytest.mark.parametrize("seed", range(3))
def test_nash_weights_solve_the_bargaining_equation(seed, kind):
    rows = gradients(seed, kind)
    weights = np.asarray(JIT["nash"](rows))
    assert (weights > 0).all()
    size = np.linalg.norm(rows, axis=1)
    scaled, unit = weights * size, rows / size[:, None]
    np.testing.assert_allclose(unit @ unit.T @ scaled * scaled, 1, rtol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(scaled @ unit), K**0.5, rtol=1e-9)


@pytest.mark.parametrize("angle", [1e-3, 1.0, 3.0, np.pi - 1e-5])
def test_nash_weights_of_two_tasks_are_the_closed_form(angle):
    # β = 1/√(1 + cos) for both, and 1 + cos = 2cos²(angle/2).
    rows = np.array([[2.0, 0], [np.cos(angle), np.sin(angle)]])
    beta = 1 / (np.sqrt(2) * np.cos(angle / 2))
    rounding = 1e-14 * beta**2  # cosines know 1 + cos to ε
    found = combiners.nash_weights(rows)
    np.testing.assert_allclose(found, [beta / 2, beta], rtol=1e-12 + rounding)


@pytest.mark.parametrize("seed", range(20))
def test_nash_weights_do_not_exist_where_zero_is_a_convex_combination(seed):
    rows = gradients(seed)
    rows[3] = (
        -(10.0 ** (seed - 10))
        * np.random.default_rng(seed).uniform(size=3)
        @ (rows[:3])
    )
    assert np.isnan(JIT["nash"](rows)).all()


def test_nash_weights_do_not_exist_where_a_gradient_is_zero():
    assert np.isnan(JIT["nash"](gradients(0, "zero"))).all()
