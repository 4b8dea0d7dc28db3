import numpy as np
import pytest
import xarray as xr

from simulations.experiments.risk_map import RiskMap

SPEC = RiskMap(dimension=8, samples_target=12, side=30)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    told = []
    found = SPEC.run(lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("gain", "crossing"),
    [("gain_shift", "crossing_shift"), ("gain_condition", "crossing_condition")],
)
def test_the_sign_changes_at_crossings_and_nowhere_else(data, gain, crossing):
    sizes = data["size"].values
    values = data[gain].values.reshape(-1, len(sizes))
    found = data[crossing].values.reshape(len(values), -1)
    assert np.any(~np.isnan(found))
    for row, places in zip(values, found, strict=True):
        inside = np.histogram(places[~np.isnan(places)], bins=sizes)[0]
        changes = np.sign(row[1:]) != np.sign(row[:-1])
        np.testing.assert_array_equal(inside % 2 == 1, changes)


@pytest.mark.long
def test_no_row_of_equal_covariances_pays_above_the_last_border(data):
    last = float(data["border"].sel(phase="ever pays"))
    equal = data["gain_shift"].sel(covariances="equal covariances")
    above = equal.where(equal["shift_variance"] > last, drop=True)
    assert above.size
    assert float(above.max()) < 0
