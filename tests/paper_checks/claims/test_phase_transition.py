"""M-PT: the check of the phases, on limits in place of draws."""

import numpy as np
import pytest

from paper_checks.claims.phase_transition import MENDED, PRINTED, SIZES, P, broken
from paper_checks.claims.phase_transition import TARGETS as SHARES
from paper_checks.studies.signs_of_gains import Series, shifts_inside
from simulations.draws.pooled_draws import PooledDraws

TARGETS = [round(share * P) for share in SHARES]


def limits(target: int) -> Series:
    """Limits of docs/mathematics.md, "Pooled risk, equal covariances", with spread."""
    spread = np.array([-1e-9, 1e-9] * 4)
    sizes, draws = [max(1, round(share * P)) for share in SIZES], []
    for n_1 in sizes:
        n = n_1 + target
        bias = (n_1**2 * (n - P) + P * n_1 * target) / (n**2 * (n - P))
        alone, variance = P / (target - P) + spread, np.full(8, P / (n - P))
        draws.append(PooledDraws(alone, variance, np.full(8, bias)))
    return Series(target, np.array(sizes), draws)


@pytest.mark.parametrize("target", TARGETS)
def test_limits_have_the_mended_phases_and_not_all_printed_ones(target):
    series = limits(target)
    assert not any(broken(series, MENDED))
    third = [phase == 2 for phase in shifts_inside(target)]
    assert broken(series, PRINTED) == third
    assert any(third) == (target < 3 * P)
    np.testing.assert_allclose(series.break_even(), 1, rtol=1e-7)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_borders_that_are_off_by_two_are_noticed(target, factor):
    assert any(broken(limits(target), MENDED, factor))
