import numpy as np
import pytest
import xarray as xr

from simulations.experiments.similarity import SimilaritySweep, source_roots

SPEC = SimilaritySweep(
    dimension=10,
    samples_target=6,
    samples_source=(10, 1_000),
    turns=(0.0, 0.5, 1.0),
    repeats=40,
)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return SPEC.run()


def test_paths_have_common_ends_and_keep_what_they_should():
    covariance = np.asarray(source_roots(SPEC) @ source_roots(SPEC).mT)
    # Rotations by 0° and 90° in floats: c² of 1e4 ε.
    np.testing.assert_allclose(covariance[0, [0, 2]], covariance[1, [0, 2]], atol=1e-8)
    for turned in covariance[0]:
        np.testing.assert_allclose(
            np.linalg.eigvalsh(turned), [*[1] * 9, 1e4], rtol=1e-9
        )
    half = np.diag(covariance[1, 1])
    np.testing.assert_allclose(half, [100, 100, *[1] * 8])


@pytest.mark.long
def test_paths_have_common_results_at_common_ends(data):
    for turn in (0.0, 1.0):
        both = data["similarity"].sel(turn=turn)
        first, second = both.transpose("path", ...).values
        if turn == 0.0:
            np.testing.assert_allclose(first, second, rtol=1e-9)
        # At the other end strong directions coincide, up to a turn of the weak ones.
        assert abs(first.mean() - second.mean()) < 0.05


@pytest.mark.long
def test_scores_fall_as_the_source_is_turned_and_normalised_is_larger(data):
    mean = data[["similarity", "similarity_normalised"]].mean("repeat")
    large = mean.sel(samples_source=1_000)
    for score in large.data_vars.values():
        assert np.all(np.diff(score.transpose("turn", ...).values, axis=0) < 0)
    assert bool((data["similarity_normalised"] >= data["similarity"] - 1e-12).all())
    assert float(data["similarity_normalised"].max()) <= 1 + 1e-12


@pytest.mark.long
def test_a_large_source_of_the_same_covariance_helps(data):
    assert float(data["certified"].min()) > 0.5
    gain = data["relative_gain"].sel(turn=0.0, samples_source=1_000)
    error = gain.std("repeat") / SPEC.repeats**0.5
    assert bool((gain.mean("repeat") > 3 * error).all())
