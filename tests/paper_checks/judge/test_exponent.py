import itertools

import numpy as np
import pytest

from paper_checks.judge.exponent import exponent

X = np.array([0.02, 0.04, 0.1, 0.3])


def test_a_power_law_is_found():
    found = exponent(X, 7 * X**-2, 7 * X**-2)
    np.testing.assert_allclose(found[:3], -2, rtol=1e-12)
    assert found.points == 4


def test_the_interval_is_that_of_all_values_within_the_brackets():
    rng = np.random.default_rng(0)
    low = X**1.5 * np.exp(rng.uniform(-0.2, 0, 4))
    high = low * np.exp(rng.uniform(0, 0.4, 4))
    found = exponent(X, low, high)
    # A linear function of the logarithms is extreme at corners.
    slopes = [
        np.polyfit(np.log(X), np.log(np.where(corner, high, low)), 1)[0]
        for corner in itertools.product([0, 1], repeat=4)
    ]
    np.testing.assert_allclose([found.low, found.high], [min(slopes), max(slopes)])
    middle = np.polyfit(np.log(X), np.log(np.sqrt(low * high)), 1)[0]
    assert found.value == pytest.approx(middle)


@pytest.mark.parametrize(
    ("x", "low", "high", "message"),
    [
        ([1.0], [1.0], [1.0], "two different x"),
        ([1.0, 1.0], [1.0, 1.0], [2.0, 2.0], "two different x"),
        ([1.0, 2.0], [1.0], [1.0, 2.0], "a bracket each"),
        ([0.0, 2.0], [1.0, 1.0], [1.0, 2.0], "x must be finite and above 0"),
        ([1.0, 2.0], [0.0, 1.0], [1.0, 2.0], "low must be finite and above 0"),
        ([1.0, 2.0], [1.0, 1.0], [1.0, np.inf], "high must be finite"),
        ([1.0, 2.0], [2.0, 1.0], [1.0, 2.0], "high must be at least low"),
    ],
)
def test_what_has_no_slope_is_refused(x, low, high, message):
    with pytest.raises(ValueError, match=message):
        exponent(np.array(x), np.array(low), np.array(high))
