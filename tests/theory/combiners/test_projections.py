"""PCGrad and GradVac against their algorithms."""

from itertools import permutations

import numpy as np
import pytest

from tests.theory.combiners.examples import (
    CLOSE,
    JIT,
    JIT_PCGRAD,
    ORDER,
    PAIR_ORDER,
    K,
    N,
    combined,
    every,
    gradients,
)
from theory import combiners


@every
@pytest.mark.parametrize("seed", range(3))
def test_pcgrad_is_its_algorithm(seed, kind):
    rows, expected = gradients(seed, kind), np.zeros(N)
    for i, row in enumerate(rows):
        for j in ORDER[i]:
            inner = row @ rows[j]
            if inner < 0:
                row = row - inner / (rows[j] @ rows[j]) * rows[j]
        expected += row
    size = np.abs(rows).max()
    np.testing.assert_allclose(combined("pcgrad", rows), expected, atol=CLOSE * size)


def test_the_order_of_projections_counts():
    rows = gradients(0, "conflict")
    found = {
        float(np.round(JIT_PCGRAD(rows, ORDER[:, list(turn)])[0], 6))
        for turn in permutations(range(K - 1))
    }
    assert len(found) > 1


@pytest.mark.parametrize("target", [-0.5, 0.0, 0.7])
def test_gradvac_turns_two_gradients_to_the_target(target):
    rows = np.array([[1.0, 0, 0], [-2.0, 1, 0]])
    targets = np.full((2, 2), target)
    found = combiners.gradvac(rows, order=PAIR_ORDER, targets=targets)
    cosine = -2 / 5**0.5
    np.testing.assert_allclose(found.cosine, [[1, cosine], [cosine, 1]], rtol=1e-12)
    turned = []
    for row, other in zip(rows, rows[::-1], strict=True):
        size, far = np.linalg.norm(row), np.linalg.norm(other)
        sine = np.sqrt(1 - cosine**2)
        more = target * sine - cosine * np.sqrt(1 - target**2)
        turned.append(row + size * more / (far * np.sqrt(1 - target**2)) * other)
        reached = turned[-1] @ other / np.linalg.norm(turned[-1]) / far
        np.testing.assert_allclose(reached, target, atol=1e-12)
    np.testing.assert_allclose(found.gradient, sum(turned), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_gradvac_with_targets_of_zero_is_pcgrad(seed):
    rows = gradients(seed, "conflict")
    found = JIT["gradvac"](rows, np.zeros((K, K)))
    expected = JIT["pcgrad"](rows)
    np.testing.assert_allclose(found.gradient, expected, atol=CLOSE)
