import numpy as np

from paper_checks.studies.signs_of_gains import pattern, settled_sign


def test_a_sign_is_settled_beyond_four_standard_errors():
    spread = np.array([-1.0, 1.0] * 8)  # an error of the mean of 0.258
    assert settled_sign(spread + 1.1) == 1
    assert settled_sign(spread - 1.1) == -1
    assert settled_sign(spread + 0.9) == 0
    assert settled_sign(spread - 0.9) == 0


def test_patterns_leave_out_repeats_and_what_is_open():
    assert pattern([1, 1, 0, -1, 0, -1, 1]) == "+-+"
    assert pattern([0, 0]) == ""
    assert pattern([0, -1]) == "-"
