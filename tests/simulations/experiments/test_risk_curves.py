import numpy as np
import pytest
import xarray as xr

from simulations.experiments.risk_curves import (
    KINDS,
    RiskCurves,
    source_spectrum,
)
from theory.risk import crossings

SPEC = RiskCurves(
    dimension=12,
    samples_target=40,
    samples_source=(4, 40, 400),
    points=5,
    repeats=400,
)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    told = []
    found = SPEC.run(lambda *step: told.append(step))
    assert told == [(done, 400) for done in (100, 200, 300, 400)]
    return found


@pytest.mark.long
def test_draws_are_where_the_limits_are(data):
    wanted = data["predicted"].sel(size=[4, 40, 400], method="nearest")
    mean = data["risk"].mean("repeat")
    error = data["risk"].std("repeat", ddof=1) / np.sqrt(SPEC.repeats)
    # A limit is off by about 1/(n − p) of itself at finite n.
    left = 1 / (np.array(SPEC.samples_source) + 40 - 12) * mean
    apart = np.abs(mean.values - wanted.values)
    assert np.all(apart < 5 * error.values + 2 * left.values)
    alone = data["risk_alone"]
    room = 5 * float(alone.std()) / np.sqrt(alone.size) + 1 / 27
    assert abs(float(alone.mean() - data["predicted_alone"])) < room


@pytest.mark.long
def test_without_a_shift_soft_sharing_is_pooling(data):
    none = data["risk"].sel(shift="covariate shift")
    np.testing.assert_allclose(
        none.sel(sharing="soft, best penalty"),
        none.sel(sharing="hard sharing"),
        rtol=1e-9,
    )


@pytest.mark.long
def test_crossings_are_those_of_the_limits(data):
    spectrum = source_spectrum("both shifts", SPEC.dimension, SPEC.condition)
    known = crossings(40, 12, 1, 0.7, source_spectrum=spectrum, n_source_max=400)
    found = data["crossing"].sel(shift="both shifts").values
    np.testing.assert_allclose(found[~np.isnan(found)], known)
    assert np.all(np.isnan(data["crossing"].sel(shift="covariate shift")))


def test_spectra_are_flat_or_of_geometric_mean_one():
    assert np.all(source_spectrum(KINDS[0], 5, 100.0) == 1)
    own = source_spectrum(KINDS[2], 5, 100.0)
    np.testing.assert_allclose([own[-1] / own[0], np.prod(own)], [100, 1])
