from typing import Any

import jax
import numpy as np
import pytest
from scipy import stats

from simulations.draws.figure_3_tasks import figure_3_tasks

KEY = jax.random.key(2)
# Rounding of products of orthogonal matrices of this size, times κ² = 1e4.
CLOSE = 1e-9


def covariances(tasks) -> list[np.ndarray]:
    roots = [tasks.target_root, *tasks.source_roots]
    return [np.asarray(root @ root.T) for root in roots]


@pytest.mark.parametrize("reading", ["rotated", "as written"])
def test_parameters_and_spectra_are_those_of_the_figure(reading):
    tasks = figure_3_tasks(KEY, 20, reading=reading)
    first, second = map(np.asarray, (tasks.target_parameter, tasks.source_parameter))
    assert np.allclose([first @ first, second @ second, first @ second], [1, 1, 0.96])
    for covariance in covariances(tasks):
        values = np.linalg.eigvalsh(covariance)
        assert np.allclose(values, [1.0] * 18 + [1e4] * 2, rtol=CLOSE)


def test_rotated_sources_differ_as_named():
    target, same, diagonal, rotation = covariances(figure_3_tasks(KEY, 20))
    assert np.allclose(same, target)
    # Other diagonal: the same eigenvectors, so the two covariances commute.
    assert np.allclose(diagonal @ target, target @ diagonal, atol=CLOSE * 1e8)
    assert not np.allclose(diagonal, target)
    assert not np.allclose(rotation @ target, target @ rotation, atol=1.0)
    assert not np.allclose(np.diag(np.diag(target)), target)


def test_as_written_the_rotation_does_not_change_the_covariance():
    tasks = figure_3_tasks(KEY, 20, reading="as written")
    target, same, diagonal, rotation = covariances(tasks)
    expected = np.diag([1e4] * 2 + [1.0] * 18)
    for covariance in (target, same, rotation):
        assert np.allclose(covariance, expected, atol=CLOSE * 1e4)
    swapped = np.diag([1.0] * 2 + [1e4] * 2 + [1.0] * 16)
    assert np.allclose(diagonal, swapped, atol=CLOSE * 1e4)


def test_rotations_are_haar_distributed():
    d, draws = 5, 2_000
    keys = jax.random.split(KEY, draws)
    draw = jax.vmap(lambda key: figure_3_tasks(key, d, condition=1.0).source_roots)
    q = np.asarray(draw(keys))[:, 2]
    # An entry squared of a Haar rotation is Beta(1/2, (d-1)/2), of either sign.
    law = stats.beta(0.5, (d - 1) / 2)
    for entry in ((0, 0), (4, 1), (2, 4)):
        values = q[(slice(None), *entry)]
        found: Any = stats.kstest(values**2, law.cdf)
        assert found.pvalue > 1e-3
        assert abs(np.mean(np.sign(values))) < 5 / np.sqrt(draws)
