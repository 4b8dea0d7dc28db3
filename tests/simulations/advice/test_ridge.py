"""Advice where tasks have fewer rows than columns."""

from typing import Any

import numpy as np
import pytest

from simulations.advice.advise import Advice, _chosen, advise
from simulations.advice.folds import assign_folds
from simulations.advice.least_squares import least_squares_answer
from simulations.advice.measured import Measured, ratio_gain
from simulations.advice.partition import gain_groups
from simulations.advice.ridge import STRENGTHS, ridge_answer, ridge_gains
from simulations.advice.rows import centred_rows


def tasks(seed: int, d: int = 60) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Two alike and one of the opposite sign, each with fewer rows than columns."""
    rng = np.random.default_rng(seed)
    theta = 2.0 * (np.arange(d) < 4)
    x = [rng.normal(size=(m, d)) for m in (24, 50, 30)]
    y = [s * one @ theta + rng.normal(size=len(one))
         for s, one in zip((1, 1, -1), x, strict=True)]  # fmt: skip
    return x, y


def test_wide_tables_are_answered_by_ridge_and_sharing_pays():
    x, y = tasks(0)
    found = advise(x, label=y)
    assert found.attrs["method"] == "ridge"
    assert any("ridge" in note for note in found.attrs["notes"])
    assert found["gain"].sel(source="task 1", target="task 0") > 0.1
    assert found["gain"].sel(source="task 2", target="task 0") < 0.05
    group = found["group"].values
    assert group[0] == group[1] != group[2]
    assert np.isnan(found["weight"]).all()
    assert found["best_source"].values[0] == "task 1"
    assert found.sizes["width"] == 0


def test_the_strength_of_a_fold_is_chosen_by_the_other_rows():
    """An oracle of plain solves: folds outside, refits for the strength inside."""
    x, y = tasks(1, d=12)
    x, y = [one[:10] for one in x[:2]], [one[:10] for one in y[:2]]
    y[1] = 5 * y[1][::-1]  # a choice by all rows would be by the source's
    rows = centred_rows(x, y)
    folds = assign_folds(rows, 2, 0)

    def slope(z, v, penalty):
        return np.linalg.solve(z.T @ z + penalty * np.eye(12), z.T @ v)

    def centred(parts):
        return np.concatenate([p - p.mean(axis=0) for p in parts])

    def error(both: bool, fold: int) -> np.ndarray:
        own = range(2 if both else 1)
        kept = [folds[i] != fold for i in own]
        a = [rows.covariates[i][kept[i]] for i in own]
        b = [rows.labels[i][kept[i]] for i in own]
        z = centred(a)
        value = np.linalg.svd(z, compute_uv=False)
        unit = np.sum(z**2) / np.sum(value > 1e-10)
        scores = []
        for strength in np.array(STRENGTHS)[:-1] * unit:
            missed = []
            for row in range(len(b[0])):
                rest = np.arange(len(b[0])) != row
                z = centred([a[0][rest], *a[1:]])
                theta = slope(z, centred([b[0][rest], *b[1:]]), strength)
                base = b[0][rest].mean() - a[0][rest].mean(axis=0) @ theta
                missed.append(b[0][row] - base - a[0][row] @ theta)
            scores.append(np.mean(np.square(missed)))
        level = [b[0][np.arange(len(b[0])) != r].mean() for r in range(len(b[0]))]
        scores.append(np.mean((b[0] - level) ** 2))
        best = int(np.argmin(scores))
        theta = np.zeros(12)
        if best < len(STRENGTHS) - 1:
            theta = slope(centred(a), centred(b), STRENGTHS[best] * unit)
        base = b[0].mean() - a[0].mean(axis=0) @ theta
        return rows.labels[0][~kept[0]] - base - rows.covariates[0][~kept[0]] @ theta

    alone, pooled = (
        np.mean(np.concatenate([error(both, fold) for fold in (0, 1)]) ** 2)
        for both in (False, True)
    )
    found = ridge_gains(rows, folds)
    np.testing.assert_allclose(found.alone[0], alone, rtol=1e-8)
    np.testing.assert_allclose(found.gain[1, 0], 1 - pooled / alone, rtol=1e-8)


def test_columns_beyond_rows_change_nothing_but_by_rotation():
    x, y = tasks(2)
    rng = np.random.default_rng(5)
    turn = np.linalg.qr(rng.normal(size=(200, 200)))[0][:60]
    first = advise(x, label=y, standardise=False)
    other = advise([one @ turn for one in x], label=y, standardise=False)
    # Folds are dealt by values, which a rotation changes; shuffled folds would too.
    assert other.attrs["method"] == "ridge"
    np.testing.assert_allclose(
        other["similarity_normalised"], first["similarity_normalised"], rtol=1e-6
    )


def test_least_squares_stays_where_most_tasks_have_rows_enough():
    def model(d: int, sizes: tuple[int, ...], **options: Any) -> Any:
        rng = np.random.default_rng(0)
        x = [rng.normal(size=(m, d)) for m in sizes]
        rows = centred_rows(x, [one[:, 0] for one in x])
        spec = Advice(data="", **options)
        return _chosen(rows, np.zeros(len(x), bool), spec)[0]

    assert model(4, (24, 50, 30, 3)) is least_squares_answer
    assert model(4, (24, 50, 30, 3), model="ridge") is ridge_answer
    assert model(60, (24, 50, 30, 3)) is ridge_answer
    assert model(60, (24, 50, 30, 3), model="least-squares") is least_squares_answer
    # Tasks of a few rows do not make ridge of a table, nor does one alone.
    assert model(4, (5, 5, 5, 30)) is least_squares_answer
    x, y = tasks(3)
    with pytest.raises(ValueError, match="7 rows: needs at least 8"):
        advise([one[:7] for one in x], label=[one[:7] for one in y], model="ridge")


def test_the_error_of_a_ratio_is_that_of_draws():
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(2000):
        alone = rng.exponential(size=50)
        pooled = 0.7 * alone + 0.3 * rng.exponential(size=50)
        draws.append(ratio_gain(alone, pooled, np.arange(50)))
    gain, error = np.array(draws).T
    # Five standard errors of a standard deviation over 2,000 draws are 8 %.
    np.testing.assert_allclose(np.sqrt(np.mean(error**2)), gain.std(), rtol=0.08)
    one, other = rng.exponential(size=(2, 50))
    twice = ratio_gain(one.repeat(2), other.repeat(2), np.arange(50).repeat(2))
    once = ratio_gain(one, other, np.arange(50))
    np.testing.assert_allclose(twice, once, rtol=1e-12)


def test_intervals_end_at_all_of_the_error_and_groups_join_what_gains():
    found = Measured(np.array([[0, 0.9], [0.5, 0]]), np.full((2, 2), 0.2),
                     np.ones(2), np.array([9, 9]))  # fmt: skip
    low, high = found.interval(0.95)
    assert high[0, 1] == 1
    np.testing.assert_allclose(low[1, 0], 0.5 - 2.306 * 0.2, rtol=1e-3)
    gain = np.array([[0, 0.3, -1], [0.1, 0, -1], [-1, -1, 0.0]])
    assert gain_groups(gain).tolist() == [0, 0, 1]
