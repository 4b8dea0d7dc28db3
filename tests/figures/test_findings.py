import json

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from figures import findings


def measured(quantity, value, low=None, high=None, n=9):
    return {"quantity": quantity, "value": value, "low": low, "high": high, "n": n}


def finding(measurements, controls=3, deciding=None):
    return {
        "claim": "W-P3",
        "title": "Tasks that share X have a best module of known span",
        "verdict": "holds",
        "headline": "It holds on 40 of 40 draws",
        "deciding": deciding,
        "measurements": measurements,
        "controls": [
            {"dropped": f"hypothesis {i}", "noticed": i, "instances": 2}
            for i in range(controls)
        ],
    }


GAIN = measured("gain of alignment (points)", 0.5, -0.1, 1.1)


def test_intervals_and_the_value_at_which_the_verdict_flips_are_drawn():
    one = finding([GAIN, measured("largest", 3.0)], deciding=GAIN | {"flips_at": 0.0})
    data = findings.dataset(one)
    assert data["flips_at"].values.tolist()[0] == 0
    assert np.isnan(data["flips_at"].values[1])
    figure = findings.intervals(data)
    first, last = figure.axes
    assert len(first.lines) >= 3  # the value, zero, and where it flips
    assert "0.5 [-0.1, 1.1], n = 9" in [text.get_text() for text in first.texts]
    bars = [patch for patch in last.patches if isinstance(patch, Rectangle)]
    assert [bar.get_width() for bar in bars] == [0, 0.5, 1]


@pytest.mark.parametrize(("rows", "controls"), [(1, 0), (0, 1), (20, 12)])
def test_few_and_many_rows_are_drawn_and_those_left_out_are_said(rows, controls):
    figure = findings.intervals(findings.dataset(finding([GAIN] * rows, controls)))
    assert len(figure.axes) == min(rows, findings.ROWS) + (controls > 0)
    if rows > findings.ROWS:
        assert "6 more measurements" in figure.get_supxlabel()
        assert "(2 more in the ledger)" in figure.axes[-1].get_xlabel()


def test_a_claim_without_intervals_and_controls_is_refused():
    data = findings.dataset(finding([measured("largest", "inf")], controls=0))
    with pytest.raises(ValueError, match="W-P3: nothing with an interval"):
        findings.intervals(data)


def test_a_file_that_holds_no_findings_is_named(tmp_path):
    path = tmp_path / "ledger.json"
    path.write_text(json.dumps({"findings": [finding([GAIN])]}))
    assert list(findings.read(path)) == ["W-P3"]
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"ledger\.json holds no findings"):
        findings.read(path)
