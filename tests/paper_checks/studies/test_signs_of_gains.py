import numpy as np

from paper_checks.studies.signs_of_gains import pattern, settled_sign


def test_a_sign_is_settled_beyond_four_standard_errors():
    spread = np.array([-1.0, 1.0] * 8)  # an error of the mean of 0.258
    assert [settled_sign(spread + m) for m in (1.1, -1.1, 0.9, -0.9)] == [1, -1, 0, 0]


def test_patterns_leave_out_repeats_and_what_is_open():
    assert pattern(np.array([1, 1, 0, -1, 0, -1, 1])) == "+-+"
    assert pattern(np.zeros(2, int)) == ""
    assert pattern(np.array([0, -1])) == "-"
