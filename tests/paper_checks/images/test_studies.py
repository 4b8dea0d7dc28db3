"""The studies of chest X-rays: rows, problems, cells that are resumed, the record."""

import json
from pathlib import Path

import numpy as np
import pytest

from paper_checks.claims import chest_x_rays, random_labels
from paper_checks.data.chest_images import (
    PARTS,
    load_chest_images,
    load_labelled,
)
from paper_checks.images import __main__ as command
from paper_checks.images import cells, record
from paper_checks.images.cells import Bench, part_of
from paper_checks.images.problems import problem
from paper_checks.images.studies import ImageStudy, summary, train_all
from paper_checks.images.training import Fit, Training, fit
from paper_checks.networks.densenet import DenseNetConfig
from paper_checks.settings import Settings
from tests.paper_checks.images.made_up import ROWS, add_images

TINY = Training(
    network=DenseNetConfig(growth=4, blocks=(1, 1)), batch=20, rate=0.02, passes=1
)
CLEAN = ImageStudy(study="clean", numbers=2, training=TINY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_images(tmp_path)
    return tmp_path


def made_fit(k: int, level: float) -> Fit:
    return Fit(np.zeros(1), np.full((1, k), 0.5), level + 0.01 * np.arange(k)[None])


def test_no_patient_is_in_two_parts_and_rare_labels_are_left_out(folder: Path):
    data = load_labelled(folder)
    patients = load_chest_images(folder)[3]
    parts = [set(patients[rows]) for rows in data.part.values()]
    assert not any(a & b for n, a in enumerate(parts) for b in parts[:n])
    # Of patient 2 the image of training goes, of patient 70 the one of the dev part.
    assert data.dropped == 2
    assert set(range(ROWS)) - set(np.concatenate(list(data.part.values()))) == {2, 70}
    assert data.names == ("left", "top", "chance")
    assert data.left_out == ("rare",)
    assert {n: len(rows) for n, rows in data.part.items()} == {
        "train": 59,
        "dev": 29,
        "test": 30,
    }
    scaled = data.inputs()[data.part["train"]]
    assert abs(scaled.mean()) < 1e-5
    assert scaled.std() == pytest.approx(1, abs=1e-5)


def test_weights_and_labels_of_a_problem_are_those_of_the_training_part(folder: Path):
    data = load_labelled(folder)
    clean = problem(data, "clean", 0, 0)
    assert clean.tasks == (0, 1, 2)
    np.testing.assert_array_equal(clean.labels, data.labels[data.part["train"]])
    printed, even = (clean.weights(s) for s in ("printed", "uniform"))
    np.testing.assert_array_equal(even, 1)
    assert printed.mean() == pytest.approx(1)
    # What can be seen in the pixels weighs more than chance.
    assert printed[2] < min(printed[:2])
    pair = problem(data, "pairs", 4, 0)
    a, b = (data.labels[data.part["train"], task] for task in pair.tasks)
    assert 0 < np.sum(pair.labels[:, 0] != a) <= 12
    np.testing.assert_array_equal(pair.labels[:, 1], b)
    assert part_of(data, pair).names == tuple(data.names[t] for t in pair.tasks)
    again = problem(data, "pairs", 4, 0)
    np.testing.assert_array_equal(pair.labels, again.labels)


@pytest.fixture
def counted(monkeypatch):
    """Lets a made-up fit stand for training, and counts its calls."""
    calls: list[tuple] = []

    def made(data, weights, how, seed, *, labels, report):
        calls.append((weights.tolist(), seed, labels.shape))
        return made_fit(len(data.names), 0.5 + 0.01 * len(calls))

    monkeypatch.setattr(cells, "fit", made)
    # Not of this test: it would compile.
    made_auc = np.zeros((1, 3, 1))
    monkeypatch.setattr(
        "paper_checks.images.studies.mlps",
        lambda _, given, __: made_auc + np.zeros((len(given), 3, len(given[0].tasks))),
    )
    monkeypatch.setattr(
        "paper_checks.images.studies.linear",
        lambda _, given: np.full((4, len(given.tasks)), 0.5),
    )
    return calls


def test_networks_that_are_done_are_read_and_damaged_ones_trained(folder, counted):
    bench = Bench(load_labelled(folder), folder / "cells")
    assert train_all(bench, CLEAN, until=0.0) == 6
    assert not counted
    assert train_all(bench, CLEAN) == 0
    assert [seed for _, seed, _ in counted] == [0, 0, 0, 1, 1, 1]
    found = summary(bench, CLEAN)
    # Levels rise by 0.01 a call: points of a gain are its place among the schemes.
    assert found["models"]["densenet7"]["printed"] == pytest.approx([1, 1])
    assert found["models"]["densenet7"]["standardised"] == pytest.approx([2, 2])
    assert found["models"]["densenet7"]["uniform"] == pytest.approx([52, 55])
    assert (found["images"]["train"], found["dropped"]) == (59, 2)
    assert train_all(bench, CLEAN) == 0
    assert len(counted) == 6
    damaged = sorted((folder / "cells").iterdir())[0]
    damaged.write_text(damaged.read_text()[:50])
    assert train_all(bench, CLEAN) == 0
    assert len(counted) == 7
    # Other images: none of the files is theirs.
    add_images(folder, split=np.repeat(["train", "dev", "test"], 40))
    other = Bench(load_labelled(folder), folder / "cells")
    assert all(other.done(cell) is None for cell in CLEAN.cells(0))
    with pytest.raises(ValueError, match="clean-densenet7: no run is done"):
        summary(other, CLEAN)


def test_the_command_says_what_it_left_out_and_goes_on(
    folder, counted, monkeypatch, capsys
):
    monkeypatch.setitem(command.CONFIGS, "small", TINY.network)
    path = folder / "recorded.json"
    monkeypatch.setattr(command, "record", lambda found: record.record(found, path))
    asked = [f"--data={folder}", f"--results={folder / 'results'}", "--depth=small"]
    asked += ["--seeds=2", "--pairs=3", "--passes=1", "--record"]
    assert command.main([*asked, "--minutes=0"]) == 0
    said = capsys.readouterr().out
    assert "59 train, 29 dev, 30 test; 2 dropped" in said
    assert "left out as too rare: rare" in said
    assert "6 networks are left" in said
    assert "9 networks are left" in said
    assert not path.exists()
    assert command.main(asked) == 0
    assert len(counted) == 15
    kept = json.loads(path.read_text())
    assert list(kept) == ["clean-densenet7", "pairs-densenet7"]
    pairs = kept["pairs-densenet7"]["models"]["densenet7"]
    assert pairs["printed"] == pytest.approx([1, 1, 1])
    assert pairs["noisy_standardised"] == pytest.approx([2, 2, 2])
    quoted = record.measurements("pairs", ("printed",), path)
    assert [one.quantity.split(", ")[3] for one in quoted] == [
        "linear",
        "mlp",
        "densenet7",
    ]
    assert command.main([f"--data={folder / 'nowhere'}"]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_the_ledger_quotes_what_is_on_record():
    kept = record.recorded()
    assert {one["study"] for one in kept.values()} == {"clean", "pairs"}
    for entry in kept.values():
        for values in entry["models"].values():
            gains = [values[name] for name in ("printed", "standardised")]
            assert all(len(g) in (1, len(entry["runs"])) for g in gains)
            assert np.isfinite(gains).all()
            assert np.abs(gains).max() < 50
    found = chest_x_rays.CLAIM.find(Settings())
    said = [one.quantity for one in found.measurements]
    assert any("recorded, 1,000 images, clean, densenet121" in one for one in said)
    noisy = random_labels.CLAIMS[0].find(Settings())
    pairs = [m for m in noisy.measurements if "1,000 images, pairs" in m.quantity]
    assert pairs
    assert all(m.interval.endswith(", over pairs that share tasks") for m in pairs)


@pytest.mark.long
def test_pairs_are_trained_with_random_labels_and_tested_on_clean_ones(folder: Path):
    bench = Bench(load_labelled(folder), folder / "cells")
    spec = ImageStudy(study="pairs", numbers=2, training=TINY)
    assert train_all(bench, spec) == 0
    found = summary(bench, spec)["models"]
    assert set(found) == {"linear", "mlp", "densenet7"}
    assert all(len(values) == 2 for one in found.values() for values in one.values())
    data, given = bench.data, problem(bench.data, "pairs", 1, 0)
    (cell, *_) = spec.cells(1)
    again = fit(part_of(data, given), np.ones(2), TINY, cell.start, labels=given.labels)
    kept = bench.result(cell).fit
    np.testing.assert_allclose(again.test, kept.test, atol=1e-6)
    # The same pair with its right labels is another network.
    clean = data.labels[data.part["train"]][:, list(given.tasks)]
    other = fit(part_of(data, given), np.ones(2), TINY, cell.start, labels=clean)
    assert other.loss[0] != kept.loss[0]


@pytest.mark.long
def test_the_thousand_images_are_read_without_shared_patients(data_folder: Path):
    data = load_labelled(data_folder)
    assert len(data.pixels) == 1000
    assert [len(data.part[part]) for part in PARTS] == [501, 158, 200]
    assert (data.dropped, len(data.names)) == (141, 9)
    # What the archive's own parts share.
    part, patients = load_chest_images(data_folder)[2:4]
    train, test = (patients[part == name] for name in ("train", "test"))
    assert len(set(train) & set(test)) == 8
    assert np.isin(test, train).sum() == 63
