"""Gains where columns nearly depend, labels have no noise, or rows come in groups."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.advice.rows import centred_rows
from theory.risk import estimate_gain, pairwise_gains, task_estimates
from theory.risk.gain_result import REASONS
from theory.risk.row_scores import condition_columns, row_statistics
from theory.tasks import Tasks, TaskStatistics

# net, gross (net with tax, to the cent), ads, sales
NORTH = """
6095.69 7253.87 2.4 9.14
1132.22 1347.34 7.3 8.79
5853.09 6965.18 6.6 11.75
8480.58 10091.89 7.3 15.82
7859.23 9352.48 0.3 6.91
2405.24 2862.24 7.8 9.89
3397.7 4043.26 3.8 7.07
1994.27 2373.18 6.0 8.35
5923.08 7048.47 3.5 8.68
8846.68 10527.55 6.2 15.27
6507.57 7744.01 3.5 9.85
"""
SOUTH = """
5094.57 6062.54 8.6 14.03
8589.2 10221.15 2.8 11.84
7621.62 9069.73 3.7 11.69
1220.47 1452.36 6.8 8.57
3637.85 4329.04 7.1 10.26
4627.98 5507.3 1.2 5.54
2627.64 3126.89 2.4 5.04
3243.27 3859.49 4.4 8.65
8693.26 10344.98 6.5 15.02
3215.13 3826.0 1.4 4.83
1926.92 2293.03 5.6 7.15
"""
SHAPE = (2, 11, 3)
pair_gain = jax.jit(lambda statistics: estimate_gain(statistics, jnp.ones(2)))
from_rows = jax.jit(
    lambda rows, groups: estimate_gain(
        rows.statistics(), jnp.ones(2), rows=rows, groups=groups
    )
)


def statistics(x: list[np.ndarray], y: list[np.ndarray]) -> TaskStatistics:
    return centred_rows(x, y).statistics()


def drawn(seed: int, noise: float = 1.0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=SHAPE[1:]) for _ in range(2)]
    y = [one @ [1.0, -2, 3] + noise * rng.normal(size=len(one)) for one in x]
    return x, y


def test_nearly_collinear_columns_have_the_exact_gain():
    tables = [np.array(t.split(), float).reshape(-1, 4) for t in (NORTH, SOUTH)]
    x, y = [t[:, :3] for t in tables], [t[:, 3] for t in tables]
    for found in (statistics(x, y), centred_rows(x, y).orthogonal()[0]):
        gain = pairwise_gains(found).relative
        # In 120 digits; the condition number of the Gram matrices is 1e9.
        np.testing.assert_allclose(gain.gain[0, 1], 0.224, atol=5e-4)
        np.testing.assert_allclose(gain.gain[1, 0], 0.181, atol=6e-4)
        assert np.all(np.asarray(gain.high) < 1)


@pytest.mark.parametrize("jitter", [1e-3, 1e-5, 1e-6, 1e-8, 1e-10])
def test_jitter_between_equal_columns_does_not_change_the_gain(jitter):
    x, y = drawn(0)
    base = [np.c_[one[:, 0], one[:, 0] + one[:, 1], one[:, 2]] for one in x]
    near = [np.c_[one[:, 0], one[:, 0] + jitter * one[:, 1], one[:, 2]] for one in x]
    # The columns span the same space, so the gain is the same.
    known = float(pair_gain(statistics(base, y)).relative.gain)
    samples = jnp.full(2, 10.0)
    # Rounding of rows over the jitter; the labels' means are not in the inputs' span.
    y0 = [one - one.mean() for one in y]
    rows = Tasks.from_data(centred_rows(near, y).covariates, y0)
    found = pair_gain(row_statistics(condition_columns(rows, samples), samples))
    np.testing.assert_allclose(found.relative.gain, known, atol=1e-13 / jitter)
    if jitter > 3e-7:
        direct = pair_gain(statistics(near, y))
        np.testing.assert_allclose(
            direct.relative.gain, known, atol=1e-9 + 1e-14 / jitter**2
        )
        assert direct.reason == ""


def test_a_column_constant_but_for_rounding_is_constant():
    x, y = drawn(1)
    x[1][:, 2] = np.where(np.arange(11) % 2, 0.1 + 0.2, 0.3)
    same = [x[0], x[1].copy()]
    same[1][:, 2] = 0.3
    found = []
    for one in (x, same):
        # Statistics of the means' rounding too: what `centred_rows` would mend.
        centred = [c - c.mean(axis=0) for c in one], [c - c.mean() for c in y]
        rows = Tasks.from_data(*centred)
        found.append(pair_gain(rows.statistics()).relative)
    np.testing.assert_allclose(found[0].gain, found[1].gain, rtol=1e-9)
    assert np.asarray(found[0].high) < 1
    assert not np.any(centred_rows(x, y).covariates[1][:, 2])


def test_labels_without_noise_are_reported_and_not_their_rounding():
    x, _ = drawn(2)
    x = [np.round(one, 1) for one in x]
    y = [one[:, 0] - 2 * one[:, 1] for one in x]
    found = pair_gain(statistics(x, y))
    assert found.reason == REASONS[1]
    for value in (found.gain, found.low, found.high, found.relative.high):
        assert np.isnan(value)
    rows = centred_rows(x, y)
    made, orthogonal = rows.orthogonal()
    assert not np.any(task_estimates(made, orthogonal).noise_variance)


def test_noise_far_below_the_labels_comes_from_rows():
    x, y = drawn(2, 1e-7)
    made, rows = centred_rows(x, y).orthogonal()
    found = task_estimates(made, rows).noise_variance
    for one, label, noise in zip(x, y, found, strict=True):
        design = np.c_[np.ones(11), one]
        left = label - design @ np.linalg.lstsq(design, label, rcond=None)[0]
        np.testing.assert_allclose(noise, left @ left / 7, rtol=1e-6)


def test_no_bound_passes_all_of_the_error():
    rng = np.random.default_rng(3)
    for _ in range(20):
        x = [rng.normal(size=SHAPE[1:]) for _ in range(2)]
        y = [rng.normal(size=11) * rng.exponential() for _ in range(2)]
        found = pair_gain(statistics(x, y)).relative
        assert found.gain <= 1
        assert found.high <= 1
        assert found.low <= found.gain <= found.high


def test_few_rows_withhold_the_interval_but_not_the_estimate():
    x = [np.array([[1.0], [2], [3], [4]])] * 2
    y = [np.array([1.0, 2.1, 2.9, 4.2]), np.array([1.1, 1.9, 3.2, 3.9])]
    found = estimate_gain(statistics(x, y), np.ones(2))
    assert np.isfinite(found.gain)
    assert np.isnan(found.low)
    assert np.isnan(found.relative.high)
    assert str(found.reason).startswith("a task has fewer than 5 rows")


def test_derivatives_are_finite_and_right_where_eigenvalues_meet():
    rng = np.random.default_rng(0)
    grid = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8)
    x = grid.T.repeat(2, 0).astype(float)
    y = [x @ [1.0, 2, 3] + rng.normal(size=16) for _ in range(2)]
    tied = TaskStatistics.from_data([x, x], y)
    slope = jax.grad(lambda w: estimate_gain(tied, w).gain)(jnp.ones(2))
    # A central difference with steps of 1e-4.
    np.testing.assert_allclose(slope[0], -0.060527669, rtol=1e-7)
    np.testing.assert_allclose(slope[1], -slope[0], rtol=1e-9)

    def noise(gram: jax.Array) -> jax.Array:
        changed = TaskStatistics(gram, tied.moment, tied.energy, tied.samples)
        return task_estimates(changed).noise_variance[0]

    theta = task_estimates(tied).parameters[0]
    found = jax.grad(noise)(tied.gram)[0]
    np.testing.assert_allclose(found, np.outer(theta, theta) / 13, rtol=1e-10)
    bound = jax.grad(lambda w: estimate_gain(tied, w).relative.low)(jnp.ones(2))
    assert np.all(np.isfinite(bound))


def test_groups_need_rows_and_one_group_a_row():
    x, y = drawn(4)
    rows = Tasks.from_data(x, y)
    with pytest.raises(ValueError, match="groups are of rows: give rows too"):
        estimate_gain(rows.statistics(), np.ones(2), groups=np.zeros((2, 11)))
    with pytest.raises(ValueError, match=r"groups must be 2 x 11.*\(2, 10\)"):
        estimate_gain(
            rows.statistics(), np.ones(2), rows=rows, groups=np.zeros((2, 10))
        )
    alone = from_rows(rows, jnp.broadcast_to(jnp.arange(11), (2, 11)))
    plain = pair_gain(rows.statistics())
    # Two estimates of one gain, which differ by their noise alone.
    assert abs(float(alone.gain - plain.gain)) < float(plain.high - plain.low)
    few = from_rows(rows, jnp.broadcast_to(jnp.arange(11) // 2, (2, 11)))
    assert str(few.reason).startswith("a task has fewer than 5 rows (or groups)")
