"""The whole study of one benchmark, and label noise."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from paper_checks.benchmarks import label_noise as noise_study
from paper_checks.benchmarks.folds import standardised_whole
from paper_checks.benchmarks.label_noise import (
    LabelNoise,
    label_noise,
    randomised,
    weighting_schemes,
)
from paper_checks.benchmarks.study import StudySpec, study
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.data.bundled import diabetes, digits, linnerud

SMALL = StudySpec(folds=2, noise=LabelNoise(repeats=3))


@pytest.mark.long
def test_a_study_of_common_covariates_has_every_part():
    found = study(linnerud(), SMALL)
    parts = {"optima", "cross_validation", "similarity", "label_noise", "span"}
    assert set(found) == parts
    for data in found.values():
        assert data.attrs["benchmark"] == "linnerud"
        assert data.attrs["data_checksum"].startswith("bundled with scikit-learn")
        assert '"folds": 2' in data.attrs["spec"]
    loss = found["optima"].loss.to_numpy()
    assert (np.diff(loss) <= 1e-9 * loss[0]).all(), "a wider module fits no worse"
    assert (found["optima"].lower_bound <= loss).all()
    # Angles move by ε / gap (Davis-Kahan), ε amplified by κ² < 1e3 of these rows.
    bound = 1e3 * np.finfo(float).eps / found["span"].gap
    assert (found["span"].angle <= bound).all()
    np.testing.assert_allclose(found["similarity"].normalised, 1, rtol=1e-12)


@pytest.mark.long
def test_a_study_of_own_covariates_has_no_span():
    found = study(diabetes(), SMALL)
    assert "span" not in found
    score = found["similarity"].normalised.to_numpy()
    assert 0 < score[0, 1] < 1
    assert bool(found["optima"].certified.all())


def test_repeats_are_paired_take_turns_and_follow_the_seed():
    spec = LabelNoise(repeats=4)
    data = label_noise(linnerud(), spec)
    assert sorted(data.corrupted.to_numpy()[:3]) == [0, 1, 2]
    assert data.corrupted[3] == data.corrupted[0]
    assert data.test_error.dims == ("scheme", "repeat", "task")
    np.testing.assert_allclose(data.weight.mean("task"), 1, rtol=1e-12)
    again = label_noise(linnerud(), spec)
    np.testing.assert_array_equal(data.test_error, again.test_error)


def test_which_tasks_are_corrupted_is_drawn(monkeypatch):
    """In the order of the tasks, two repeats only ever saw the first two."""
    nothing = xr.Dataset({"test_error": (("scheme", "task"), np.zeros((4, 10)))})
    monkeypatch.setattr(noise_study, "_repeat", lambda *_: nothing)
    few = [
        label_noise(digits(), LabelNoise(repeats=2, seed=seed)).corrupted.to_numpy()
        for seed in range(8)
    ]
    assert all(first != second for first, second in few)
    assert len(np.unique(few)) > 4


def test_noise_replaces_a_share_of_the_training_labels_by_others_of_them():
    labels, training = np.arange(100.0), np.arange(100) < 70
    rng = np.random.default_rng(0)
    noisy = randomised(labels, training, 0.2, rng)
    changed = noisy != labels
    assert not changed[~training].any()
    # 14 labels are drawn; one of 70 draws gives a label back to its own row.
    assert 10 <= changed.sum() <= 14
    assert set(noisy[changed]) <= set(labels[training])
    np.testing.assert_array_equal(randomised(labels, training, 0.0, rng), labels)


def test_printed_weights_follow_the_unit_of_labels_and_standardised_ones_do_not():
    model = standardised_whole(linnerud())
    schemes = weighting_schemes(model, 1)
    assert schemes["printed"][0] > 2 * schemes["standardised"][0]
    moment = np.asarray(model.statistics.moment)
    scaled = moment / np.sqrt(np.asarray(model.statistics.energy))[:, None]
    expected = np.abs(scaled @ np.linalg.svd(scaled)[2][0])
    np.testing.assert_allclose(
        schemes["standardised"], expected / expected.mean(), rtol=1e-12
    )


def test_standardised_weights_are_for_labels_of_unit_energy():
    """Of tasks with own rows one with fewer has less energy at unit variance."""
    model = standardised_whole(diabetes())
    tasks = model.statistics
    schemes = weighting_schemes(model, 1)
    energy = np.asarray(schemes["uniform_standardised"] * tasks.energy)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-12)
    assert tasks.samples[0] != tasks.samples[1]
    # Labels scaled to unit energy, then plain weights of the algorithm.
    scaled = np.asarray(tasks.moment) / np.sqrt(np.asarray(tasks.energy))[:, None]
    expected = np.abs(scaled @ np.linalg.svd(scaled)[2][0]) / np.asarray(tasks.energy)
    np.testing.assert_allclose(
        schemes["standardised"], expected / expected.mean(), rtol=1e-12
    )


@pytest.mark.long
def test_a_study_may_leave_label_noise_out():
    found = study(linnerud(), replace(SMALL, noise=None))
    assert set(found) == {"optima", "cross_validation", "similarity", "span"}


def test_a_split_whose_training_labels_are_constant_is_refused():
    """Their deviation is rounding: 1e-9, by which everything was divided."""
    rng = np.random.default_rng(0)
    rare = np.full(12, -1.0)
    rare[3] = 1
    x = rng.normal(size=(12, 2))
    one = LinearBenchmark.from_arrays([x] * 2, [rare, rng.normal(size=12)], ["r", "s"])
    message = r"task 0 \(r\): labels are constant in the training rows of repeat 0"
    with pytest.raises(ValueError, match=message):
        label_noise(one, LabelNoise(training=0.2, share=0.0))
