"""A data folder: what is read from a good one, and what a bad one is told."""

import gzip
import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from paper_checks.data.folder import READERS, benchmark_names, load_benchmark

RNG = np.random.default_rng(0)
JURA = """% a comment
@relation drawn
@attribute 'first input' numeric
@attribute indicator numeric
@attribute target_a numeric
@attribute target_b real

@data
1.5,?,3,4
2.5,1,5,6
-1e-3,0,7,9
"""
EMOTIONS = """@relation drawn
@attribute happy {0,1}
@attribute x1 numeric
@attribute x2 numeric
@attribute sad {0,1}
@data
1,0.5,2,0
0,1.5,3,1
1,2.5,5,0
"""
PARKINSONS = """subject#,age,sex,test_time,motor_UPDRS,total_UPDRS,Jitter(%),HNR
1,72,0,5.6,28.1,34.3,0.006,21.6
1,72,0,12.7,28.4,34.8,0.003,27.1
2,60,1,5.1,10.1,12.3,0.004,20.2
2,60,1,9.1,10.5,12.4,0.005,20.7
"""


class Folder:
    """A folder in the making; `add` keeps the manifest in step with the files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict] = []

    def add(self, name: str, file: str, content: bytes, **fields) -> Path:
        path = self.path / file
        path.write_bytes(content)
        origin = {"repo": "example.org/data", "commit": "0" * 40, "paths": [file]}
        entry = {
            "name": name,
            "file": file,
            "sha256": hashlib.sha256(content).hexdigest(),
            "licence": "none",
            "source": origin,
        }
        self.entries.append(entry | fields)
        self.write()
        return path

    def write(self) -> None:
        text = json.dumps({"files": self.entries})
        (self.path / "manifest.json").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def add_jura(folder: Folder, text: str = JURA, *, cut: int | None = None) -> Path:
    return folder.add(
        "jura",
        "jura.arff.gz",
        gzip.compress(text.encode())[:cut],
        rows=3,
        tasks=2,
        features=2,
        target_names=["target_a", "target_b"],
    )


def add_emotions(folder: Folder, text: str = EMOTIONS) -> Path:
    return folder.add(
        "emotions",
        "emotions.arff.gz",
        gzip.compress(text.encode()),
        split="train",
        rows=3,
        tasks=2,
        features=2,
        label_names=["sad", "happy"],
    )


def add_mat(folder: Folder, name: str, cut: int | None = None, **arrays) -> Path:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, arrays, do_compression=True)
    file = f"{name}.mat"
    split = READERS[name][0] if name in READERS else "all"
    return folder.add(name, file, buffer.getvalue()[:cut], split=split, rows=5)


def test_names_are_read_before_any_file(folder: Folder):
    add_jura(folder).unlink()
    add_emotions(folder)
    assert benchmark_names(folder.path) == ("jura", "emotions")


def test_multitarget_reads_missing_indicators_as_none(folder: Folder):
    add_jura(folder)
    # A checksum may be in capitals.
    folder.entries[0]["sha256"] = folder.entries[0]["sha256"].upper()
    folder.write()
    benchmark = load_benchmark(folder.path, "jura")
    assert benchmark.task_names == ("target_a", "target_b")
    expected = [[1.5, 0], [2.5, 1], [-1e-3, 0]]
    np.testing.assert_array_equal(benchmark.covariates[0], expected)
    np.testing.assert_array_equal(benchmark.labels[1], [4, 6, 9])
    assert "1 missing values in 1 indicator columns and 1 rows" in benchmark.note
    assert benchmark.common_covariates
    assert benchmark.checksum.startswith("sha256:")


def test_multilabel_takes_the_manifests_labels_in_its_order(folder: Folder):
    add_emotions(folder)
    benchmark = load_benchmark(folder.path, "emotions")
    np.testing.assert_array_equal(benchmark.labels, [[-1, 1, -1], [1, -1, 1]])
    np.testing.assert_array_equal(
        benchmark.covariates[0], [[0.5, 2], [1.5, 3], [2.5, 5]]
    )


def test_parkinsons_has_a_task_a_patient(folder: Folder):
    content = gzip.compress(PARKINSONS.encode())
    folder.add("parkinsons_telemonitoring", "p.csv.gz", content, rows=4, tasks=2)
    benchmark = load_benchmark(folder.path, "parkinsons_telemonitoring")
    assert benchmark.task_names == ("patient 1", "patient 2")
    np.testing.assert_array_equal(
        benchmark.covariates[1], [[0.004, 20.2], [0.005, 20.7]]
    )
    np.testing.assert_array_equal(benchmark.labels[0], [28.1, 28.4])


def test_school_and_sarcos_are_read_from_mat_files(folder: Folder):
    cells = np.empty((2, 1, 2), object)
    for task, m in enumerate((2, 3)):
        cells[0, 0, task] = RNG.integers(0, 9, (m, 4)).astype(np.uint8)
        cells[1, 0, task] = np.arange(m, dtype=np.uint8)[:, None]
    add_mat(folder, "school", X=cells[0], Y=cells[1])
    add_mat(folder, "sarcos_test", sarcos_inv_test=RNG.normal(size=(5, 28)))
    school = load_benchmark(folder.path, "school")
    assert (school.count, school.dimension, school.rows) == (2, 4, 5)
    assert not school.common_covariates
    assert school.covariates[0].dtype == np.float64
    sarcos = load_benchmark(folder.path, "sarcos_test")
    assert (sarcos.count, sarcos.dimension, sarcos.rows) == (7, 21, 5)


def test_a_missing_folder_manifest_or_name_is_told(folder: Folder):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        benchmark_names(folder.path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"has no manifest\.json"):
        benchmark_names(folder.path)
    add_jura(folder)
    with pytest.raises(ValueError, match=r"no benchmark 'yeast': .* lists jura"):
        load_benchmark(folder.path, "yeast")


def test_a_missing_changed_truncated_or_foreign_file_is_named(folder: Folder):
    path = add_jura(folder)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"jura\.arff\.gz .* has SHA-256 .*truncated"):
        load_benchmark(folder.path, "jura")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"jura\.arff\.gz is missing.*example"):
        load_benchmark(folder.path, "jura")
    add_jura(folder, cut=-12)
    with pytest.raises(ValueError, match=r"jura\.arff\.gz is truncated"):
        load_benchmark(folder.path, "jura")
    folder.entries.clear()
    folder.add("jura", "plain.arff.gz", JURA.encode(), rows=3, tasks=2)
    with pytest.raises(ValueError, match=r"plain\.arff\.gz is not a gzip file"):
        load_benchmark(folder.path, "jura")


def test_a_truncated_mat_file_or_one_of_another_shape_is_refused(folder: Folder):
    for cut in (60, 200, -40):
        values = RNG.normal(size=(5, 28))
        add_mat(folder, "sarcos_test", cut=cut, sarcos_inv_test=values)
        with pytest.raises(ValueError, match=r"sarcos_test\.mat"):
            load_benchmark(folder.path, "sarcos_test")
    add_mat(folder, "sarcos_test", sarcos_inv_test=np.ones((5, 27)))
    with pytest.raises(ValueError, match="28 columns, got shape"):
        load_benchmark(folder.path, "sarcos_test")
    add_mat(folder, "school", X=np.ones((5, 2)), Y=np.ones((5, 1)))
    with pytest.raises(ValueError, match="must be cell arrays"):
        load_benchmark(folder.path, "school")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2.5,1,5,6", "2.5,one,5,6", r"line 10: column indicator has 'one'"),
        ("2.5,1,5,6", "2.5,1,5", "line 10: 3 fields, and the file has 4 columns"),
        ("2.5,1,5,6", "2.5,nan,5,6", r"line 10: column indicator has 'nan'"),
        ("2.5,1,5,6", "2.5,1,?,6", "column target_a has 1 missing values"),
        ("2.5,1,5,6", "?,1,5,6", "column first input has 1 missing .* no 0/1"),
        ("numeric\n@attribute target_a", "{a,b}\n@attribute target_a", "line 4: attr"),
        ("target_b real", "target_a real", "column target_a is there 2 times"),
        ("target_b real", "target_c real", "names the targets target_a, target_b"),
        ("@data", "", "no @data line"),
        ("2.5,1,5,6", "2.5,1,5,6\n1,1,1,1", r"= \(4, 2, 2\), and manifest.json says"),
        ("5,6\n-1e-3,0,7,9", "5,4\n-1e-3,0,7,4", r"task 1 \(target_b\): labels are"),
    ],
)
def test_a_bad_line_is_named(folder: Folder, old: str, new: str, message: str):
    add_jura(folder, JURA.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        load_benchmark(folder.path, "jura")
    assert "jura.arff.gz" in str(caught.value)


def test_labels_must_be_zero_or_one_and_there(folder: Folder):
    add_emotions(folder, EMOTIONS.replace("1,2.5,5,0", "2,2.5,5,0"))
    with pytest.raises(ValueError, match="labels must be 0 or 1"):
        load_benchmark(folder.path, "emotions")
    add_emotions(folder, EMOTIONS.replace("sad", "glad"))
    with pytest.raises(ValueError, match="no attribute for the labels sad"):
        load_benchmark(folder.path, "emotions")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"files": [', "line 1: not JSON"),
        ('{"files": 3}', "'files' must be a list"),
        ('{"files": [3]}', "file 0: must be an object"),
        ('{"files": [{"file": "a"}]}', r"file 0 \(a\): no field 'source'"),
    ],
)
def test_a_bad_manifest_is_named(folder: Folder, text: str, message: str):
    (folder.path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        benchmark_names(folder.path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("file", "../jura.arff.gz", r"file 0: '\.\./jura\.arff\.gz' lies outside"),
        ("file", "manifest.json", "file 0: 'manifest.json' is the manifest itself"),
        ("tasks", "2", r"file 0 \(jura.*\): tasks must be a whole number, got '2'"),
        ("features", -1, "features must be a whole number, got -1"),
        ("sha256", "0" * 63, "sha256 must be 64 hexadecimal digits, got '0"),
    ],
)
def test_a_bad_field_of_a_manifest_is_named(folder: Folder, field, value, message):
    add_jura(folder)
    folder.entries[0][field] = value
    folder.write()
    with pytest.raises(ValueError, match=message):
        load_benchmark(folder.path, "jura")


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_real_sets_have_the_manifests_counts(data_folder: Path, name: str):
    listed = json.loads((data_folder / "manifest.json").read_text())["files"]
    split = READERS[name][0]
    (entry,) = (e for e in listed if (e["name"], e["split"]) == (name, split))
    benchmark = load_benchmark(data_folder, name)
    assert benchmark.rows == entry["rows"]
    assert benchmark.count == entry["tasks"]
    assert benchmark.dimension == entry.get("features", benchmark.dimension)
    for task, count in entry.get("positives", {}).items():
        labels = benchmark.labels[benchmark.task_names.index(task)]
        assert (labels == 1).sum() == count
