"""Algorithm 2 on pairs with random labels: what is random, and what is compared."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from paper_checks.benchmarks import label_pairs
from paper_checks.benchmarks.label_pairs import LabelPairs, noisy_auc, noisy_pair, run
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.folder import load_benchmark
from tests.paper_checks.data.test_folder import Folder, add_emotions

SPEC = LabelPairs(sets=("made",), pairs=6, draws=2, steps=60, batch=50, width=4)


def made(part: str) -> LinearBenchmark:
    """Four labels that are signs of sums of the inputs."""
    rng = np.random.default_rng(0 if part == "train" else 1)
    x = rng.normal(size=(200, 5))
    directions = np.random.default_rng(2).normal(size=(5, 4))
    labels = np.sign(x @ directions + 0.5 * rng.normal(size=(200, 4)))
    names = ["a", "b", "c", "d"]
    one = LinearBenchmark.from_arrays([x] * 4, list(labels.T), names)
    return dataclasses.replace(one, name="made")


def test_only_the_first_tasks_training_labels_are_random():
    train = made("train")
    for pair in range(6):
        first, second = (noisy_pair(SPEC, train, 0, pair, draw) for draw in (0, 1))
        assert first.tasks == second.tasks
        a, b = (train.labels[task] for task in first.tasks)
        # A fifth is drawn anew, of which about half has the label it had.
        assert 5 <= np.sum(first.labels[0] != a) <= 40
        np.testing.assert_array_equal(first.labels[1], b)
        assert np.any(first.labels[0] != second.labels[0])
    pairs = {noisy_pair(SPEC, train, 0, pair, 0).tasks for pair in range(6)}
    assert len(pairs) > 1


def test_the_area_under_the_curve_counts_pairs_in_order():
    labels = np.array([-1.0, 1, -1, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.3, 0.9])
    pairs = [
        (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
        for i in np.flatnonzero(labels > 0)
        for j in np.flatnonzero(labels < 0)
    ]
    assert label_pairs.auc(labels, scores) == pytest.approx(np.mean(pairs))


def test_a_bad_spec_or_part_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"share of labels must be in \[0, 1\]"):
        run(dataclasses.replace(SPEC, share=1.5), lambda _, part: made(part))
    names = {"train": ("a", "b", "c", "d"), "test": ("a", "b", "d", "c")}
    with pytest.raises(ValueError, match="made: train and test parts have other tasks"):
        run(SPEC, lambda _, p: dataclasses.replace(made(p), task_names=names[p]))
    add_emotions(Folder(tmp_path))
    with pytest.raises(ValueError, match="lists no part 'test' of emotions"):
        load_benchmark(tmp_path, "emotions", "test")
    few = dataclasses.replace(made("test"), covariates=(np.ones((200, 3)),) * 4)
    with pytest.raises(ValueError, match=r"train part has 5 inputs, .* part 3: "):
        run(SPEC, lambda _, part: few if part == "test" else made(part))


def test_random_labels_of_one_class_are_refused():
    y = np.full(40, -1.0)
    y[:2] = 1
    rare = LinearBenchmark.from_arrays([np.ones((40, 1))] * 2, [y, y], ["a", "b"])
    spec = dataclasses.replace(SPEC, share=1.0)
    message = r"task 0 \([ab]\): labels are constant once 100% of them are random"
    with pytest.raises(ValueError, match=message):
        # Each draws no positive one with probability 0.13.
        _ = [noisy_pair(spec, rare, 0, 0, draw) for draw in range(40)]


@pytest.mark.long
def test_gains_are_differences_of_areas_of_the_same_labels():
    found = run(SPEC, lambda _, part: made(part))
    assert found["gain"].shape == (1, 2, 2, 6, 2)
    assert found["uniform"].mean() > 60
    assert 0 < np.abs(found["gain"]).max() < 20
    one = float(found["uniform"].sel(set="made", model="linear", pair=3, draw=0))
    alone = noisy_auc(SPEC, made("train"), made("test"), SPEC.share)
    assert 100 * alone[3].mean() == pytest.approx(one)
    # Nothing is learned of labels that are all random.
    random = noisy_auc(SPEC, made("train"), made("test"), 1.0)
    assert random[:, 0].mean() < alone[:, 0].mean() - 0.1


@pytest.mark.long
def test_equal_weights_gain_nothing(monkeypatch):
    def equal(model, rank):
        names = ("uniform", "printed", "uniform_standardised", "standardised")
        return dict.fromkeys(names, model.label_deviation**0)

    monkeypatch.setattr(label_pairs, "weighting_schemes", equal)
    ones = np.ones((3, 2))
    monkeypatch.setattr(label_pairs, "logistic_weights", lambda *_: ones)
    found = run(SPEC, lambda _, part: made(part))
    np.testing.assert_allclose(found["gain"], 0, atol=1e-9)
