"""How evidence becomes a finding: verdict, sentences, and what decides."""

from typing import Any

import numpy as np
import pytest

from paper_checks.judge import (
    CheckError,
    Control,
    Evidence,
    Settings,
    StudyClaim,
    Verdict,
    decides,
    family,
    mean_with_interval,
    merged,
)

SEEN = Control.once("a factor", True)
WORDS: dict[str, Any] = {
    "title": "Squares",
    "source": "here",
    "statement": "2ab <= a^2 + b^2",
}


@pytest.fixture
def settings(tmp_path):
    return Settings(results=tmp_path)


def gain(mean):
    return mean_with_interval("gain", mean + np.linspace(-1, 1, 9))


@pytest.mark.parametrize(
    ("holds", "useful", "verdict"),
    [
        (True, True, Verdict.HOLDS),
        (True, False, Verdict.VACUOUS),
        (False, False, Verdict.FAILS),
        (None, True, Verdict.UNDECIDED),
    ],
)
def test_a_study_is_judged_by_its_evidence(settings, holds, useful, verdict):
    claim = StudyClaim(
        id="T",
        **WORDS,
        headline={verdict: "The gain is {gain:.1f} {gain}, {many.above} of {many.n}"},
        details=("It takes {gain.n} runs.",),
        deciding="gain",
        study=lambda _: 3.0,
        judged=lambda mean: Evidence(
            holds=holds,
            useful=useful,
            controls=(SEEN,),
            named={
                "gain": decides(gain(mean), 0.0),
                "many": family({"a": mean + np.arange(3.0), "b": np.arange(-1.0, 2)}),
            },
        ),
    )
    found = claim.find(settings)
    assert found.verdict is verdict
    assert found.headline == "The gain is 3.0 3 [2.5, 3.5], 1 of 2"
    assert found.details == ("It takes 9 runs.",)
    assert found.deciding is not None
    assert found.deciding.flips_at == 0.0


def study(**words):
    options = {**WORDS, "headline": "Nothing", **words}
    return StudyClaim(id="T", **options, study=lambda _: None,
                      judged=lambda _: Evidence(controls=(SEEN,)))  # fmt: skip


def test_a_sentence_that_names_what_was_not_measured_is_refused(settings):
    with pytest.raises(CheckError, match=r"T: the sentence 'It is \{gain\}' names"):
        study(details=("It is {gain}",)).find(settings)
    with pytest.raises(CheckError, match="T has no headline for 'holds'"):
        study(headline={Verdict.FAILS: "It fails"}).find(settings)


def test_missing_data_is_named_and_no_control_is_asked_for(settings):
    claim = StudyClaim(
        id="T",
        **WORDS,
        headline={Verdict.NEEDS_DATA: "Needs {missing}"},
        details=("It is {gain}",),
        study=lambda _: None,
        judged=lambda _: Evidence(missing="a folder"),
    )
    found = claim.find(settings)
    assert found.verdict is Verdict.NEEDS_DATA
    assert (found.headline, found.details) == ("Needs a folder", ())


def test_evidence_against_outweighs_open_evidence():
    def verdict(*holds):
        return merged([Evidence(holds=one) for one in holds]).holds

    assert verdict(True, None, False) is False
    assert verdict(True, None) is None
    assert verdict(True, True) is True


def test_evidence_needs_a_part_and_one_meaning_for_a_name():
    with pytest.raises(CheckError, match="nothing is measured"):
        merged([])
    one = Evidence(named={"gap": 1.0})
    assert merged([one, one]).named == {"gap": 1.0}
    with pytest.raises(CheckError, match="are named 'gap'"):
        merged([one, Evidence(named={"gap": 2.0})])


def test_only_evidence_that_agrees_with_the_verdict_decides_it():
    good = Evidence(deciding=decides(gain(3.0)))
    assert merged([good, Evidence(holds=False)]).deciding is None
    bad = Evidence(holds=False, deciding=decides(gain(-3.0)))
    assert merged([good, bad]).deciding is bad.deciding


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"headline": "{missing:d}"}, "T: the sentence .* cannot be formatted"),
        ({"headline": "{missing"}, "T: the sentence .* cannot be formatted"),
        ({"headline": ""}, "T has no headline for 'holds'"),
        ({"deciding": "gain"}, "T: deciding 'gain' was not measured"),
    ],
)
def test_words_that_cannot_be_said_are_refused(settings, words, message):
    with pytest.raises(CheckError, match=message):
        study(**words).find(settings)
