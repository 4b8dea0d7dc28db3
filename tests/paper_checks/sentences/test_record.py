"""Records of studies: what is done is kept as it is, and what is not is said."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from paper_checks.data.corpus import load_corpus
from paper_checks.data.vectors import load_vectors
from paper_checks.sentences import __main__ as command
from paper_checks.sentences import record
from paper_checks.sentences.best_capacity import best_of
from paper_checks.sentences.cells import Bench, Cell
from paper_checks.sentences.recording import Finished, finished
from paper_checks.sentences.spec import TextStudy
from paper_checks.sentences.splits import PROTOCOLS
from paper_checks.sentences.studies import STUDIES
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import add_six_sets

WIDTHS = (5, 100)


class MadeUp(Bench):
    """Gives accuracies that follow from the cell's name, and trains nothing."""

    def _train(self, cell: Cell) -> dict[str, Any]:
        rng = np.random.default_rng(list(cell.name.encode()))
        shape = (len(cell.problems), cell.runs)
        tasks = (*shape, len(cell.problems[0]))
        found = {name: rng.random(tasks).round(6) for name in ("test", "dev")}
        best = rng.integers(1, cell.training.epochs + 1, tasks)
        found["best_pass"] = best.astype(np.float64)
        for name in ("similarity", "aligned_similarity"):
            found[name] = rng.random(shape).round(6)
        return {name: values.tolist() for name, values in found.items()}


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    folder = tmp_path_factory.mktemp("data")
    add_six_sets(Folder(folder), 150)
    cells = folder / "results" / "sentences"
    return MadeUp(load_corpus(folder), load_vectors(folder), cells)


@pytest.fixture(scope="module")
def trained(bench: Bench) -> dict[str, xr.Dataset]:
    """All studies of an MLP in two runs; transfer alone of a CNN, in one run."""
    spec = TextStudy.full("mlp").changed(2, WIDTHS)
    found = {name: run(bench, spec) for name, run in STUDIES.items()}
    small = TextStudy.full("cnn").changed(1, ())
    found["cnn"] = STUDIES["sentence_transfer"](bench, small, ["naive", "near"])
    return found


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_that_is_done_is_the_same_after_a_round_trip(
    bench: Bench, trained, name: str, tmp_path: Path
):
    done = Finished(bench)
    found, said = finished(done, name, "mlp", widths=WIDTHS)
    assert found is not None
    assert "cells are done (" not in said
    for variable in trained[name]:
        np.testing.assert_array_equal(found[variable], trained[name][variable])
    record.write(found, record.path_of(name, "mlp", tmp_path))
    again = record.read(name, "mlp", tmp_path)
    assert again is not None
    xr.testing.assert_identical(again, record.rounded(found))
    accuracy = "accuracy" if name == "sentence_control" else "alone"
    # Six decimals of a share are four of a per cent, up to rounding of the product;
    # a control is a share, and a pair the mean of two, whose last decimal is lost.
    exact = name in ("sentence_transfer", "sentence_capacity")
    unit = 1e-12 if exact else 5.1e-5
    np.testing.assert_allclose(again[accuracy], found[accuracy], rtol=0, atol=unit)
    seconds = sum(one.about["seconds"] for one in done.done.values())
    assert again.attrs["seconds"] == pytest.approx(seconds, abs=0.05)
    assert again.attrs["data_vectors"] == bench.vectors.checksum
    assert json.loads(again.attrs["near_duplicates"])
    assert f"--encoder mlp --only {name}" in again.attrs["command"]
    if name == "sentence_capacity":
        assert "--runs 2 --widths 5 100" in again.attrs["command"]
        best = best_of(again, "exact")
        assert best is not None
        part = again.sel(protocol="exact")
        np.testing.assert_array_equal(part["best_alone"], best.alone)
        np.testing.assert_array_equal(part["best_together"], best.together)
        assert float(part["paper_together"].sel(set="mr")) == 96.0


def test_late_best_passes_are_those_of_the_cells(bench: Bench, trained):
    """Of 30 passes the last three are 28 and more; of targets alone SST is not one."""
    for protocol in ("naive", "near"):
        (alone,) = bench.folder.glob(f"mlp-{protocol}-r100-1-tasks-[0-9a-f]*.json")
        best = np.array(json.loads(alone.read_text())["best_pass"])[:, :, 0]
        for name, sets in (("sentence_transfer", slice(1, 6)), ("sentence_pairs", ...)):
            late = trained[name]["late"].sel(protocol=protocol)
            wanted = 100 * np.mean(best[sets] >= 28)
            assert float(late.sel(model="alone")) == pytest.approx(wanted)
        files = bench.folder.glob(f"mlp-{protocol}-r100-2-tasks-aligned-*.json")
        both = [json.loads(one.read_text())["best_pass"] for one in files]
        wanted = 100 * np.mean(np.concatenate(both) >= 28)
        assert float(late.sel(model="aligned")) == pytest.approx(wanted)


def test_what_is_not_done_is_left_out_and_said(bench: Bench, trained, tmp_path: Path):
    done = Finished(bench)
    found, said = finished(done, "sentence_transfer", "cnn")
    assert found is not None
    assert found["protocol"].to_numpy().tolist() == ["naive", "near"]
    assert found.sizes["run"] == 1
    wanted = trained["cnn"]["aligned"]
    np.testing.assert_array_equal(found["aligned"], wanted)
    told = "22 of 33 cells are done (naive 11 of 11, exact 0 of 11, near 11 of 11)"
    assert said == f"sentence_transfer-cnn: {told}, 1 runs each"
    assert found.attrs["command"].endswith("--runs 1 --protocols naive near")
    # Five of fifteen pairs; nothing at all of the capacities together, or of an LSTM.
    pairs, _ = finished(done, "sentence_pairs", "cnn")
    assert pairs is not None
    assert pairs["pair"].to_numpy()[[0, -1]].tolist() == ["sst, mr", "sst, trec"]
    assert finished(done, "sentence_capacity", "cnn")[0] is None
    assert finished(done, "sentence_pairs", "lstm")[0] is None
    # One target less under one protocol: a hole, which is null in the file.
    (gone,) = [
        path
        for path in bench.folder.glob("cnn-near-r100-2-tasks-aligned-*.json")
        if '["sst", "trec"]' in json.loads(path.read_text())["about"]["spec"]
    ]
    kept = gone.read_text()
    gone.unlink()
    found, _ = finished(done, "sentence_transfer", "cnn")
    gone.write_text(kept)
    assert found is not None
    record.write(found, record.path_of("sentence_transfer", "cnn", tmp_path))
    again = record.read("sentence_transfer", "cnn", tmp_path)
    assert again is not None
    assert np.isnan(again["aligned"]).sum() == 1
    assert np.isnan(again["aligned"].sel(protocol="near", target="trec")).all()


def test_cells_of_other_data_are_not_recorded(bench: Bench, trained, tmp_path: Path):
    add_six_sets(Folder(tmp_path), 156)
    other = Bench(load_corpus(tmp_path), load_vectors(tmp_path), bench.folder)
    found, said = finished(Finished(other), "sentence_control", "mlp", widths=WIDTHS)
    assert found is None
    assert "0 of 1 cells are done" in said


def test_the_command_writes_what_is_done(bench: Bench, trained, tmp_path: Path, capsys):
    results = bench.folder.parent
    asked = ["--data", str(results.parent), "--results", str(results)]
    asked += ["--out", str(tmp_path)]
    assert command.main(["record", *asked, "--encoders", "mlp", "cnn"]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    wanted = [f"{name}-mlp.json" for name in STUDIES if name != "sentence_control"]
    wanted += ["sentence_transfer-cnn.json", "sentence_pairs-cnn.json"]
    wanted += ["sentence_control-mlp.json"]
    assert names == sorted(wanted)
    said = capsys.readouterr().out
    assert "sentence_capacity-cnn: " in said
    assert record.recorded("sentence_pairs", tmp_path).keys() == {"mlp", "cnn"}
    assert command.main(["record", *asked, "--encoders", "lstm"]) == 1
    assert command.main(["record", *asked, "--only", "pairs"]) == 2
    assert "no study ['pairs']" in capsys.readouterr().err
    for runs in ("0", "-1"):
        assert command.main(["record", *asked, "--runs", runs]) == 2
        assert f"runs must be >= 1, got {runs}" in capsys.readouterr().err


def test_vectors_are_those_of_a_text_file_if_one_is_given(
    bench: Bench, tmp_path: Path, monkeypatch, capsys
):
    seen: list[Bench] = []

    def told(given: Bench, *_: object) -> xr.Dataset:
        seen.append(given)
        return xr.Dataset()

    monkeypatch.setitem(STUDIES, "sentence_control", told)
    monkeypatch.setattr(command.store, "save", lambda *_: tmp_path)
    file = tmp_path / "vectors.txt"
    file.write_text("good 1 2\nunheard 3 4\n")
    asked = ["--data", str(bench.folder.parents[1]), "--results", str(tmp_path)]
    asked += ["--only", "sentence_control", "--vectors", str(file)]
    assert command.main(asked) == 0
    # Of the words of the sets; cells of other vectors are no cells of these.
    assert seen[0].vectors.words == ("good",)
    assert seen[0].checksums["vectors"] != bench.checksums["vectors"]
    file.write_text("good 1 2\nbad 1\n")
    assert command.main(asked) == 2
    assert "vectors.txt, line 2: 1 numbers" in capsys.readouterr().err


def test_a_damaged_record_is_refused(tmp_path: Path):
    assert record.read("sentence_pairs", "mlp", tmp_path) is None
    path = record.path_of("sentence_pairs", "mlp", tmp_path)
    for text in ("{", "[]", '{"data_vars": {"a": {"dims": ["run"]}}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"pairs-mlp\.json is no record"):
            record.read("sentence_pairs", "mlp", tmp_path)


def test_studies_say_how_far_runs_share_rows(trained):
    share = trained["sentence_pairs"]["test_over_train"]
    assert share["protocol"].to_numpy().tolist() == list(PROTOCOLS)
    # Of 150 rows 15 are tested and 14 of the others stop training; SST has its parts.
    naive = share.sel(protocol="naive")
    np.testing.assert_allclose(naive.sel(set=["sst", "mr"]), [1, 15 / 121])
    assert (share.sel(protocol="exact") > naive).all()


def test_what_the_project_has_on_record_says_where_it_is_from():
    for path in record.FOLDER.iterdir():
        name, kind = path.stem.rsplit("-", 1)
        data = record.read(name, kind)  # pyright: ignore[reportArgumentType]
        assert data is not None
        assert name in STUDIES
        assert data.attrs["encoder"] == kind
        said = {"command", "date", "seconds", "done", "seed", "jax", "data_vectors"}
        assert said <= data.attrs.keys()
