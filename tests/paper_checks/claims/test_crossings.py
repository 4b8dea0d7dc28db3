"""M-CR: places, signs that they imply, and the whole claim."""

import numpy as np
import pytest

from paper_checks.claims import crossings
from paper_checks.claims.crossings import CASES, between, contradictions, implied
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings

PLACES = np.array([10.0, 1000.0, 40_000.0])


def test_sizes_lie_before_between_and_after_the_crossings():
    sizes = between(PLACES)
    assert len(sizes) == len(PLACES) + 1
    assert np.all(sizes[:-1] < PLACES)
    assert np.all(sizes[1:] > PLACES)
    np.testing.assert_allclose(sizes[1:3], np.sqrt(PLACES[:2] * PLACES[1:]), rtol=0.01)


def test_signs_end_with_hurting_and_change_at_every_place():
    sizes = between(PLACES)
    assert implied(CASES[0], sizes, PLACES).tolist() == [1, -1, 1, -1]
    assert implied(CASES[0], sizes, PLACES[:1]).tolist() == [1, -1, -1, -1]
    pays = CASES[0]._replace(level=1.1)
    assert implied(pays, sizes, PLACES[:0]).tolist() == [1, 1, 1, 1]


def test_open_signs_contradict_nothing():
    stated = np.array([1, -1, 1, -1])
    assert contradictions(stated, stated) == 0
    assert contradictions(np.array([0, -1, 0, -1]), stated) == 0
    assert contradictions(np.array([1, 1, 0, -1]), stated) == 1


def test_spectra_have_whole_counts():
    for case in CASES:
        assert len(case.spectrum) == crossings.DIMENSION
        shares = np.unique(case.spectrum, return_counts=True)[1] / len(case.spectrum)
        np.testing.assert_allclose(np.sort(shares), np.sort(case.shares))


@pytest.mark.long
def test_the_claim_is_measured_and_notices_wrong_signs(monkeypatch):
    found = crossings.find(Settings())
    assert found.verdict is Verdict.HOLDS
    assert "2, 3, 4, 6 crossings" in found.reason
    monkeypatch.setattr(crossings, "implied", lambda *a: -implied(*a))
    turned = crossings.find(Settings())
    assert turned.verdict is Verdict.FAILS
    monkeypatch.setattr(crossings, "settled_sign", lambda _: 0)
    with pytest.raises(CheckError, match="signs are not settled"):
        crossings.find(Settings())
