"""Studies of sentence sets: trained once, and kept."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks import sentence_studies
from paper_checks.benchmarks.text.studies import STUDIES, TextStudy
from paper_checks.benchmarks.text.training import Training
from paper_checks.settings import Settings
from tests.paper_checks.benchmarks.test_folder import Folder
from tests.paper_checks.benchmarks.text.folder import add_six_sets


def test_word_vectors_that_are_missing_are_named(tmp_path: Path):
    folder = Folder(tmp_path)
    add_six_sets(folder, 6)
    settings = Settings(data=tmp_path)
    assert sentence_studies.missing(settings) == ()
    (tmp_path / "glove.npz").unlink()
    (said,) = sentence_studies.missing(settings)
    assert "glove_6B_50d_trim: no glove.npz; https://nlp" in said
    folder.entries.pop()
    folder.write()
    (said,) = sentence_studies.missing(settings)
    assert "glove_6B_50d_trim: not in the manifest; https://nlp" in said


@pytest.mark.long
def test_a_study_is_trained_once_and_again_for_other_data(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    add_six_sets(folder)
    how = Training(width=4, batch=50, rate=0.02, epochs=2, together=8)
    small = TextStudy(training=how, widths=(4,), runs=1)
    monkeypatch.setattr(sentence_studies.TextStudy, "quick", lambda: small)
    ran: list[str] = []
    for name, run in STUDIES.items():

        def told(bench, spec, name=name, run=run):
            ran.append(name)
            return run(bench, spec)

        monkeypatch.setitem(STUDIES, name, told)
    settings = Settings(data=tmp_path, results=tmp_path / "results")
    found = {name: sentence_studies.study(settings, name) for name in STUDIES}
    assert sentence_studies.control(settings).noticed >= 5
    assert sorted(ran) == sorted(STUDIES)
    for name, data in found.items():
        again = sentence_studies.study(settings, name)
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
    sentence_studies.study(settings, "sentence_capacity")
    assert ran[len(STUDIES) :] == ["sentence_capacity"]
    assert any(path.stat().st_mtime_ns != time for path, time in before.items())
