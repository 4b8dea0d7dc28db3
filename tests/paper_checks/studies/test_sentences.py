"""Studies of sentence sets: trained once, and kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from paper_checks.data.corpus import load_corpus
from paper_checks.data.vectors import load_vectors
from paper_checks.sentences import cells
from paper_checks.sentences.cells import Bench
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.studies import STUDIES
from paper_checks.sentences.training import Training
from paper_checks.settings import Settings
from paper_checks.studies import sentences
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import add_six_sets
from tests.paper_checks.sentences.sentence_data import shuffled_labels


def test_word_vectors_that_are_missing_are_named(tmp_path: Path):
    folder = Folder(tmp_path)
    add_six_sets(folder, 6)
    settings = Settings(data=tmp_path)
    assert sentences.missing(settings) == ()
    (tmp_path / "glove.npz").unlink()
    (said,) = sentences.missing(settings)
    assert "glove_6B_50d_trim: no glove.npz; https://nlp" in said
    folder.entries.pop()
    folder.write()
    (said,) = sentences.missing(settings)
    assert "glove_6B_50d_trim: not in the manifest; https://nlp" in said


def test_a_study_has_the_seed_that_is_asked_for(tmp_path: Path, monkeypatch):
    specs: list[TextStudy] = []

    def told(_, spec: TextStudy) -> xr.Dataset:
        specs.append(spec)
        return xr.Dataset()

    monkeypatch.setitem(STUDIES, "sentence_pairs", told)
    monkeypatch.setattr(sentences, "_bench", lambda _: None)
    monkeypatch.setattr(sentences.store, "save", lambda *_: None)
    asked = Settings(data=tmp_path, results=tmp_path, seed=3)
    sentences.study(asked, "sentence_pairs")
    assert specs == [replace(TextStudy.quick(), seed=3)]


def test_one_set_that_is_better_than_its_commonest_class_is_one_too_many():
    found = shuffled_labels(0.55)  # 500 rows: 5 standard errors are 0.11
    assert sentences.control_of(found).noticed == 6
    found["accuracy"][2] = 0.7
    assert not sentences.control_of(found).convincing


@pytest.mark.long
def test_a_study_is_trained_once_and_again_for_other_data(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    add_six_sets(folder)
    how = Training(width=4, batch=50, rate=0.02, epochs=2, together=8)
    small = TextStudy(training=how, widths=(4,), runs=1)
    monkeypatch.setattr(sentences.TextStudy, "quick", lambda: small)
    ran: list[str] = []
    for name, run in STUDIES.items():

        def told(bench, spec, name=name, run=run):
            ran.append(name)
            return run(bench, spec)

        monkeypatch.setitem(STUDIES, name, told)
    settings = Settings(data=tmp_path, results=tmp_path / "results")
    found = {name: sentences.study(settings, name) for name in STUDIES}
    assert sentences.control(settings).noticed >= 5
    assert sorted(ran) == sorted(STUDIES)
    for name, data in found.items():
        again = sentences.study(settings, name)
        for variable in data:
            np.testing.assert_array_equal(again[variable], data[variable])
    assert len(ran) == len(STUDIES)
    sizes = {"protocol": 3, "target": 5, "run": 1}
    assert found["sentence_transfer"]["aligned"].sizes == sizes
    # A store of other files is studied again, and its cells are trained again.
    cells = tmp_path / "results" / "sentences"
    before = {path: path.stat().st_mtime_ns for path in cells.iterdir()}
    folder.entries.clear()
    add_six_sets(folder, 156)
    sentences.study(settings, "sentence_capacity")
    assert ran[len(STUDIES) :] == ["sentence_capacity"]
    assert any(path.stat().st_mtime_ns != time for path, time in before.items())


@pytest.mark.long
def test_the_control_notices_a_model_that_has_seen_its_test_rows(
    data_folder: Path, tmp_path: Path, monkeypatch
):
    bench = Bench(load_corpus(data_folder), load_vectors(data_folder), tmp_path)
    apart = cells.split

    def leaking(*given):
        one = apart(*given)
        pairs = zip(one.train, one.test, strict=True)
        return replace(one, train=tuple(map(np.concatenate, pairs)), dev=one.test)

    monkeypatch.setattr(cells, "split", leaking)
    found = STUDIES["sentence_control"](bench, TextStudy.full("mlp"))
    assert not sentences.control_of(found).convincing
