"""Ridge errors on rows left out are those of refits without them."""

import numpy as np
import pytest

from theory.risk.ridge import ridge, ridge_left_out

PENALTIES = np.array([1e-3, 1.0, 100.0, np.inf])


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """More columns than rows, two tasks of different level."""
    rng = np.random.default_rng(seed)
    x, task = rng.normal(size=(18, 30)) + 1, np.repeat([0, 1], [8, 10])
    return x, x[:, 0] + rng.normal(size=18) + 5 * task, task


def refit(x, y, task, penalty, out, intercept) -> np.ndarray:
    """Errors on rows that are left out, by augmented least squares."""
    levels = (task[:, None] == np.unique(task[~out])).astype(float)
    levels = levels if intercept else levels[:, :0]
    if np.isinf(penalty):
        x = x[:, :0]
    whole, k = np.hstack([levels, x]), levels.shape[1]
    rows = np.zeros((x.shape[1], whole.shape[1]))
    rows[:, k:] = np.sqrt(penalty) * np.eye(x.shape[1]) if x.size else 0
    stack, right = (
        np.vstack([whole[~out], rows]),
        np.append(y[~out], np.zeros(len(rows))),
    )
    if not stack.size:
        return y[out]
    return y[out] - whole[out] @ np.linalg.lstsq(stack, right, rcond=None)[0]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("clustered", [True, False])
def test_errors_are_those_of_refits(intercept, clustered):
    x, y, task = data()
    # Rows 4 to 7 of the first task are rows of the second too.
    cluster = np.append(np.arange(8), np.arange(4, 14)) if clustered else None
    factors = ridge(x, y, task, intercept=intercept)
    found = ridge_left_out(factors, PENALTIES, cluster)
    cluster = np.arange(18) if cluster is None else cluster
    for one in np.unique(cluster):
        out = cluster == one
        for column, penalty in enumerate(PENALTIES):
            wanted = refit(x, y, task, penalty, out, intercept)
            # Condition of the refits is up to 3e5.
            np.testing.assert_allclose(found[out, column], wanted, rtol=1e-8)


def test_the_slope_solves_the_normal_equations():
    x, y, task = data()
    factors = ridge(x, y, task)
    means = np.stack([x[task == i].mean(axis=0) for i in (0, 1)])
    levels = np.array([y[task == i].mean() for i in (0, 1)])
    z, v = x - means[task], y - levels[task]
    wanted = np.linalg.solve(z.T @ z + 2 * np.eye(30), z.T @ v)
    np.testing.assert_allclose(factors.slope(2.0), wanted, rtol=1e-9, atol=1e-12)
    assert not factors.slope(np.inf).any()
    missed = factors.errors(x[:3], y[:3], 1, 2.0)
    np.testing.assert_allclose(missed, y[:3] - levels[1] - (x[:3] - means[1]) @ wanted)


def test_a_row_that_fits_itself_has_no_error_without_a_penalty():
    x = np.zeros((6, 2))
    x[:, 0], x[0, 1] = np.arange(6.0), 1
    factors = ridge(x, np.array([3.0, 1, 2, 2, 5, 4]), np.zeros(6, int))
    found = ridge_left_out(factors, [0.0, 1.0])
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[1:]).all()
    assert np.isfinite(found[0, 1])
    whole = ridge_left_out(factors, [1.0], np.zeros(6, int))
    assert np.isnan(whole).all()


def test_bad_arguments_are_refused():
    x, y, task = data()
    with pytest.raises(ValueError, match="labels must be a list of 18"):
        ridge(x, y[:4], task)
    with pytest.raises(ValueError, match=r"penalty\[0\] must be >= 0"):
        ridge_left_out(ridge(x, y, task), [-1.0])
    with pytest.raises(ValueError, match="cluster"):
        ridge_left_out(ridge(x, y, task), [1.0], [1, 2])
