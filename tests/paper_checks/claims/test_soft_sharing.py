"""M-SS: the best penalty by search, with and without the hypotheses."""

import numpy as np
import pytest

from paper_checks.claims.soft_sharing import SIZES, check, stated
from paper_checks.studies.penalties import Pair, draw
from theory.risk import mean_soft_sharing_risk


def pairs(dropped: str = "") -> list[Pair]:
    rng = np.random.default_rng(3)
    return [draw(rng, sizes, dropped) for sizes in SIZES]


def test_it_holds_for_any_rows():
    assert check(pairs()).broken == 0


@pytest.mark.parametrize("dropped", ["noise", "directions"])
def test_it_breaks_without_one_noise_or_alike_directions(dropped):
    assert check(pairs(dropped)).broken == len(SIZES)


@pytest.mark.parametrize("factor", [0.5, 1.01, 2.0])
def test_a_penalty_that_is_off_is_noticed(factor):
    assert check(pairs(), factor).broken == len(SIZES)


def test_risk_is_the_mean_over_drawn_labels():
    rng = np.random.default_rng(4)
    for one in pairs():
        ratios = one.drawn_risks(rng, stated(one), 20_000)
        error = ratios.std() / np.sqrt(len(ratios))
        assert abs(ratios.mean() - 1) < 4 * error < 0.1


@pytest.mark.long
def test_risk_is_that_of_the_closed_form():
    for one in pairs():
        grams = np.stack([x.T @ x for x in one.rows])
        known = mean_soft_sharing_risk(
            *(grams, one.noise[1], np.mean(one.shift), stated(one)),
            target_covariance=one.covariance,
        )
        # Two inverses of condition numbers up to 1e4.
        np.testing.assert_allclose(one.risk(stated(one)), known.total, rtol=1e-9)
