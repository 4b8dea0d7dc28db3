"""Landmine: what is read of a folder, and what a message says of a bad one."""

from pathlib import Path

import numpy as np
import pytest

from paper_checks.data.landmine import load_landmine
from tests.paper_checks.data.test_folder import Folder, add_mat


def add(path: Path, labels: list[list[int]], cut: int | None = None) -> Path:
    cells = np.empty((2, len(labels)), dtype=object)
    for index, own in enumerate(labels):
        cells[0, index] = np.arange(3.0 * len(own)).reshape(len(own), 3)
        cells[1, index] = np.array(own, np.uint8)[:, None]
    add_mat(Folder(path), "landmine", cut, feature=cells[:1], label=cells[1:])
    return path


def test_labels_become_signs_and_fields_tasks(tmp_path: Path):
    found = load_landmine(add(tmp_path, [[0, 1, 1], [1, 0]]))
    assert found.task_names == ("field 1", "field 2")
    np.testing.assert_array_equal(found.labels[0], [-1, 1, 1])
    np.testing.assert_array_equal(found.covariates[1], np.arange(6.0).reshape(2, 3))
    assert not found.common_covariates


@pytest.mark.parametrize(
    ("labels", "cut", "message"),
    [
        ([[0, 2], [0, 1]], None, "labels must be 0 or 1"),
        ([[0, 1], [1, 1]], None, r"landmine.mat: landmine: .*field 2.* constant"),
        ([[0, 1], [1, 0]], 200, r"landmine.mat cannot be read as a MATLAB"),
    ],
)
def test_what_is_no_landmine_is_named(tmp_path: Path, labels, cut, message: str):
    with pytest.raises(ValueError, match=message):
        load_landmine(add(tmp_path, labels, cut))


@pytest.mark.long
def test_the_real_set_is_read(data_folder):
    found = load_landmine(data_folder)
    assert (found.count, found.dimension, found.rows) == (29, 9, 14_820)
