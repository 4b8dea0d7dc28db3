import dataclasses
from functools import partial

import pytest

from paper_checks.claims.figure_3_relu import CLAIM, SOURCES
from paper_checks.judge import CheckError, Verdict
from paper_checks.judge.finding import Finding
from paper_checks.settings import Settings
from tests.paper_checks.claims import test_figure_3

sweep = partial(test_figure_3.sweep, samples=(10, 20, 40, 100))
# Mean gains in units of far more than an interval.
EARLY, LATE, DIP = (1, 1, 1, 1), (-1, -1, 0, 1), (-1, 1, 1, 1)
NEVER, NONE, UNSEEN = (-1, -1, -1, -1), (0, 0, 0, 0), (-0.3, -0.3, 3, 3)


def find(related, unrelated=None) -> Finding:
    harmful = sweep(NEVER, NEVER, NEVER) if unrelated is None else unrelated
    data = dict(zip(SOURCES, (related, harmful), strict=True))
    return dataclasses.replace(CLAIM, study=lambda _: data).find(Settings())


@pytest.mark.parametrize(
    ("gains", "noise", "verdict", "words"),
    [
        ((EARLY, LATE, LATE), 0.05, Verdict.HOLDS, "not hurt at 10, 20 source"),
        ((EARLY, EARLY, EARLY), 0.05, Verdict.FAILS, "above 0.96 and 0.96"),
        # The others hurt, but where the same covariance hurts as well.
        ((DIP, DIP, DIP), 0.05, Verdict.FAILS, "itself is seen to hurt at 10 source"),
        ((EARLY, LATE, NEVER), 0.05, Verdict.FAILS, "others from 100 and none"),
        # With 20 draws of sd 1.5 intervals are as wide as ±1: harm of -0.3 may be.
        (((3,) * 4, UNSEEN, UNSEEN), 1.5, Verdict.UNDECIDED, "by 20 draws: about"),
    ],
)
def test_the_verdict_is_that_of_the_picture(gains, noise, verdict, words):
    found = find(sweep(*gains, noise=noise))
    assert found.verdict is verdict
    assert any(words in sentence for sentence in found.sentences)


def test_measurements_are_of_their_kind_and_size():
    found = find(sweep((0.5, 1, 1, 1), LATE, (1, -1, -2, 1)))
    low, starts = found.measurements[:3], found.measurements[3:6]
    assert [round(entry.value, 6) for entry in low] == [0.5, -1, -2]
    assert "at m_source = 40" in low[2].quantity
    assert low[2].low < -2 < low[2].high
    # 12 intervals hold together.
    assert low[2].interval.startswith("99.58 % Student")
    assert [(entry.low, entry.value) for entry in starts] == [
        *((0, 10), (40, 100), (40, 100))
    ]
    assert found.measurements[-1].value == 0.5
    assert found.measurements[-1].n == 3 * 4 * 20


def test_a_check_that_would_not_notice_harm_is_refused():
    assert find(sweep(EARLY, LATE, LATE), sweep(NEVER, LATE, NONE))
    with pytest.raises(CheckError, match=r"cosine 0.*noticed 1 of 3"):
        find(sweep(EARLY, LATE, LATE), sweep(NEVER, NONE, EARLY))


@pytest.mark.long
def test_related_sources_help_and_unrelated_ones_hurt(tmp_path):
    found = CLAIM.find(Settings(results=tmp_path))
    assert found.controls[0].noticed == 3
    assert found.measurements[3].value <= 40
