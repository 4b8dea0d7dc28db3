"""Landmine: what is read of a folder, and what a message says of a bad one."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from paper_checks.data.landmine import load_landmine


def folder(path: Path, labels: list[list[int]], name: str = "landmine") -> Path:
    cells = np.empty((2, len(labels)), dtype=object)
    for index, own in enumerate(labels):
        cells[0, index] = np.arange(3.0 * len(own)).reshape(len(own), 3)
        cells[1, index] = np.array(own, np.uint8)[:, None]
    path.mkdir(exist_ok=True)
    scipy.io.savemat(path / "l.mat", {"feature": cells[:1], "label": cells[1:]})
    raw = (path / "l.mat").read_bytes()
    entry = {
        "name": name,
        "split": "all",
        "file": "l.mat",
        "rows": sum(map(len, labels)),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "licence": "none",
        "source": {"repo": "here", "commit": "1", "paths": ["l.mat"]},
    }
    (path / "manifest.json").write_text(json.dumps({"files": [entry]}))
    return path


def test_labels_become_signs_and_fields_tasks(tmp_path):
    found = load_landmine(folder(tmp_path, [[0, 1, 1], [1, 0]]))
    assert found.task_names == ("field 1", "field 2")
    np.testing.assert_array_equal(found.labels[0], [-1, 1, 1])
    np.testing.assert_array_equal(found.covariates[1], np.arange(6.0).reshape(2, 3))
    assert not found.common_covariates


def test_what_is_no_landmine_is_named(tmp_path):
    with pytest.raises(ValueError, match="labels must be 0 or 1"):
        load_landmine(folder(tmp_path / "a", [[0, 2], [0, 1]]))
    with pytest.raises(ValueError, match=r"l\.mat: landmine: .*field 2.* constant"):
        load_landmine(folder(tmp_path / "d", [[0, 1], [1, 1]]))
    with pytest.raises(ValueError, match="does not list landmine"):
        load_landmine(folder(tmp_path / "b", [[0, 1]], name="other"))
    bad = folder(tmp_path / "c", [[0, 1]])
    (bad / "l.mat").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="SHA-256"):
        load_landmine(bad)
    manifest = json.loads((bad / "manifest.json").read_text())
    manifest["files"][0]["sha256"] = hashlib.sha256(b"damaged").hexdigest()
    (bad / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"l\.mat cannot be read as a MATLAB"):
        load_landmine(bad)


@pytest.mark.long
def test_the_real_set_is_read(data_folder):
    found = load_landmine(data_folder)
    assert (found.count, found.dimension, found.rows) == (29, 9, 14_820)
