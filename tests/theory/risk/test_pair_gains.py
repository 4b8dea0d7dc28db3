"""Gains of pairs by orthogonal factors: as from statistics, and with common rows."""

import jax
import numpy as np
import pytest

from simulations.advice.rows import centred_rows
from theory.risk import estimate_gain
from theory.risk.gain_estimate import normal_score
from theory.risk.pair_gains import PairGains, pair_gains
from theory.risk.row_factors import common_groups, row_factors

SCORE = normal_score(0.95)
LEAVES = ("gain", "low", "high", "alone", "noise", "share_low", "share_high")


def pairs(
    x: list[np.ndarray], y: list[np.ndarray], clusters: list[np.ndarray] | None = None
) -> PairGains:
    rows = centred_rows(x, y)
    padded, groups, links = rows.padded(), None, None
    if clusters is not None:
        groups, links = common_groups(clusters, padded.labels.shape[1])
    return pair_gains(row_factors(padded, rows.samples(), groups), SCORE, links)


def test_they_are_those_of_statistics_and_of_rows():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(m, 3)) for m in (20, 30)]
    y = [one @ [1.0, 2, 3] + rng.normal(size=len(one)) for one in x]
    y[1] += x[1][:, 0]
    rows = centred_rows(x, y)
    statistics, padded = rows.statistics(), rows.padded()
    found = pairs(x, y)
    for source, target in ((0, 1), (1, 0)):
        one = estimate_gain(statistics, np.ones(2), target=target)
        any_noise = estimate_gain(statistics, np.ones(2), target=target, rows=padded)
        for name in LEAVES:
            for wanted, mine in ((one, found.equal), (any_noise, found.any_noise)):
                value = getattr(mine, name)[source, target]
                np.testing.assert_allclose(value, getattr(wanted, name), rtol=1e-9)
    assert not np.any(np.diag(found.equal.gain))


def test_a_column_that_one_task_does_not_see_is_fitted_by_the_other():
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(m, 3)) for m in (20, 30)]
    x[0][:, 2] = 7.0
    y = [one @ [1.0, 2, 3] + rng.normal(size=len(one)) for one in x]
    rows = centred_rows(x, y)
    found = pairs(x, y)
    for source, target in ((0, 1), (1, 0)):
        wanted = estimate_gain(rows.statistics(), np.ones(2), target=target)
        for name in ("gain", "low", "high"):
            value = getattr(found.equal, name)[source, target]
            np.testing.assert_allclose(value, getattr(wanted, name), rtol=1e-9)


def test_a_copy_gains_nothing_with_certainty():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    y = x @ [1.0, 2, 3] + rng.normal(size=30)
    found = pairs([x, x.copy()], [y, y.copy()], [np.arange(30)] * 2)
    for gain in (found.equal, found.any_noise):
        for name in ("gain", "low", "high", "share_low", "share_high"):
            np.testing.assert_allclose(getattr(gain, name), 0, atol=1e-13)
    np.testing.assert_allclose(found.correlation, 1, rtol=1e-12)
    # Without knowing so, noise would be saved.
    assert pairs([x, x.copy()], [y, y.copy()]).equal.relative.gain[1, 0] > 0.05


@pytest.mark.parametrize(
    ("correlation", "apart", "overlap"),
    [(0.9, 0.15, 24), (0.9, 0.0, 12), (-0.6, 0.3, 24)],
)
def test_gains_on_common_rows_are_right_on_average(correlation, apart, overlap):
    draws, m, d = 300, 24, 3
    rng = np.random.default_rng(3)
    root = np.linalg.cholesky([[1, correlation], [correlation, 1]])
    shift = apart * np.array([1.0, -1, 1])
    told, truth, bounds = [], [], []
    for _ in range(draws):
        whole = rng.normal(size=(2 * m - overlap, d))
        x = [whole[:m], whole[m - overlap :]]
        noise = (rng.normal(size=(len(whole), 2)) @ root.T).T
        y = [
            x[0] @ np.ones(d) + noise[0][:m],
            x[1] @ (1 + shift) + noise[1][m - overlap :],
        ]
        ids = [np.arange(m), np.arange(m - overlap, len(whole))]
        found = pairs(x, y, ids)
        gains = [float(g.gain[1, 0]) for g in (found.equal, found.any_noise)]
        told.append(gains)
        bounds.append(
            [float(g[1, 0]) for g in (found.any_noise.low, found.any_noise.high)]
        )
        c = [one - one.mean(axis=0) for one in x]
        level = [one - one.mean() for one in y]
        own = np.linalg.lstsq(c[0], level[0], rcond=None)[0]
        both = np.linalg.lstsq(np.vstack(c), np.concatenate(level), rcond=None)[0]
        # New rows of covariance I.
        truth.append(np.sum((own - 1) ** 2) - np.sum((both - 1) ** 2))
    told, truth, bounds = map(np.array, (told, truth, bounds))
    for mine in told.T:
        error = np.std(mine - truth) / np.sqrt(draws)
        assert abs(np.mean(mine) - np.mean(truth)) < 4 * error
    mean = truth.mean()
    assert np.mean((bounds[:, 0] <= mean) & (mean <= bounds[:, 1])) > 0.9


def test_factors_whiten_and_noise_of_rounding_is_none():
    rng = np.random.default_rng(4)
    x = [np.round(rng.normal(size=(m, 3)), 1) for m in (20, 30)]
    y = [one[:, 0] - 2 * one[:, 1] for one in x]
    rows = centred_rows(x, y)
    found = row_factors(rows.padded(), rows.samples())
    assert not np.any(found.noise_variance)
    for i, own in enumerate(rows.covariates):
        q = np.asarray(found.rows[i])
        np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-13)
        np.testing.assert_allclose(q[: len(own)] @ found.triangle[i], own, atol=1e-12)
    assert np.isnan(pairs(x, y).equal.gain[0, 1])
    with pytest.raises(ValueError, match=r"samples must have one number a task, 2"):
        row_factors(rows.padded(), np.ones(3))
    assert jax.tree.leaves(found)
