"""Certificates of what `shared_optimum` finds: proven, accepted, never false."""

import json
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from tests.benchmarks.record_certificates import record
from tests.theory.certificate_instances import SHAPES, Instance, accepted, draw, raised
from theory import check, check_with_flint
from theory.certificates import (
    NotProvenError,
    certificate_of_statistics,
    rows_sha256,
)
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics

# Shares that have a proof; singular and nearly singular tasks may have none.
LEAST = {"single": 0.97, "common": 0.97, "pair": 0.97, "bracket": 0.75}


@pytest.mark.parametrize("route", SHAPES)
def test_certificates_are_accepted_and_false_ones_are_not(route: str):
    counts = record(route, 100)
    assert counts["accepted"] == counts["proven"] >= 100 * LEAST[route]
    assert counts["false_accepted"] == 0


@pytest.mark.long
@pytest.mark.parametrize("route", SHAPES)
def test_a_thousand_certificates_are_accepted(route: str):
    counts = record(route, 1000, first=1000)
    assert counts["accepted"] == counts["proven"] >= 1000 * LEAST[route]
    assert counts["false_accepted"] == 0


def large(
    k: int, d: int, rank: int, *, common: bool = False, seed: int = 0
) -> Instance:
    """Gaussian rows, at condition 1 and 100 in turn."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(2 * d + 5, d)) for _ in range(k)]
    if seed % 2:
        x = [block * np.geomspace(1, 0.01, d) for block in x]
    x = [x[0]] * k if common else x
    y = [block @ rng.normal(size=d) + rng.normal(size=len(block)) for block in x]
    return Instance(x, y, np.ones(k), rank)


@pytest.mark.parametrize("common", [False, True])
def test_a_certificate_at_20_inputs_is_small_and_quick(common: bool):
    found, text = large(2, 20, 1, common=common).certificate()
    assert text is not None
    assert found.certified
    assert len(text) < 1_000_000
    data = json.loads(text)
    least = float(check.number("", data["claim"]["loss_at_least"]))
    energy = sum(float(y @ y) for y in large(2, 20, 1, common=common).labels)
    assert float(found.lower_bound) - least <= 1.001e-9 * energy
    assert accepted(text)
    assert not accepted(raised(text))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30))
def test_thirty_certificates_at_20_inputs(seed: int):
    found, text = large(2, 20, 1, seed=seed, common=seed % 3 == 0).certificate()
    assert bool(found.certified) <= (text is not None)
    assert text is not None
    assert accepted(text)
    assert not accepted(raised(text))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_three_certificates_at_100_inputs(seed: int):
    _, text = large(2, 100, 1, seed=2 * seed).certificate()
    assert text is not None
    assert accepted(text)
    assert not accepted(raised(text))


def test_a_second_checker_agrees():
    pytest.importorskip("flint")
    for route in SHAPES:
        for seed in range(10):
            _, text = draw(route, seed).certificate()
            if text is not None:
                assert check_with_flint.accepted(text)
                assert not check_with_flint.accepted(raised(text))


def test_statistics_alone_are_certified_where_tasks_have_full_rank():
    instance = large(2, 3, 1)
    statistics = TaskStatistics.from_data(instance.covariates, instance.labels)
    result = shared_optimum(statistics, 1)
    text = certificate_of_statistics(result, statistics)
    assert accepted(text)
    assert not accepted(raised(text))
    assert json.loads(text)["rows_sha256"] is None
    singular = [x * [1, 1, 0] for x in instance.covariates]
    statistics = TaskStatistics.from_data(singular, instance.labels)
    with pytest.raises(NotProvenError, match="task 0 has numerical rank 2 of 3"):
        certificate_of_statistics(shared_optimum(statistics, 1), statistics)


def test_many_rows_are_kept_as_moments_and_bound_by_their_hash():
    instance = large(2, 3, 1)
    x = [np.tile(block, (60, 1)) for block in instance.covariates]
    y = [np.tile(label, 60) for label in instance.labels]
    _, text = Instance(x, y, np.ones(2), 1).certificate()
    assert text is not None
    data = json.loads(text)
    assert "moments" in data["tasks"][0]
    assert data["rows_sha256"] == rows_sha256(x, y)
    exact = [sum(Fraction(v) ** 2 for v in label) for label in y]
    assert [check.number("", t["moments"][-1][-1]) for t in data["tasks"]] == exact
    assert accepted(text)


def test_a_bound_that_is_false_is_not_proven():
    instance = large(2, 3, 1)
    result = instance.optimum()
    wrong = type(result)(
        **{**vars(result), "lower_bound": result.loss + 1e-3 * jnp.abs(result.loss)}
    )
    with pytest.raises(NotProvenError, match="certified numerically"):
        wrong.certificate(instance.covariates, instance.labels)


@pytest.mark.parametrize("step", [1e-7, 1e-9, 1e-11])
def test_nearly_dependent_columns_get_no_false_certificate(step: float):
    rng = np.random.default_rng(0)
    covariates, labels = [], []
    for m in (20, 30):
        a, b, c = rng.normal(size=(3, m))
        covariates.append(np.c_[a, a + step * b, c])
        labels.append(b)
    # B = (−1, 1, 0)/step fits both tasks up to the rounding of the rows.
    _, text = Instance(covariates, labels, np.ones(2), 1).certificate()
    if text is not None:
        claim = json.loads(text)["claim"]["loss_at_least"]
        assert float(check.number("", claim)) < 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"covariates": [np.ones((4, 3))]}, "result has 2 tasks, covariates 1"),
        (
            {"covariates": [np.ones((4, 2))] * 2},
            r"task 0: covariates have shape \(4, 2\)",
        ),
        ({"labels": [np.full(11, np.nan)] * 2}, "task 0: rows must be finite"),
    ],
)
def test_rows_that_do_not_fit_are_named(change: dict, message: str):
    instance = large(2, 3, 1)
    rows = {"covariates": instance.covariates, "labels": instance.labels, **change}
    with pytest.raises(ValueError, match=message):
        instance.optimum().certificate(**rows)


def test_three_related_tasks_are_certified_by_the_skew_dual():
    dual = pytest.importorskip("theory.linear.skew_dual")
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(12, 4)) for _ in range(3)]
    common = rng.normal(size=4)
    y = [block @ (common + 0.5 * rng.normal(size=4)) for block in x]
    statistics = TaskStatistics.from_data(x, y)
    found = shared_optimum(statistics, 1)
    least = dual.skew_dual(statistics).lower_bound
    result = type(found)(**{**vars(found), "lower_bound": least})
    text = result.certificate(x, y)
    assert json.loads(text)["evidence"]["kind"] == "skew"
    assert accepted(text)
    assert not accepted(raised(text))
