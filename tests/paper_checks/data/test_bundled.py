"""scikit-learn's sets as multi-task problems, and what a benchmark refuses."""

import dataclasses

import numpy as np
import pytest

from paper_checks.data.bundled import BUNDLED, diabetes, digits, linnerud

SHAPES = {"digits": (1797, 10, 64), "linnerud": (20, 3, 3), "diabetes": (442, 2, 9)}


@pytest.mark.parametrize("name", BUNDLED)
def test_shapes_and_provenance(name: str):
    benchmark = BUNDLED[name]()
    assert (benchmark.rows, benchmark.count, benchmark.dimension) == SHAPES[name]
    assert benchmark.name == name
    assert all(benchmark.provenance().values())
    assert benchmark.statistics().count == benchmark.count


def test_each_image_is_one_digit_and_pixels_are_rank_deficient():
    benchmark = digits()
    labels = np.stack(benchmark.labels)
    assert set(np.unique(labels)) == {-1.0, 1.0}
    np.testing.assert_array_equal((labels == 1).sum(axis=0), 1)
    assert np.linalg.matrix_rank(benchmark.covariates[0]) == 61


def test_patients_of_each_sex_are_all_there_without_the_sex_column():
    benchmark = diabetes()
    assert [len(y) for y in benchmark.labels] == [235, 207]
    for x in benchmark.covariates:
        assert (x.min(axis=0) < x.max(axis=0)).all()


GOOD = linnerud()
HOLED = GOOD.covariates[0].copy()
HOLED[3, 1] = np.nan


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"labels": (*GOOD.labels[:2], np.ones(20))},
            r"task 2 \(Pulse\): labels are c",
        ),
        ({"labels": GOOD.labels[:2]}, "3 covariates and 2 labels"),
        ({"covariates": (HOLED,) * 3}, "row 3, column 1"),
        (
            {"covariates": (*GOOD.covariates[:2], np.ones((20, 3)))},
            "one and the same array",
        ),
    ],
)
def test_a_benchmark_refuses_what_is_no_multi_task_problem(changed, message: str):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(GOOD, **changed)
