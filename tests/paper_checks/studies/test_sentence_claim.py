"""W-F5b, W-F7, W-C5: verdicts on made-up studies; W-F6 has a file of its own."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks.claims import (
    figure_5b,
    figure_6,
    figure_7,
    figure_7_similarity,
    other_encoders,
)
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.verdict import Control, Verdict
from paper_checks.settings import Settings
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import add_six_sets
from tests.paper_checks.sentences.sentence_data import (
    NOTICED,
    PAIRS,
    PROTOCOLS,
    TARGETS,
    made,
    shuffled_labels,
)

MISSED = Control(dropped="", noticed=2, instances=6)
SETTINGS = Settings(data=Path("/there"))
TRANSFER, GAINS = figure_5b.CLAIM, figure_7.CLAIM
SCORES = figure_7_similarity.CLAIM


def text(found: Finding) -> str:
    return " ".join(found.sentences)


def one_lucky_run(axis: str, names: list[str]):
    """All gain on average, in one run of three: nothing is clear."""
    study = made(axis, names)
    study["aligned"][:, :, 0] += 4
    study["aligned"][:, :, 1:] -= 1.5
    return study


def test_claims_need_data_and_say_which(tmp_path: Path, on_record):
    for claim in (TRANSFER, *figure_6.CLAIMS, GAINS, SCORES):
        found = claim.find(Settings())
        assert (found.verdict, found.data) == (Verdict.NEEDS_DATA, "none")
        assert "DATA=/path/to/folder" in text(found)
    folder = Folder(tmp_path)
    add_six_sets(folder, 6)
    (tmp_path / "cr.all.tsv.gz").unlink()
    found = TRANSFER.find(Settings(data=tmp_path))
    assert found.verdict is Verdict.NEEDS_DATA
    assert "cr (all): no cr.all.tsv.gz; its authors have it at" in text(found)


def test_without_data_what_is_on_record_is_quoted_and_not_judged(on_record):
    on_record("sentence_transfer", made("target", TARGETS))
    on_record("sentence_transfer", made("target", TARGETS, 1), "cnn")
    found = TRANSFER.find(Settings())
    assert (found.verdict, found.seed) == (Verdict.NEEDS_DATA, 7)
    assert found.headline.startswith("On record, with the MLP alignment improves 5 of")
    assert "MLP on record is of 2026-01-02, by `train the mlp`" in text(found)
    said = "the CNN (1 run, without near-duplicates) alignment improves 5 of 5 targets"
    assert said in text(found)
    assert "One run allows no test" in text(found)
    assert found.data == "none; on record: mlp, 3 runs; cnn, 1 run"
    names = [one.quantity for one in found.measurements]
    assert "on record, cnn: gain by alignment, mean, near (points)" in names
    assert all(name.startswith("on record, ") for name in names)


def test_alignment_must_improve_four_targets_and_be_clear(given):
    given["study"] = made("target", TARGETS)
    found = TRANSFER.find(SETTINGS)
    assert found.verdict is Verdict.HOLDS
    value = {one.quantity: one.value for one in found.measurements}
    for protocol in PROTOCOLS:
        name = f"gain by alignment, {protocol}: significantly up after Holm"
        assert value[name] == 5
        assert value[name.replace("alignment", "training together")] == 0
    assert "are 5 up and 0 down of 5 by alignment, and 0 up and 0 down" in text(found)
    part = given["study"]["aligned"]
    part.loc[{"protocol": "near", "target": "mr"}] -= 2
    assert TRANSFER.find(SETTINGS).verdict is Verdict.HOLDS
    part.loc[{"protocol": "near", "target": "cr"}] -= 2
    found = TRANSFER.find(SETTINGS)
    assert found.verdict is Verdict.FAILS
    assert "improves 3 of 5 targets" in found.headline
    assert "MR -1.0, CR -1.0, SUBJ +1.0" in text(found)
    assert found.deciding is not None
    assert (found.deciding.value, found.deciding.flips_at) == (3, 4)
    given["study"] = one_lucky_run("target", TARGETS)
    found = TRANSFER.find(SETTINGS)
    assert found.verdict is Verdict.UNDECIDED
    assert "improves 5 of 5 targets" in found.headline
    assert "With the MLP no number of runs on these targets would" in text(found)
    given["study"] = made("target", TARGETS)
    given["control"] = MISSED
    with pytest.raises(CheckError, match="no power"):
        TRANSFER.find(SETTINGS)


def test_the_papers_encoder_on_record_decides(given, on_record):
    worse = made("target", TARGETS)
    worse["aligned"] -= 2
    given["study"] = worse
    assert TRANSFER.find(SETTINGS).verdict is Verdict.FAILS
    # What is not of all targets decides nothing.
    on_record("sentence_transfer", made("target", TARGETS[:4]), "lstm")
    found = TRANSFER.find(SETTINGS)
    assert found.verdict is Verdict.FAILS
    assert "The LSTM on record decides nothing" in text(found)
    on_record("sentence_transfer", made("target", TARGETS), "lstm")
    found = TRANSFER.find(SETTINGS)
    assert found.verdict is Verdict.HOLDS
    assert found.headline.startswith("On record, with the LSTM")
    assert "With the MLP (3 runs, " in text(found)
    assert found.data.endswith("encoder lstm, on record and mlp")
    value = {one.quantity: one.value for one in found.measurements}
    name = "gain by alignment, mean, near (points)"
    assert value[f"on record, lstm: {name}"] > 0.9
    assert value[name] < -0.9
    # What was trained on other files is reported, and decides nothing.
    given["study"] = worse.assign_attrs({"data_mr all": "sha256:0"})
    assert TRANSFER.find(SETTINGS).verdict is Verdict.FAILS
    given["study"] = worse
    # The seed and the control are of what decides.
    assert (found.seed, len(found.controls)) == (7, 1)
    on_record("sentence_control", shuffled_labels(), "lstm")
    theirs, here = TRANSFER.find(SETTINGS).controls
    assert theirs.dropped.endswith("; the lstm)")
    assert here == NOTICED
    on_record("sentence_control", shuffled_labels(0.9), "lstm")
    with pytest.raises(CheckError, match="; the lstm"):
        TRANSFER.find(SETTINGS)
    given["study"] = made("target", TARGETS).assign_attrs(encoder="lstm")
    assert "On record" not in TRANSFER.find(SETTINGS).headline


def test_thirteen_pairs_and_all_scores_must_rise(given):
    given["study"] = study = made("pair", PAIRS)
    scores = SCORES.find(SETTINGS)
    assert (GAINS.find(SETTINGS).verdict, scores.verdict) == (Verdict.HOLDS,) * 2
    assert len(scores.measurements) == 9
    study["aligned"].loc[{"protocol": "near"}][:3] -= 2
    study["aligned_similarity"].loc[{"protocol": "near"}][7] = 0.4
    gains, scores = GAINS.find(SETTINGS), SCORES.find(SETTINGS)
    assert (gains.verdict, scores.verdict) == (Verdict.FAILS, Verdict.FAILS)
    assert "improves 12 of 15 pairs" in gains.headline
    assert "rises on 14 of 15 pairs" in scores.headline
    assert "exact duplicates) the similarity rises on 15 of 15 pairs" in text(scores)
    assert "turn them apart" not in text(scores)
    study["aligned_similarity"] -= 0.2
    assert "turn them apart" in text(SCORES.find(SETTINGS))
    # What was not trained is no pair, and fewer than fifteen settle nothing.
    given["study"] = made("pair", PAIRS)
    given["study"]["aligned"].loc[{"protocol": "near"}][:2] = np.nan
    assert SCORES.find(SETTINGS).verdict is Verdict.UNDECIDED
    gains = GAINS.find(SETTINGS)
    assert gains.verdict is Verdict.UNDECIDED
    assert "13 of 13 pairs" in gains.headline


def test_other_encoders_are_judged_from_records(on_record):
    claim = other_encoders.CLAIM
    found = claim.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert "sentence_pairs of the cnn: `python -m paper_checks" in text(found)
    for kind in ("mlp", "cnn"):
        on_record("sentence_transfer", made("target", TARGETS), kind)
        on_record("sentence_pairs", made("pair", PAIRS), kind)
        on_record("sentence_control", shuffled_labels(), kind)
    found = claim.find(Settings())
    assert (found.verdict, found.seed) == (Verdict.HOLDS, 7)
    assert found.data.endswith("on record: mlp, 3 runs; cnn, 3 runs")
    names = [one.quantity for one in found.measurements]
    assert "cnn, pairs: gain by alignment, mean, exact (points)" in names
    on_record("sentence_transfer", one_lucky_run("target", TARGETS), "cnn")
    found = claim.find(Settings())
    assert found.verdict is Verdict.UNDECIDED
    assert "With the CNN no number of runs on these targets would" in text(found)
    assert "With the MLP no number" not in text(found)
    worse = made("target", TARGETS)
    worse["aligned"].loc[{"protocol": "near"}][:2] -= 2
    on_record("sentence_transfer", worse, "cnn")
    found = claim.find(Settings())
    assert found.verdict is Verdict.FAILS
    # What fails decides, and not the first encoder.
    assert found.deciding is not None
    assert found.deciding.quantity.startswith("cnn, targets: ")
    on_record("sentence_control", shuffled_labels(0.9), "cnn")
    with pytest.raises(CheckError, match="; the cnn"):
        claim.find(Settings())
    naive = made("pair", PAIRS).sel(protocol=["naive"])
    on_record("sentence_pairs", naive, "mlp")
    found = claim.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert "the rest of sentence_pairs of the mlp ('near')" in text(found)
