"""M-PT: the check of the phases, on limits in place of draws."""

import numpy as np
import pytest

from paper_checks.claims import phase_transition
from paper_checks.claims.phase_transition import MENDED, PRINTED, Series, broken, stated
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from simulations.draws.pooled_draws import PooledDraws

P = phase_transition.DIMENSION
TARGETS = [round(share * P) for share in phase_transition.TARGETS]


def limits(target: int) -> Series:
    """Limits of docs/mathematics.md, "Pooled risk, equal covariances", with spread."""
    spread = np.array([-1e-9, 1e-9] * 4)
    draws = []
    for share in phase_transition.SIZES:
        n_1 = max(1, round(share * P))
        n = n_1 + target
        bias = (n_1**2 * (n - P) + P * n_1 * target) / (n**2 * (n - P))
        draws.append(
            PooledDraws(
                P / (target - P) + spread, np.full(8, P / (n - P)), np.full(8, bias)
            )
        )
    return Series(target, draws)


@pytest.mark.parametrize("target", TARGETS)
def test_limits_have_the_mended_phases_and_not_all_printed_ones(target):
    series, borders = limits(target), stated(target)
    assert not any(broken(series, borders, MENDED))
    third = [phase == 2 for phase, _ in phase_transition.shifts(borders)]
    assert broken(series, borders, PRINTED) == third
    assert any(third) == (target < 3 * P)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_borders_that_are_off_by_two_are_noticed(target, factor):
    assert any(broken(limits(target), stated(target, factor=factor), MENDED))


def test_a_check_that_notices_nothing_is_an_error(monkeypatch):
    def draw(*arguments: object) -> Series:
        return limits(round(float(str(arguments[2])) * P))

    # Equal covariances where the control should have others.
    monkeypatch.setattr(phase_transition, "draw", draw)
    with pytest.raises(CheckError, match="no power: with 'equal covariances"):
        phase_transition.find(Settings())


@pytest.mark.long
def test_the_claim_is_measured():
    printed, mended = phase_transition.find(Settings())
    assert (printed.claim, mended.claim) == ("M-PT", "M-PTc")
    assert printed.verdict is Verdict.FAILS
    assert mended.verdict is Verdict.HOLDS
    assert printed.measurements[2].low > 0  # it pays above the second border
