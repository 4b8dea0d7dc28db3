from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulations.sampling import row_bound, sample_statistics, sample_tasks
from theory.tasks import TaskStatistics

KEY = jax.random.key(11)
D = 4
NOISE = 0.7
ROOT = np.array([[2.0, 0, 0, 0], [0.5, 1, 0, 0], [0, -0.3, 0.5, 0.2], [0.1, 0, 0, 0.8]])
THETA = np.array([1.0, -0.5, 0.3, 0.0])
# Two-sided level of each Kolmogorov-Smirnov test; the keys are fixed, so a test that
# passes once passes always, and a wrong law fails at p far below this.
LEVEL = 1e-3


@jax.jit
def draw_each(keys, m) -> TaskStatistics:
    # m is traced: one compilation for all of them.
    draw = jax.vmap(sample_statistics, (0, None, None, None, None))
    return draw(keys, ROOT, THETA, NOISE, m)


def exact(m: int, draws: int) -> TaskStatistics:
    return draw_each(jax.random.split(KEY, draws), float(m))


def by_rows(m: int, draws: int, seed: int = 5) -> TaskStatistics:
    """The same law, by NumPy's generator and from rows."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(draws, m, D)) @ ROOT.T
    y = x @ THETA + NOISE * generator.normal(size=(draws, m))
    return TaskStatistics(
        *(jnp.einsum("nmd,nme->nde", x, x), jnp.einsum("nmd,nm->nd", x, y)),
        *(jnp.sum(y**2, axis=1), jnp.full(draws, float(m))),
    )


def features(statistics: TaskStatistics) -> np.ndarray:
    """`G` (lower triangle), `g` and `e` of every draw, one row a draw."""
    row, column = np.tril_indices(D)
    gram = np.asarray(statistics.gram)[:, row, column]
    energy = np.asarray(statistics.energy)[:, None]
    return np.hstack([gram, np.asarray(statistics.moment), energy])


def worst_score(first: np.ndarray, second: np.ndarray) -> float:
    """Largest difference of two samples' means, in standard errors."""
    spread = first.var(axis=0) / len(first) + second.var(axis=0) / len(second)
    return float(np.max(np.abs(first.mean(axis=0) - second.mean(axis=0)) / spread**0.5))


def products(values: np.ndarray, centre: np.ndarray) -> np.ndarray:
    row, column = np.tril_indices(values.shape[1])
    centred = values - centre
    return centred[:, row] * centred[:, column]


@pytest.mark.parametrize("m", [1, 3, 4, 9])
def test_means_and_covariances_are_those_of_rows(m):
    check_moments(m, draws=20_000)


@pytest.mark.long
@pytest.mark.parametrize("m", [2, 4, 5, 40])
def test_means_and_covariances_are_those_of_many_rows(m):
    check_moments(m, draws=400_000)


def check_moments(m: int, draws: int) -> None:
    one, other = features(exact(m, draws)), features(by_rows(m, draws))
    assert worst_score(one, other) < 5
    # Both centred at the same point: products then have means that may be compared.
    centre = (one.mean(axis=0) + other.mean(axis=0)) / 2
    assert worst_score(products(one, centre), products(other, centre)) < 5


@pytest.mark.parametrize("m", [2, 4, 12])
def test_eigenvalues_and_energy_have_the_law_of_rows(m):
    check_laws(m, draws=4_000)


@pytest.mark.long
@pytest.mark.parametrize("m", [1, 3, 4, 5, 50])
def test_eigenvalues_and_energy_have_the_law_of_many_rows(m):
    check_laws(m, draws=100_000)


def p_value(one: np.ndarray, other: np.ndarray) -> float:
    result: Any = stats.ks_2samp(one, other)
    return result.pvalue


def check_laws(m: int, draws: int) -> None:
    one, other = exact(m, draws), by_rows(m, draws)
    seen = slice(D - min(m, D), None)
    values = [np.linalg.eigvalsh(np.asarray(s.gram))[:, seen] for s in (one, other)]
    for j in range(values[0].shape[1]):
        assert p_value(values[0][:, j], values[1][:, j]) > LEVEL
    assert p_value(np.asarray(one.energy), np.asarray(other.energy)) > LEVEL


@pytest.mark.parametrize("m", [5, 12, 10_000])
def test_what_is_not_explained_is_a_chi_square(m):
    drawn = exact(m, 4_000)
    solution = np.linalg.solve(
        np.asarray(drawn.gram), np.asarray(drawn.moment)[..., None]
    )
    explained = np.sum(np.asarray(drawn.moment) * solution[..., 0], axis=1)
    rest = (np.asarray(drawn.energy) - explained) / NOISE**2
    found: Any = stats.kstest(rest, stats.chi2(m - D).cdf)
    assert found.pvalue > LEVEL


def test_means_at_ten_million_samples_are_exact():
    m, draws = 10**7, 4_000
    drawn = exact(m, draws)
    covariance = ROOT @ ROOT.T
    expected = [covariance, covariance @ THETA, THETA @ covariance @ THETA + NOISE**2]
    for found, wanted in zip(
        (drawn.gram, drawn.moment, drawn.energy), expected, strict=True
    ):
        values = np.asarray(found) / m
        error = values.std(axis=0) / np.sqrt(draws)
        assert np.all(np.abs(values.mean(axis=0) - wanted) < 5 * error)
    # The deviation of e is √(2m) times its mean a sample, 2e-4 of e itself.
    spread = np.asarray(drawn.energy).std() / expected[2] / np.sqrt(2 * m)
    assert abs(spread - 1) < 5 / np.sqrt(2 * draws)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 7])
def test_the_rank_is_exact_and_energy_at_least_what_is_explained(m):
    drawn = exact(m, 4_000)
    gram, moment = np.asarray(drawn.gram), np.asarray(drawn.moment)
    value = np.linalg.eigvalsh(gram)
    # Rounding of a 4 x 4 product is a few ε times its largest eigenvalue.
    zero = value < 1e-14 * value[:, -1:]
    assert np.all(zero.sum(axis=1) == max(D - m, 0))
    pseudo = np.linalg.pinv(gram, rcond=1e-13, hermitian=True)
    explained = np.einsum("nd,nde,ne->n", moment, pseudo, moment)
    energy = np.asarray(drawn.energy)
    # The pseudo-inverse loses ε times the condition number, which has no bound where
    # the factor is square.
    condition = value[:, -1] / value[:, max(D - m, 0)]
    lost = 1e2 * np.finfo(float).eps * condition
    assert np.median(lost) < 1e-10
    assert np.all(energy >= explained * (1 - lost))
    if m <= D:
        assert np.all(np.abs(energy - explained) <= lost * explained)
    else:
        assert np.all(energy > explained)


@pytest.mark.long
def test_a_grid_of_samples_in_one_kernel_equals_single_calls():
    grid = np.array([1.0, 3, 4, 5, 1e3, 1e7])
    draw = jax.jit(jax.vmap(lambda m: sample_statistics(KEY, ROOT, THETA, NOISE, m)))
    together = draw(grid)
    for index, m in enumerate(grid):
        single = sample_statistics(KEY, ROOT, THETA, NOISE, int(m))
        for found, wanted in zip(
            jax.tree.leaves(together), jax.tree.leaves(single), strict=True
        ):
            # Another order of the sums: a few ε of the largest entry.
            scale = 16 * np.finfo(float).eps * np.max(np.abs(wanted))
            assert np.allclose(found[index], wanted, rtol=0, atol=scale)


@pytest.mark.long
def test_tasks_are_drawn_apart_each_with_its_own_key():
    thetas = np.stack([THETA, 2 * THETA])
    drawn = sample_statistics(KEY, ROOT, thetas, np.array([0.0, 1.0]), np.array([2, 9]))
    keys = jax.random.split(KEY, 2)
    for task, (sigma, m) in enumerate([(0.0, 2), (1.0, 9)]):
        single = sample_statistics(keys[task], ROOT, thetas[task], sigma, m)
        assert np.allclose(drawn.gram[task], single.gram, rtol=1e-13)
        assert np.allclose(drawn.energy[task], single.energy, rtol=1e-13)
    roots = np.stack([ROOT, 3 * ROOT])
    scaled = sample_statistics(KEY, roots, thetas, 0.0, 5)
    plain = sample_statistics(KEY, ROOT, thetas, 0.0, 5)
    assert np.allclose(scaled.gram, plain.gram * np.array([1, 9])[:, None, None])
    assert drawn.samples.tolist() == [2.0, 9.0]


@pytest.mark.parametrize("rows", ["gaussian", "uniform", "sign", "sphere"])
def test_rows_have_mean_zero_the_stated_covariance_and_bound(rows):
    tasks = sample_tasks(KEY, ROOT, THETA, NOISE, 40_000, rows)
    x = np.asarray(tasks.covariates[0])
    u = np.linalg.solve(ROOT, x.T).T
    row, column = np.tril_indices(D)
    values = np.hstack([u, u[:, row] * u[:, column]])
    wanted = np.hstack([np.zeros(D), np.eye(D)[row, column]])
    error = np.maximum(values.std(axis=0) / np.sqrt(len(u)), 1e-12)
    assert np.max(np.abs(values.mean(axis=0) - wanted) / error) < 5
    length = np.linalg.norm(u, axis=1).max()
    assert length <= row_bound(rows, D) * (1 + 1e-12)
    if rows != "gaussian":
        assert length > 0.9 * row_bound(rows, D)
    residual = np.asarray(tasks.labels[0]) - x @ THETA
    assert abs(residual.std() / NOISE - 1) < 5 / np.sqrt(2 * len(u))


def test_rows_of_tasks_of_different_length_are_masked():
    thetas = np.stack([THETA, THETA, THETA])
    tasks = sample_tasks(KEY, ROOT, thetas, 0.0, [3, 1, 5], "sign")
    assert tasks.mask.sum(axis=1).tolist() == [3, 1, 5]
    assert not np.any(np.asarray(tasks.covariates)[~np.asarray(tasks.mask)])
    assert not np.any(np.asarray(tasks.labels)[~np.asarray(tasks.mask)])
    assert np.allclose(tasks.labels, tasks.covariates @ THETA)
    assert tasks.statistics().samples.tolist() == [3, 1, 5]
