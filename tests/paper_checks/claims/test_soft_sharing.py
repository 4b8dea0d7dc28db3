"""M-SS: the best penalty by search, with and without the hypotheses."""

import numpy as np
import pytest

from paper_checks.claims import soft_sharing
from paper_checks.claims.soft_sharing import SIZES, check, draw, risk, stated
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from tests.paper_checks.few import Few
from theory.risk import mean_soft_sharing_risk


def problems(dropped: str = "") -> list[soft_sharing.Problem]:
    rng = np.random.default_rng(3)
    return [draw(rng, sizes, dropped) for sizes in SIZES]


def test_it_holds_for_any_rows():
    assert check(problems()).broken == 0


@pytest.mark.parametrize("dropped", ["noise", "directions"])
def test_it_breaks_without_one_noise_or_alike_directions(dropped):
    assert check(problems(dropped)).broken == len(SIZES)


@pytest.mark.parametrize("factor", [0.5, 1.01, 2.0])
def test_a_penalty_that_is_off_is_noticed(factor):
    assert check(problems(), factor=factor).broken == len(SIZES)


@pytest.mark.long
def test_risk_is_that_of_the_closed_form():
    for one in problems():
        grams = np.stack([x.T @ x for x in one.rows])
        known = mean_soft_sharing_risk(
            *(grams, one.noise[1], np.mean(one.shift), stated(one)),
            target_covariance=one.covariance,
        )
        # Two inverses of condition numbers up to 1e4.
        np.testing.assert_allclose(risk(one, stated(one)), known.total, rtol=1e-9)


@pytest.mark.long
def test_the_claim_is_measured():
    found = soft_sharing.find(Few(profile="quick"))
    assert found.verdict is Verdict.HOLDS
    assert found.measurements[3].low < 1 < found.measurements[3].high
    assert isinstance(Few(), Settings)
