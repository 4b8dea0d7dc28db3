"""Rows that repeat or that tasks share: found by value, and no gain in themselves."""

import numpy as np
import pandas as pd
import pytest

from paper_checks.benchmarks.cross_validation import cross_validate
from paper_checks.benchmarks.folds import assign_folds
from paper_checks.data.benchmark import LinearBenchmark
from simulations.advice.advise import advise
from simulations.advice.leave_one_out import leave_one_out_gains
from simulations.advice.repeats import find_repeats
from simulations.advice.rows import centred_rows


def drawn(seed: int, m: int = 30, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, d))
    return x, x @ np.ones(d) + rng.normal(size=m)


def test_a_task_and_its_copy_gain_nothing():
    x, y = drawn(0)
    order = np.random.default_rng(1).permutation(30)
    found = advise([x, x[order].copy()], label=[y, y[order].copy()])
    for name in ("gain", "left_out", "gain_low", "gain_high"):
        np.testing.assert_allclose(found[name], 0, atol=1e-12)
    np.testing.assert_allclose(found["noise_correlation"], 1)
    assert found["group"].values.tolist() == [0, 0]
    errors = found["width_error"].mean("fold").values, found["error_apart"].mean()
    np.testing.assert_allclose(*errors, rtol=1e-9)
    assert np.isnan(found["weighted_gain"]).all()
    assert any("rows in common" in note for note in found.attrs["notes"])


def test_labels_of_one_row_with_noise_that_goes_together_gain_little():
    rng = np.random.default_rng(2)
    gains, told = [], []
    for _ in range(40):
        x = rng.normal(size=(30, 3))
        noise = rng.normal(size=30)
        y = [x.sum(axis=1) + noise + 0.25 * rng.normal(size=30) for _ in range(2)]
        rows = centred_rows([x, x], y)
        found = find_repeats([x, x.copy()], y)
        linked = rows._replace(clusters=found.clusters)
        gains.append(leave_one_out_gains(linked).gain[1, 0])
        told.append(leave_one_out_gains(rows).gain[1, 0])
    # Noise correlated 0.94: sharing saves 0.03 of the 0.15 that is lost alone.
    assert abs(np.mean(gains)) < 0.02
    assert np.mean(told) > 0.05


def test_leaving_a_common_row_out_is_training_without_both_copies():
    x, y = drawn(3, m=12)
    other_y = y + np.random.default_rng(4).normal(size=12)
    rows = centred_rows([x, x[2:]], [y, other_y[2:]])
    clusters = [np.arange(12), np.arange(2, 12)]
    found = leave_one_out_gains(rows._replace(clusters=clusters)).gain[1, 0]
    missed = {"alone": [], "pooled": []}
    for row in range(12):
        one, two = np.arange(12) != row, np.arange(2, 12) != row
        tasks = [(x[one], y[one]), (x[2:][two], other_y[2:][two])]
        centred = [(a - a.mean(axis=0), b - b.mean()) for a, b in tasks]
        for name, used in (("alone", centred[:1]), ("pooled", centred)):
            theta = np.linalg.lstsq(
                np.concatenate([a for a, _ in used]),
                np.concatenate([b for _, b in used]),
                rcond=None,
            )[0]
            fit = tasks[0][1].mean() + (x[row] - tasks[0][0].mean(axis=0)) @ theta
            missed[name].append((y[row] - fit) ** 2)
    wanted = 1 - np.sum(missed["pooled"]) / np.sum(missed["alone"])
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_a_join_that_repeats_rows_changes_nothing():
    x, y = zip(drawn(5), drawn(6), strict=True)
    base = advise(list(x), label=list(y))
    other = advise([x[0].repeat(3, axis=0), x[1]], label=[y[0].repeat(3), y[1]])
    for name in ("gain", "gain_low", "left_out", "width_error", "error_alone", "rows"):
        np.testing.assert_allclose(other[name], base[name], rtol=1e-9, atol=1e-12)
    assert other["copies"].values.tolist() == [60, 0]
    assert any("60 rows" in text for text in other.attrs["noticed"])


def test_values_that_repeat_by_chance_are_no_copies():
    rng = np.random.default_rng(7)
    x = [rng.integers(0, 2, (80, 3)).astype(float) for _ in range(2)]
    y = [rng.integers(0, 2, 80).astype(float) for _ in range(2)]
    found = find_repeats(x, y)
    assert found.clusters is None
    assert not found.copies.any()
    # The same inputs with labels that are not: measured twice, not copied.
    x, y = drawn(8)
    twice = find_repeats([x.repeat(2, axis=0)], [np.arange(60.0)])
    assert not twice.copies.any()
    signed = [np.where(np.arange(30) % 2, 0.0, -0.0)[:, None] + x, x + 0.0]
    assert find_repeats(signed, [y, y + 1]).common.tolist() == [30, 30]


@pytest.mark.long
def test_a_melted_table_is_found_and_groups_join_rows():
    x, y = drawn(9, m=40)
    frame = pd.DataFrame(x, columns=["u", "v", "w"])
    frame["one"], frame["two"] = y, y + np.random.default_rng(1).normal(size=40)
    melted = frame.melt(["u", "v", "w"], var_name="target")
    found = advise(melted.sample(frac=1, random_state=0), task="target", label="value")
    wide = advise(frame, label=["one", "two"])
    for name in ("gain", "gain_low", "left_out"):
        pair = found[name].sel(source="two", target="one")
        np.testing.assert_allclose(
            pair, wide[name].sel(source="two", target="one"), rtol=1e-9
        )
    assert wide.attrs["label"] == "one, two"
    frame["person"] = np.repeat(np.arange(20), 2)
    frame["task"] = np.where(np.arange(40) % 4 < 2, "a", "b")
    asked = {"task": "task", "label": "one", "drop": ("two",)}
    alone = advise(frame, **asked, groups="person")
    assert "person" not in alone.attrs["inputs"]
    plain = advise(frame.drop(columns="person"), **asked)
    assert float(alone["gain"][1, 0]) != float(plain["gain"][1, 0])


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_cross_validation_deals_equal_rows_to_one_fold(noise):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 15))
    y = 0.3 * x @ rng.normal(size=15) + 2 * rng.normal(size=40)
    other = y + noise * rng.normal(size=40)
    found = [
        cross_validate(LinearBenchmark.from_arrays(pair, [y, other]), widths=(1,))
        for pair in ([x, x], [x, x.copy()])
    ]
    errors = [float(one.cv_error.mean()) for one in found]
    np.testing.assert_allclose(errors[1], errors[0], rtol=1e-12)
    alone = float(found[1].single_task_error.mean())
    np.testing.assert_allclose(errors[1], alone, rtol=1e-9 if noise == 0 else 0.05)


def test_folds_of_partly_common_rows_keep_them_together():
    x, y = drawn(1, m=30)
    benchmark = LinearBenchmark.from_arrays([x, x[10:]], [y, y[10:] + 1])
    first, second = assign_folds(benchmark, 5, 0)
    np.testing.assert_array_equal(first[10:], second)
    assert np.ptp(np.bincount(first)) <= 1
    few = LinearBenchmark.from_arrays([x[:4].repeat(5, axis=0)], [y[:4].repeat(5)])
    with pytest.raises(ValueError, match="too few distinct rows for 5 folds"):
        assign_folds(few, 5, 0)
