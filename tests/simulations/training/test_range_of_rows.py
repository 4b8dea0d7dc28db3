"""Rows whose magnitudes cannot be trained with are refused, and zeros are not."""

import equinox as eqx
import pytest

from simulations.training import ReluModel
from tests.simulations.training.problems import tasks

TASKS = tasks(0, 3)


@pytest.mark.parametrize("scale", [1e160, 1e150, 1e-150, 1e-170])
@pytest.mark.parametrize("field", ["covariates", "labels"])
def test_rows_out_of_range_are_refused(field, scale):
    scaled = eqx.tree_at(
        lambda t: getattr(t, field), TASKS, scale * getattr(TASKS, field)
    )
    with pytest.raises(ValueError, match=rf"task \d: {field}.* rescale"):
        ReluModel.from_tasks(scaled)
    # A column of zeros is allowed.
    none = eqx.tree_at(lambda t: t.covariates, TASKS, 0 * TASKS.covariates)
    assert ReluModel.from_tasks(none).count == 2
