"""M-CR: places, signs that they imply, and how both are judged."""

import numpy as np
import pytest

from paper_checks.claims.crossings import judged
from paper_checks.judge import CheckError
from paper_checks.studies.signs_of_gains import DIMENSION, PAIRS, between

PLACES = np.array([10.0, 1000.0, 40_000.0])


def test_sizes_lie_before_between_and_after_the_crossings():
    sizes = between(PLACES)
    assert len(sizes) == len(PLACES) + 1
    assert np.all(sizes[:-1] < PLACES)
    assert np.all(sizes[1:] > PLACES)
    np.testing.assert_allclose(sizes[1:3], np.sqrt(PLACES[:2] * PLACES[1:]), rtol=0.01)


def test_signs_end_with_hurting_and_change_at_every_place():
    sizes = between(PLACES)
    assert PAIRS[0].implied(sizes, PLACES).tolist() == [1, -1, 1, -1]
    assert PAIRS[0].implied(sizes, PLACES[:1]).tolist() == [1, -1, -1, -1]
    pays = PAIRS[0]._replace(level=1.1)
    assert pays.implied(sizes, PLACES[:0]).tolist() == [1, 1, 1, 1]
    assert all(len(pair.spectrum) == DIMENSION for pair in PAIRS)


def test_a_settled_sign_contradicts_and_an_open_one_does_not():
    told = np.array([[1, -1, 1, -1], [1, 1, 1, 1], [1, -1, -1, -1]])
    right = judged([(3, np.array([0, -1, 1, -1]), told)])
    assert right.holds
    assert [one.noticed for one in right.controls] == [1, 1]
    assert (right.named["broken"].n, right.named["left_out"].count) == (3, 1)
    wrong = judged([(3, np.array([1, 1, 0, -1]), told)])
    assert not wrong.holds
    assert wrong.named["broken"].count == 1
    with pytest.raises(CheckError, match="3 of 4 signs are not settled"):
        judged([(3, np.array([0, 0, 0, -1]), told)])
