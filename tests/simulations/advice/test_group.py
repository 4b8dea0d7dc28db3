"""Groups from files of scores: reading, the answer, and what is refused."""

import json
from itertools import combinations

import numpy as np
import pytest

from figures.groups import groups as draw
from simulations.__main__ import main
from simulations.advice.group import Grouping, as_json, group
from simulations.advice.score_file import Rows, load_scores
from theory.grouping import PairScores, TableScores

MATRIX = "from,shop,café,$mall$\nshop,9,0.3,-0.2\ncafé,0.2,8,0.1\n$mall$,-0.1,0.4,7\n"
SETS = "set,a,b,c\none,1,,\ntwo,,2,\nthree,,,3\nab,0.5,1.5,\nall,0.4,2.5,2.5\n"


def written(folder, text: str, name: str = "scores.csv") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def read(
    folder, text: str, *, rows: Rows = "source", lower_is_better=False, single=False
):
    path = folder / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return load_scores(path, rows=rows, lower_is_better=lower_is_better, single=single)


def test_a_matrix_has_sources_as_rows_unless_told(tmp_path):
    found, names = read(tmp_path, MATRIX)
    assert isinstance(found, PairScores)
    assert names == ("shop", "café", "$mall$")
    assert found.affinity[0, 1] == 0.3
    assert found.single is None
    turned = read(tmp_path, MATRIX, rows="target").scores
    assert isinstance(turned, PairScores)
    np.testing.assert_array_equal(turned.affinity, found.affinity.T)
    own = read(tmp_path, MATRIX, single=True, lower_is_better=True).scores
    assert isinstance(own, PairScores)
    np.testing.assert_array_equal(own.single, [-9, -8, -7])


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_a_table_may_lack_names_and_use_other_separators(separator, tmp_path):
    rows = ["0.1,0.2,0.3", "0.4", ",0.5", ",,0.6", "0.1,,0.7"]
    text = "\r\n".join(rows).replace(",", separator)
    found, names = read(tmp_path, text, lower_is_better=True)
    assert isinstance(found, TableScores)
    assert names == ("1", "2", "3")
    np.testing.assert_array_equal(found.members.sum(axis=1), [3, 1, 1, 1, 2])
    np.testing.assert_array_equal(found.scores[4], [-0.1, np.nan, -0.7])


def test_a_square_table_with_gaps_is_no_matrix(tmp_path):
    found, _ = read(tmp_path, "a,b\n1,\n,2\n")
    assert isinstance(found, TableScores)
    bare, _ = read(tmp_path, "0,1\n2,0\n")
    assert isinstance(bare, PairScores)


def test_the_answer_is_that_of_all_choices(tmp_path):
    data = group(Grouping(scores=written(tmp_path, SETS), number=2))
    found, (table, _) = as_json(data), read(tmp_path, SETS)
    assert isinstance(table, TableScores)
    served = [
        np.fmax.reduce(table.scores[list(rows)], axis=0)
        for count in (1, 2)
        for rows in combinations(range(len(table.scores)), count)
    ]
    assert found["value"] == max(one.sum() for one in served if not np.isnan(one).any())
    assert found["groups"] == [["a"], ["a", "b", "c"]]
    assert found["serving"] == {"a": 0, "b": 1, "c": 1}
    assert found["score"] == {"a": 1.0, "b": 2.5, "c": 2.5}
    assert found["optimal"]
    assert found["all_together"] == 0.4 + 2.5 + 2.5


def test_losses_stay_losses_and_budgets_hold(tmp_path):
    path = written(tmp_path, SETS)
    data = group(Grouping(scores=path, lower_is_better=True))
    assert as_json(data)["score"] == {"a": 0.4, "b": 1.5, "c": 2.5}
    costs = (1.0, 1.5, 3.0)
    cheap = group(Grouping(scores=path, lower_is_better=True, costs=costs, budget=2.5))
    assert as_json(cheap)["groups"] == [["a", "b"], ["c"]]


def test_the_command_prints_saves_and_draws(tmp_path, capsys):
    path = written(tmp_path, MATRIX)
    out = tmp_path / "out"
    assert main(["group", path, "--number", "2", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "$mall$ (0.1)" in said
    assert "no other choice is worth more" in said
    assert (out / "groups.png").stat().st_size > 1000
    again = ["group", path, "--json", "--out", str(out)]
    assert main(again) == 1
    assert "groups.zarr is there already" in capsys.readouterr().err
    assert main([*again, "--overwrite"]) == 0
    assert json.loads(capsys.readouterr().out)["optimal"]


def test_the_picture_writes_names_as_they_are(tmp_path):
    figure = draw(group(Grouping(scores=written(tmp_path, MATRIX), number=2)))
    (axes,) = figure.axes
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["shop", "café", "$mall$"]
    figure.canvas.draw()  # a name that were a formula would fail here


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a,b\n", "no row below the names"),
        ("a,b\n1,x\n", "line 2, column 'b': 'x' is not a number"),
        ("a,b\n\n1,inf\n", "line 3, column 'b': 'inf' is not finite"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1,2,3\n", "line 2: 3 columns, and the first line has 2"),
        ("a,b,c\n1,2,\n,1,\n1,3,\n", r"lines 2 and 4 are the same set of tasks \(a, b"),
        ("a,b,c\n1,2,\n", "task c is in none of the 1 listed sets"),
        ("x,a\na,1\n", "task a has no partner.*--single"),
    ],
)
def test_files_that_are_refused(text, message, tmp_path):
    with pytest.raises(ValueError, match=rf"scores\.csv.*{message}"):
        group(Grouping(scores=written(tmp_path, text)))


def test_limits_that_are_refused(tmp_path):
    path = written(tmp_path, SETS)
    with pytest.raises(ValueError, match=r"costs must be one for each.* 3, got 2"):
        group(Grouping(scores=path, costs=(1.0, 2.0), budget=3.0))
    with pytest.raises(ValueError, match="no groups cover all 3 tasks with a budget"):
        group(Grouping(scores=path, costs=(2.0,) * 3, budget=1.0))
    with pytest.raises(ValueError, match="no diagonal of single tasks"):
        group(Grouping(scores=path, single=True))
