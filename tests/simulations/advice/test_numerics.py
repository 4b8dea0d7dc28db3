"""Advice at faults of the field: columns that nearly depend, units, rare categories."""

import itertools

import mpmath as mp
import numpy as np
import pytest

from simulations.advice.advise import advise
from simulations.advice.folds import assign_folds
from simulations.advice.leave_one_out import leave_one_out_gains
from simulations.advice.rows import Rows, centred_rows
from simulations.advice.widths import choose_width
from tests.theory.risk.test_gain_faults import NORTH, SOUTH


def left_out(x: list[np.ndarray], y: list[np.ndarray], **how: bool) -> np.ndarray:
    return leave_one_out_gains(centred_rows(x, y, **how)).gain


def units(factor: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """One task has its second column in other units, and its parameter too."""
    rng = np.random.default_rng(7)
    x = [rng.normal(size=(30, 3)) for _ in range(2)]
    x[0][:, 1] *= 1e-6
    y = [
        x[0] @ [1.0, 2e6, -1] + np.random.default_rng(1).normal(size=30),
        x[1] @ [1.0, 2, -1] + np.random.default_rng(2).normal(size=30),
    ]
    return [one * [1, factor, 1] for one in x], y


def test_prices_to_the_cent_have_the_exact_gains():
    tables = [np.array(t.split(), float).reshape(-1, 4) for t in (NORTH, SOUTH)]
    found = advise([t[:, :3] for t in tables], label=[t[:, 3] for t in tables])
    # In 120 digits.
    np.testing.assert_allclose(found["gain"][0, 1], 0.224, atol=5e-4)
    np.testing.assert_allclose(found["gain"][1, 0], 0.181, atol=6e-4)
    np.testing.assert_allclose(found["left_out"][0, 1], 0.365, atol=5e-4)
    np.testing.assert_allclose(found["left_out"][1, 0], 0.132, atol=5e-4)
    assert float(found["gain_high"].max()) < 1
    assert np.all(found["rank"] == 3)


@pytest.mark.parametrize("factor", [1.0, 1e-7, 1e5])
def test_units_of_one_tasks_column_do_not_change_the_gain(factor):
    x, y = units(factor)
    for standardise in (True, False):
        found = left_out(x, y, standardise=standardise)
        np.testing.assert_allclose(found[1, 0], -4.7119, atol=5e-5)
    base = choose_width(centred_rows(*units(1.0)), folds=5, seed=0)
    other = choose_width(centred_rows(x, y), folds=5, seed=0)
    # Condition 1e6 of the rows of both tasks, times rounding.
    np.testing.assert_allclose(other.apart, base.apart, rtol=1e-9)
    np.testing.assert_allclose(other.error, base.error, rtol=1e-8)


@pytest.mark.parametrize("huge", [1.0, 99999.0, 9999999.0, 1e12])
def test_a_huge_cell_of_a_third_task_changes_no_gain_of_others(huge):
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(40, 3)) for _ in range(3)]
    y = [one @ [1.0, 2, -3] + rng.normal(size=40) for one in x]
    x[2][0, 1] = huge
    found = left_out(x, y)
    np.testing.assert_allclose(found[1, 0], 0.0161, atol=5e-5)
    if huge > 1e6:
        np.testing.assert_allclose(found[2, 0], -2.940, atol=1e-4)


def test_powers_of_a_year_are_left_out_as_in_exact_arithmetic():
    rng = np.random.default_rng(3)
    x, y = [], []
    for _ in range(2):
        year = rng.integers(1950, 2021, 12).astype(float)
        x.append(np.stack([year, year**2], axis=1))
        y.append(0.01 * (year - 1980) ** 2 + rng.normal(size=12))
    mp.mp.dps = 60

    def errors(source: bool) -> list:
        missed = []
        for row in range(12):
            kept = [i for i in range(12) if i != row]
            design = [[1, 0, *x[0][i]] for i in kept]
            labels = [y[0][i] for i in kept]
            if source:
                design += [[0, 1, *x[1][i]] for i in range(12)]
                labels += list(y[1])
            a = mp.matrix([[mp.mpf(float(v)) for v in line] for line in design])
            if not source:
                a = mp.matrix([[a[i, j] for j in (0, 2, 3)] for i in range(a.rows)])
            b = mp.matrix([mp.mpf(float(v)) for v in labels])
            theta = mp.lu_solve(a.T * a, a.T * b)
            new = [1, 0, *x[0][row]] if source else [1, *x[0][row]]
            fit = sum(mp.mpf(float(v)) * theta[i] for i, v in enumerate(new))
            missed.append((mp.mpf(float(y[0][row])) - fit) ** 2)
        return missed

    wanted = float(1 - sum(errors(True)) / sum(errors(False)))
    np.testing.assert_allclose(left_out(x, y)[1, 0], wanted, rtol=1e-6)


def test_rows_that_fit_themselves_count_in_neither_mean():
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(size=20), np.zeros((20, 3))]
    x[[0, 1, 2], [1, 2, 3]] = 1
    other = np.c_[rng.normal(size=60), rng.random((60, 3)) < 0.3].astype(float)
    b = np.array([1.0, 3, -3, 2])
    y = [one @ b + rng.normal(size=len(one)) for one in (x, other)]
    rows = centred_rows([x, other], y)
    found = leave_one_out_gains(rows)
    assert found.unpredicted.tolist() == [3, 0]
    # Clusters of one row each, by the route of clusters.
    linked = rows._replace(clusters=[np.arange(20), np.arange(100, 160)])
    other_way = leave_one_out_gains(linked)
    assert other_way.unpredicted.tolist() == [3, 0]
    np.testing.assert_allclose(other_way.gain, found.gain, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other_way.error, found.error, rtol=1e-9, atol=1e-12)
    missed = {"alone": [], "pooled": []}
    far, level = other - other.mean(axis=0), y[1] - y[1].mean()
    for row in range(3, 20):
        kept = np.arange(20) != row
        near, own = x[kept] - x[kept].mean(axis=0), y[0][kept] - y[0][kept].mean()
        for name, rows_x, rows_y in (
            ("alone", near, own),
            ("pooled", np.vstack([near, far]), np.append(own, level)),
        ):
            theta = np.linalg.lstsq(rows_x, rows_y, rcond=None)[0]
            fit = y[0][kept].mean() + (x[row] - x[kept].mean(axis=0)) @ theta
            missed[name].append((y[0][row] - fit) ** 2)
    wanted = 1 - np.sum(missed["pooled"]) / np.sum(missed["alone"])
    np.testing.assert_allclose(found.gain[1, 0], wanted, rtol=1e-9)
    advice = advise([x, other], label=y)
    assert advice["unpredicted_rows"].values.tolist() == [3, 0]
    # The rows' interval does not stand on rows that fit themselves.
    assert abs(float(advice["gain_low"][1, 0])) < 10


def table(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=3)
    x = [rng.normal(size=(m, 3)) for m in (11, 17, 24)]
    y = [one @ (theta + 0.3 * rng.normal(size=3)) for one in x]
    return x, [one + rng.normal(size=len(one)) for one in y]


def changed(
    x: list[np.ndarray], y: list[np.ndarray], seed: int
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Other units and offsets, other orders of rows, columns and tasks."""
    rng = np.random.default_rng(seed)
    scale, shift = 10.0 ** rng.integers(-4, 5, 3), rng.normal(size=3) * 10
    columns, tasks = rng.permutation(3), rng.permutation(3)
    orders = [rng.permutation(len(one)) for one in y]
    x = [
        ((one + shift) * scale)[o][:, columns] for one, o in zip(x, orders, strict=True)
    ]
    y = [
        50 * i + 1e3 * one[o] for i, (one, o) in enumerate(zip(y, orders, strict=True))
    ]
    return [x[i] for i in tasks], [y[i] for i in tasks], tasks


def test_advice_knows_neither_units_nor_orders():
    for seed in range(2):
        x, y = table(seed)
        base = advise(x, label=y)
        new_x, new_y, tasks = changed(x, y, seed)
        other = advise(new_x, label=new_y)
        for name in ("gain", "gain_low", "gain_high", "left_out", "weight"):
            _same(other[name].values, base[name].values[np.ix_(tasks, tasks)])
        for name in ("weighted_gain", "weighted_low", "rank", "shared_gain"):
            _same(other[name].values, base[name].values[tasks])
        _same(other["width_error"].values, base["width_error"].values)
        _same(other["error_apart"].values, base["error_apart"].values)
        assert other.attrs["suggested_width"] == base.attrs["suggested_width"]
        pairs = list(itertools.combinations(range(3), 2))
        groups = [base["group"].values[tasks], other["group"].values]
        assert len({tuple(g[i] == g[j] for i, j in pairs) for g in groups}) == 1


def _same(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


def test_folds_are_of_one_size_and_keep_clusters_whole():
    x, y = table(0)
    rows = centred_rows(x, y)
    for own in assign_folds(rows, 5, 0):
        assert np.ptp(np.bincount(own, minlength=5)) <= 1
    clusters = [np.arange(11), np.arange(17) + 5, np.arange(24) // 2 + 100]
    folds = assign_folds(rows._replace(clusters=clusters), 4, 0)
    label, fold = np.concatenate(clusters), np.concatenate(folds)
    for one in np.unique(label):
        assert len(np.unique(fold[label == one])) == 1
    assert all(len(np.unique(own)) == 4 for own in folds)
    seeds = [assign_folds(rows, 5, seed)[2] for seed in (0, 1)]
    assert np.any(seeds[0] != seeds[1])


def test_training_rows_lose_nothing_beside_a_huge_value():
    x, y = table(1)
    x[0][3, 1] = 1e10
    rows = centred_rows(x, y, standardise=False)
    fold_of = assign_folds(rows, 4, 0)
    found = choose_width(rows, folds=4, seed=0)
    for fold in range(4):
        train = fold_of[0] != fold
        centre, level = x[0][train].mean(axis=0), y[0][train].mean()
        own = x[0][train] - centre
        scale = np.linalg.norm(own, axis=0)
        theta = np.linalg.lstsq(own / scale, y[0][train] - level, rcond=None)[0] / scale
        missed = y[0][~train] - level - (x[0][~train] - centre) @ theta
        wanted = np.mean(missed**2) / np.var(y[0])
        # The huge value's column keeps 6 digits of the others.
        np.testing.assert_allclose(found.apart[0, fold], wanted, rtol=1e-4)


def test_rounding_of_a_dependent_column_is_no_direction():
    rng = np.random.default_rng(5)
    x = [rng.normal(size=(20, 2)) + 1e6 for _ in range(2)]
    x = [np.c_[one, one[:, 0] + one[:, 1]] for one in x]
    assert centred_rows(x, [one[:, 0] for one in x]).basis().shape == (3, 2)
    near = [np.c_[one[:, :2], one[:, 2] + 1e-3 * rng.normal(size=20)] for one in x]
    assert centred_rows(near, [one[:, 0] for one in x]).basis().shape == (3, 3)


def test_columns_of_zeros_have_no_basis():
    empty = Rows([np.zeros((4, 2))] * 2, [np.arange(4.0)] * 2, True)
    assert empty.basis().shape == (2, 0)
