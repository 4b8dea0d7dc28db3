"""Files of one's own: what is read, and what a message says of those that are not."""

import gzip
import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from simulations.advice import reading
from simulations.advice.tasks import LoadedTasks, load_tasks

HEADER = "shop,rain,price,sales\n"
ROWS = ["a,1,2,3.5\n", "b,4,5,6\n", "a,7,8,9\n", "b,0,1,-1e2\n"]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_a_table_is_split_by_its_task_column(tmp_path):
    # A byte-order mark, quotes and an empty last line, as spreadsheets write them.
    path = write(tmp_path / "t.csv", "\ufeff" + HEADER, '"b",1,2,3\n', *ROWS, "\n")
    found = load_tasks(path, task_column="shop")
    assert (found.names, found.inputs) == (("b", "a"), ("rain", "price"))
    assert found.label == "sales"
    np.testing.assert_array_equal(found.covariates[1], [[1, 2], [7, 8]])
    np.testing.assert_array_equal(found.labels[0], [3, 6, -100])
    other = load_tasks(path, task_column="shop", label_column="rain", drop=["sales"])
    assert (other.inputs, other.label) == (("price",), "rain")


def test_a_folder_is_a_task_a_file_in_either_format(tmp_path):
    write(tmp_path / "one.csv", "x1,x0,y\n", "2,1,5\n", "4,3,6\n")
    x, y = np.array([[1.0, 2], [5, 6]]), np.array([1.0, 2])
    np.savez(tmp_path / "two.npz", X=x, y=y)
    write(tmp_path / "notes.txt", "not a task")
    found = load_tasks(tmp_path)
    assert (found.names, found.inputs) == (("one", "two"), ("x1", "x0"))
    np.testing.assert_array_equal(found.covariates[1], x[:, ::-1])


def test_an_npz_may_have_a_task_array(tmp_path):
    task = np.array([3.0, 3, 10, 10])
    np.savez(tmp_path / "t.npz", X=np.eye(4), y=np.arange(4.0), task=task)
    found = load_tasks(tmp_path / "t.npz", task_column="task")
    assert found.names == ("3", "10")
    assert found.label == "y"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((HEADER, "a,1,inf,3\n"), "line 2, column price is infinite"),
        ((HEADER, "a,1,2\n"), "line 2 has 3 fields, the header has 4"),
        ((HEADER, " ,1,2,3\n"), "line 2, column shop is missing"),
        ((HEADER, "a,1,2,3\n", "a,1,2,4\n"), r"column shop has one task only \('a' in"),
        ((HEADER, *ROWS, "b,0,0,dry\n", "a,1,1,wet\n"), "column sales has the text"),
        ((HEADER,), "has no rows"),
        (("",), "line 1: no header"),
        (("shop,rain,rain,sales\n",), "names 'rain' twice"),
        (("a,0.1,0.2,0.3\n", "b,0.4,0.1,0.7\n"), "line 1 has numbers.*is it a row"),
        (("1,2,3,4\n",), "line 1 has numbers where the header should be"),
        (("shop,town,sales\n", "a,x,2\n", "b,x,2\n"), "no inputs left: town"),
        (("shop,sales\n", "a,1\n", "a,2\n", "b,1\n"), "at least one of inputs"),
    ],
)
def test_a_bad_table_is_named_with_line_and_column(tmp_path, lines, message):
    path = write(tmp_path / "t.csv", *lines)
    with pytest.raises(ValueError, match=f"t.csv.*{message}|{message}.*t.csv"):
        load_tasks(path, task_column="shop")


def test_bad_places_options_and_formats_are_named(tmp_path):
    path = write(tmp_path / "t.csv", HEADER, *ROWS)
    with pytest.raises(ValueError, match=r"--task-column .its columns are shop, rain"):
        load_tasks(path)
    with pytest.raises(ValueError, match="no column 'store'; it has shop, rain"):
        load_tasks(path, task_column="store")
    with pytest.raises(ValueError, match="no column 'id'"):
        load_tasks(path, task_column="shop", drop=["id"])
    with pytest.raises(ValueError, match="no column 'z'; it has"):
        load_tasks(path, task_column="shop", label_column="z")
    with pytest.raises(ValueError, match="cannot be both"):
        load_tasks(path, task_column="shop", label_column="shop")
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        load_tasks(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"format \.xlsx is not read"):
        load_tasks(write(tmp_path / "t.xlsx", ""), task_column="shop")
    with pytest.raises(ValueError, match="has 1 files"):
        load_tasks(tmp_path)
    with pytest.raises(ValueError, match="each file is a task"):
        load_tasks(tmp_path, task_column="shop")
    (tmp_path / "t.csv").write_bytes(b"shop,\xff\x00a,2,3\n")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        load_tasks(path, task_column="shop")


def test_files_that_do_not_agree_say_in_what(tmp_path):
    write(tmp_path / "a.csv", "u,v,y\n", "1,2,3\n", "1,2,4\n")
    write(tmp_path / "b.csv", "u,w,y\n", "1,2,3\n", "1,2,4\n")
    with pytest.raises(ValueError, match=r"b.csv and .*a.csv do not agree.*'w'.*'v'"):
        load_tasks(tmp_path)
    write(tmp_path / "b.csv", "u,y,v\n", "1,2,3\n", "1,2,4\n")
    with pytest.raises(ValueError, match=r"in column v and .* in y: name it"):
        load_tasks(tmp_path)
    np.savez(tmp_path / "b.npz", X=np.eye(2), y=np.ones(2))
    with pytest.raises(ValueError, match="several files called b"):
        load_tasks(tmp_path)


def test_pickles_are_not_read_and_arrays_must_fit(tmp_path):
    path = tmp_path / "t.npz"
    objects = np.array([{}, {}], dtype=object)
    np.savez(path, allow_pickle=True, X=objects, y=np.ones(2))
    with pytest.raises(ValueError, match="cannot be read as NPZ"):
        reading.read_cells(path)
    np.savez(path, X=np.eye(2), y=np.ones(3))
    with pytest.raises(ValueError, match=r"y has shape \(3,\), and X has 2 rows"):
        reading.read_cells(path)
    np.savez(path, A=np.eye(2))
    with pytest.raises(ValueError, match=r"needs the arrays X .* it has .*'A'"):
        reading.read_cells(path)
    path.write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match="cannot be read as NPZ"):
        reading.read_cells(path)


def test_parquet_needs_pyarrow_and_says_so(tmp_path, monkeypatch):
    path = write(tmp_path / "t.parquet", "")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match="pip install pyarrow"):
        reading.read_cells(path)


def test_parquet_files_are_read_and_their_gaps_and_texts_named(tmp_path):
    pytest.importorskip("pyarrow", reason="an extra, `pip install pyarrow`")
    arrow = importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    columns = {
        "shop": arrow.array(["a", "b", "a", "b"]).dictionary_encode(),
        "rain": [1, 4, 7, 0],
        "price": [2.0, 5.0, 8.0, 1.0],
        "sales": [3.5, 6.0, 9.0, -100.0],
    }

    def read(name: str, **other: object) -> LoadedTasks:
        path = tmp_path / f"{name}.parquet"
        parquet.write_table(arrow.table(columns | other), path)
        return load_tasks(path, task_column="shop")

    found = read("good")
    assert (found.names, found.inputs, found.label) == (
        *(("a", "b"), ("rain", "price"), "sales"),
    )
    np.testing.assert_array_equal(found.covariates[0], [[1, 2], [7, 8]])
    assert read("numbers", shop=[3, 10, 3, 10]).names == ("3", "10")
    gap = read("gap", rain=[1, 4, None, 0])
    np.testing.assert_array_equal(gap.covariates[0][:, 0], [1, 1])
    assert "imputed by the mean of their task's rows: rain (1)" in gap.notes[-1]
    with pytest.raises(ValueError, match="row 1, column shop is missing"):
        read("nobody", shop=["a", None, "b", "b"])
    text = read("text", rain=["wet", "dry", "wet", "dry"])
    assert text.inputs == ("price",)  # no level has five rows
    with pytest.raises(ValueError, match="column shop has one task only"):
        read("single", shop=["a"] * 4)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        load_tasks(tmp_path / "t.parquet", task_column="shop")


def test_arff_and_mat_are_read(tmp_path):
    path = tmp_path / "t.arff"
    path.write_text(
        "@relation r\n@attribute shop {pier,mall}\n@attribute u numeric\n"
        "@attribute v real\n@attribute bought {0,1}\n@data\n"
        "pier,1,2.5,0\nmall,2,?,1\npier,3,1,1\nmall,4,0,0\n",
        encoding="utf-8",
    )
    found = load_tasks(path, task_column="shop")
    assert (found.names, found.inputs) == (("pier", "mall"), ("u", "v"))
    assert found.labels[0].tolist() == [0, 1]
    packed = tmp_path / "p.arff.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert load_tasks(packed, task_column="shop").inputs == ("u", "v")
    path.write_text("@relation r\n@attribute", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read as ARFF"):
        load_tasks(path, task_column="shop")

    cells = [np.empty((1, 2), object) for _ in range(2)]
    for at, rows in enumerate((3, 4)):
        cells[0][0, at] = np.arange(2.0 * rows).reshape(rows, 2)
        cells[1][0, at] = np.arange(1.0 * rows)[:, None]
    mat = tmp_path / "t.mat"
    scipy.io.savemat(mat, {"X": cells[0], "Y": cells[1]})
    found = load_tasks(mat, task_column="task")
    assert (found.names, found.inputs, found.label) == (("0", "1"), ("x0", "x1"), "y")
    np.testing.assert_array_equal(found.covariates[1], cells[0][0, 1])
    np.testing.assert_array_equal(found.labels[0], [0, 1, 2])
    scipy.io.savemat(mat, {"A": np.eye(2)})
    with pytest.raises(ValueError, match="it has a"):
        load_tasks(mat, task_column="task")
