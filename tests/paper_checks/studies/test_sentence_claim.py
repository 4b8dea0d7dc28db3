"""W-F5b, W-F7, W-C5, W-X1, W-X2: verdicts on made-up studies; W-F6 is apart."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import (
    chest_x_rays,
    figure_5b,
    figure_6,
    figure_7,
    other_encoders,
    random_labels,
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
    curves,
    made,
    shuffled_labels,
)

MISSED = Control(dropped="", noticed=2, instances=6)
SETTINGS = Settings(data=Path("/there"))


def test_claims_need_data_and_say_which(tmp_path: Path, on_record):
    for module in (figure_5b, figure_6, figure_7, random_labels):
        found = module.find(Settings())
        several = [found] if isinstance(found, Finding) else found
        mine = [one for one in several if one.claim != "W-F6t"]
        assert all(one.verdict is Verdict.NEEDS_DATA for one in mine)
        assert all("DATA=/path/to/folder" in one.reason for one in mine)
        assert all(one.data == "none" for one in mine)
    folder = Folder(tmp_path)
    add_six_sets(folder, 6)
    (tmp_path / "cr.all.tsv.gz").unlink()
    found = figure_5b.find(Settings(data=tmp_path))
    assert found.verdict is Verdict.NEEDS_DATA
    assert "cr (all): no cr.all.tsv.gz; its authors have it at" in found.reason
    said = random_labels.find(Settings(data=tmp_path))[0].reason
    assert "does not list yeast (train), yeast (test), scene" in said


def test_without_data_what_is_on_record_is_quoted_and_not_judged(on_record):
    on_record("sentence_transfer", made("target", TARGETS))
    on_record("sentence_transfer", made("target", TARGETS, 1), "cnn")
    found = figure_5b.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert "DATA=/path/to/folder. On record (2026-01-02, `train the mlp`): " in (
        found.reason
    )
    assert "5 of 5 (exact), 5 of 5 (near) targets" in found.reason
    assert "one run, so no test" in found.reason
    assert found.data == "none; on record: mlp, 3 runs; cnn, 1 run"
    names = [one.quantity for one in found.measurements]
    assert "on record, cnn: gain by alignment, mean, near (points)" in names
    assert all(name.startswith("on record, ") for name in names)
    on_record("sentence_capacity", curves())
    near, naive = figure_6.find(Settings())[1:]
    assert "SST and MR +1.00 and then +1.00, the others +1.00 and then" in near.reason
    assert "without near-duplicates, with mlp, 2 runs, SST" in near.reason
    assert "The leak" not in naive.reason


def test_alignment_must_improve_four_targets_and_be_clear(given):
    given["study"] = made("target", TARGETS)
    found = figure_5b.find(SETTINGS)
    assert found.verdict is Verdict.HOLDS
    value = {one.quantity: one.value for one in found.measurements}
    for protocol in PROTOCOLS:
        name = f"gain by alignment, {protocol}: significantly up after Holm"
        assert value[name] == 5
        assert value[name.replace("alignment", "training together")] == 0
    assert "Holm: alignment 5 up, 0 down of 5, training together 0 up" in found.reason
    part = given["study"]["aligned"]
    part.loc[{"protocol": "near", "target": "mr"}] -= 2
    assert figure_5b.find(SETTINGS).verdict is Verdict.HOLDS
    part.loc[{"protocol": "near", "target": "cr"}] -= 2
    found = figure_5b.find(SETTINGS)
    assert found.verdict is Verdict.FAILS
    assert "5 of 5 (exact), 3 of 5 (near) targets" in found.reason
    assert "MR -1.0, CR -1.0, SUBJ +1.0" in found.reason
    # All five gain on average, in one run of three: nothing is clear.
    given["study"] = made("target", TARGETS)
    given["study"]["aligned"][:, :, 0] += 4
    given["study"]["aligned"][:, :, 1:] -= 1.5
    found = figure_5b.find(SETTINGS)
    assert found.verdict is Verdict.NEEDS_DATA
    assert "5 of 5 (near) targets" in found.reason
    wanted = "--encoder mlp --only sentence_transfer --runs N`"
    assert found.reason.startswith("needs more runs to tell it from chance: `python")
    assert wanted in found.reason
    given["study"] = made("target", TARGETS)
    given["control"] = MISSED
    with pytest.raises(CheckError, match="no power"):
        figure_5b.find(SETTINGS)


def test_the_papers_encoder_on_record_decides(given, on_record):
    worse = made("target", TARGETS)
    worse["aligned"] -= 2
    given["study"] = worse
    assert figure_5b.find(SETTINGS).verdict is Verdict.FAILS
    # What is not of all targets decides nothing.
    on_record("sentence_transfer", made("target", TARGETS[:4]), "lstm")
    found = figure_5b.find(SETTINGS)
    assert found.verdict is Verdict.FAILS
    assert "Not deciding: On record (2026-01-02, `train the lstm`)" in found.reason
    on_record("sentence_transfer", made("target", TARGETS), "lstm")
    found = figure_5b.find(SETTINGS)
    assert found.verdict is Verdict.HOLDS
    assert found.reason.startswith("On record (2026-01-02, `train the lstm`): lstm, 3")
    assert ". Here: mlp, 3 runs" in found.reason
    assert found.data.endswith("encoder lstm, on record and mlp")
    value = {one.quantity: one.value for one in found.measurements}
    name = "gain by alignment, mean, near (points)"
    assert value[f"on record, lstm: {name}"] > 0.9
    assert value[name] < -0.9
    # What was trained on other files is told, and decides nothing.
    given["study"] = worse.assign_attrs({"data_mr all": "sha256:0"})
    assert figure_5b.find(SETTINGS).verdict is Verdict.FAILS
    given["study"] = worse
    # The seed and the control are of what decides.
    assert (found.seed, len(found.controls)) == (7, 1)
    on_record("sentence_control", shuffled_labels(), "lstm")
    theirs, here = figure_5b.find(SETTINGS).controls
    assert theirs.dropped.endswith("; the lstm)")
    assert here == NOTICED
    on_record("sentence_control", shuffled_labels(0.9), "lstm")
    with pytest.raises(CheckError, match="; the lstm"):
        figure_5b.find(SETTINGS)
    given["study"] = made("target", TARGETS).assign_attrs(encoder="lstm")
    assert not figure_5b.find(SETTINGS).reason.startswith("On record")


def test_thirteen_pairs_and_all_scores_must_rise(given):
    given["study"] = made("pair", PAIRS)
    gains, scores = figure_7.find(SETTINGS)
    assert (gains.verdict, scores.verdict) == (Verdict.HOLDS, Verdict.HOLDS)
    assert len(scores.measurements) == 9
    assert scores.measurements[-1].interval == "none: a rank correlation of pairs"
    assert scores.measurements[-1].n == 15
    given["study"]["aligned"].loc[{"protocol": "near"}][:3] -= 2
    given["study"]["aligned_similarity"].loc[{"protocol": "near"}][7] = 0.4
    gains, scores = figure_7.find(SETTINGS)
    assert (gains.verdict, scores.verdict) == (Verdict.FAILS, Verdict.FAILS)
    assert "12 of 15 (near) pairs" in gains.reason
    assert "15 of 15 (exact), 14 of 15 (near) pairs" in scores.reason
    assert "turn them apart" not in scores.reason
    given["study"]["aligned_similarity"] -= 0.2
    assert "turn them apart" in figure_7.find(SETTINGS)[1].reason
    # What was not trained is no pair, and fewer than fifteen settle nothing.
    given["study"] = made("pair", PAIRS)
    given["study"]["aligned"].loc[{"protocol": "near"}][:2] = np.nan
    gains, scores = figure_7.find(SETTINGS)
    assert (gains.verdict, scores.verdict) == (Verdict.FAILS, Verdict.FAILS)
    assert "13 of 13 (near) pairs" in gains.reason


def test_other_encoders_are_judged_from_records(on_record):
    found = other_encoders.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert "sentence_pairs of the cnn: `python -m paper_checks" in found.reason
    for kind in ("mlp", "cnn"):
        on_record("sentence_transfer", made("target", TARGETS), kind)
        on_record("sentence_pairs", made("pair", PAIRS), kind)
        on_record("sentence_control", shuffled_labels(), kind)
    found = other_encoders.find(Settings())
    assert (found.verdict, found.seed) == (Verdict.HOLDS, 7)
    assert found.data.endswith("on record: mlp, 3 runs; cnn, 3 runs")
    names = [one.quantity for one in found.measurements]
    assert "cnn, pairs: gain by alignment, mean, exact (points)" in names
    unclear = made("target", TARGETS)
    unclear["aligned"][:, :, 0] += 4
    unclear["aligned"][:, :, 1:] -= 1.5
    on_record("sentence_transfer", unclear, "cnn")
    found = other_encoders.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert "--encoder cnn --only sentence_transfer --runs N`" in found.reason
    assert "--encoder mlp --only sentence_transfer --runs N`" not in found.reason
    worse = made("target", TARGETS)
    worse["aligned"].loc[{"protocol": "near"}][:2] -= 2
    on_record("sentence_transfer", worse, "cnn")
    assert other_encoders.find(Settings()).verdict is Verdict.FAILS
    on_record("sentence_control", shuffled_labels(0.9), "cnn")
    with pytest.raises(CheckError, match="; the cnn"):
        other_encoders.find(Settings())
    naive = made("pair", PAIRS).sel(protocol=["naive"])
    on_record("sentence_pairs", naive, "mlp")
    found = other_encoders.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert "the rest of sentence_pairs of the mlp ('near')" in found.reason


def test_random_labels_are_judged_in_both_models(monkeypatch):
    shape = (3, 2, 2, 20, 1)
    axes = ("set", "model", "reading", "pair", "draw")
    gain = 1 + 0.3 * np.random.default_rng(0).normal(size=shape)
    coords = {
        "set": ["a", "b", "c"],
        "model": ["linear", "mlp"],
        "reading": ["printed", "standardised"],
    }
    data = xr.Dataset({"gain": (axes, gain), "noisy_gain": (axes, gain)}, coords)
    monkeypatch.setattr(random_labels, "missing", lambda _: "")
    monkeypatch.setattr(random_labels, "_available", lambda _: ("a", "b", "c"))
    monkeypatch.setattr(random_labels, "_kept", lambda *_: data)
    monkeypatch.setattr(random_labels, "_control", lambda *_: NOTICED)
    found = random_labels.find(SETTINGS)
    assert [one.verdict for one in found] == [Verdict.HOLDS] * 2
    data["gain"].loc[{"model": "mlp", "reading": "standardised"}] -= 1.1
    assert [one.verdict for one in random_labels.find(SETTINGS)] == [
        Verdict.HOLDS,
        Verdict.FAILS,
    ]


def test_chest_x_rays_need_images_and_their_numbers_agree():
    found = chest_x_rays.find(Settings())
    assert found.verdict is Verdict.NEEDS_DATA
    assert chest_x_rays.arithmetic_agrees()
    assert "agree: 14 x 0.4 = 5.6" in found.reason
