"""Advice on tasks whose truth is known: who helps whom, in groups, with which width."""

import contextlib
import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from figures import __main__ as figures
from simulations import store
from simulations.__main__ import main
from simulations.advice import report
from simulations.advice.advise import Advice, run
from simulations.advice.leave_one_out import leave_one_out_gains
from simulations.advice.report import print_advice
from simulations.advice.rows import Rows, centred_rows
from simulations.advice.widths import choose_width

# Of the tests of theory.risk: one shape, one compilation.
D = 4
SHOPS = {"a": 30, "c": 60, "far": 50, "few": 5}


def slope(name: str) -> np.ndarray:
    near = np.array([3.0, -1, 2, 1])
    return -near if name == "far" else near


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> Path:
    """Two alike, one of the opposite sign, one too small; levels of their own."""
    rng = np.random.default_rng(0)
    lines = ["shop,u,v,w,x,sales"]
    for level, (name, rows) in enumerate(SHOPS.items()):
        inputs = rng.normal(size=(rows, D)) * [1, 10, 0.1, 1] + 5
        labels = inputs / [1, 10, 0.1, 1] @ slope(name) + 2 * rng.normal(size=rows)
        for x, y in zip(inputs, labels + 50 * level, strict=True):
            lines.append(",".join([name, *map(repr, map(float, [*x, y]))]))
    path = tmp_path_factory.mktemp("shops") / "shops.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def advice(shops: Path) -> xr.Dataset:
    return run(Advice(data=str(shops), task_column="shop"))


def test_those_alike_help_and_the_other_is_dropped(advice):
    gain = advice["gain"].to_pandas()
    assert gain.loc["c", "a"] > 0.02
    assert advice["gain_high"].sel(source="far", target=["a", "c"]).max() < 0
    groups = dict(zip(SHOPS, advice["group"].to_numpy(), strict=True))
    assert groups["a"] == groups["c"] != groups["far"]
    weights = advice["weight"].to_pandas()
    assert weights.loc["c", "a"] > 0.3
    assert weights.loc["far", "a"] < 0.01
    assert advice["weighted_gain"].sel(target="a") > 0.02
    assert advice.attrs["suggested_width"] == 1
    # 2² of noise, and d/(m − 1 − d) of it: the unit of relative gains. Its standard
    # deviation is √(2/55) of itself.
    np.testing.assert_allclose(advice["error_alone"].sel(target="c"), 4.29, rtol=0.5)
    np.testing.assert_allclose(np.diag(advice["similarity_normalised"]), 1, rtol=1e-9)


def test_a_task_that_is_too_small_is_withheld_with_the_reason(advice):
    reason = str(advice["withheld"].sel(target="few").item())
    assert reason == "5 rows for 4 directions and an intercept: needs at least 7"
    assert advice["group"].sel(target="few") == -1
    assert np.isnan(advice["gain"].sel(target="few")).all()
    assert (advice["withheld"].sel(target="a") == "").item()


def test_units_of_columns_and_levels_of_tasks_do_not_matter(shops, advice):
    text = shops.read_text().splitlines()
    rows = [line.split(",") for line in text[1:]]
    changed = [
        [n, repr(1e3 * float(u) - 7), v, w, x, repr(float(y) + 9 * len(n))]
        for n, u, v, w, x, y in rows
    ]
    path = shops.with_name("changed.csv")
    path.write_text("\n".join([text[0], *(",".join(row) for row in changed)]))
    other = run(Advice(data=str(path), task_column="shop"))
    for name in ("gain", "gain_low", "weight", "left_out", "width_error"):
        # Condition numbers here are below 10, sums have 200 terms.
        np.testing.assert_allclose(other[name], advice[name], rtol=1e-6, atol=1e-9)


def test_too_few_tasks_are_refused(shops):
    text = shops.read_text().splitlines()
    path = shops.with_name("small.csv")
    path.write_text("\n".join([text[0], *text[1:31], *text[-5:]]))
    with pytest.raises(ValueError, match=r"1 of 2 can: few: 5 rows for 4 directions"):
        run(Advice(data=str(path), task_column="shop"))


def test_the_report_names_gains_weights_groups_and_what_is_withheld(advice):
    console = Console(width=200, record=True, file=io.StringIO())
    print_advice(advice, console)
    text = console.export_text()
    assert "withheld: few: 5 rows" in text
    assert "r = 1 (cross-validated" in text
    assert "c x " in text
    assert "doubtful" not in text
    other = advice.copy(deep=True)
    # a and c are the second group that clustering found, and the only one shown.
    other["group"].loc[{"target": ["a", "c"]}] = 7
    print_advice(other, console)
    table = console.export_text()
    assert re.search(r"\ba +│ +\d+ +│ 1 ", table)
    assert not re.search(r"│ 8 ", table)
    other["left_out"].loc[{"source": "c", "target": "a"}] = -3.0
    print_advice(other, console)
    assert (
        "doubtful: a: leaving out its rows one by one gives other gains (c -300)"
        in (console.export_text())
    )


@pytest.fixture
def drawn_here(monkeypatch) -> None:
    """Draw in this process: another takes seconds to import matplotlib."""

    def run(words: list[str], **_: object) -> subprocess.CompletedProcess:
        with contextlib.redirect_stdout(io.StringIO()) as told:
            status = figures.main(words[words.index("figures") + 1 :])
        return subprocess.CompletedProcess(words, status, told.getvalue(), "")

    monkeypatch.setattr(report.subprocess, "run", run)


def test_one_command_gives_table_store_and_picture(shops, tmp_path, capsys, drawn_here):
    asked_for(shops, tmp_path, capsys)


@pytest.mark.long
def test_one_command_does_so_in_its_own_processes(shops, tmp_path, capsys):
    asked_for(shops, tmp_path, capsys)


def asked_for(shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["advise", str(shops), "--task-column", "shop", "--out", str(tmp_path)]
    assert main(asked) == 0
    assert "advice.png" in capsys.readouterr().out
    assert {p.name for p in tmp_path.iterdir()} >= {"advice.png", "advice.pdf"}
    assert store.load(tmp_path / "advice.zarr").attrs["label"] == "sales"
    assert main(asked) == 1
    error = capsys.readouterr().err
    assert "advice.zarr is there already: replace it with --overwrite" in error
    missing = [*asked[:1], str(tmp_path / "none.csv"), *asked[2:], "--overwrite"]
    assert main(missing) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no file or folder" in error


def test_leaving_rows_out_is_training_without_them():
    rng = np.random.default_rng(1)
    x = [rng.normal(size=(m, 3)) + 2 for m in (9, 12)]
    y = [one @ np.ones(3) + rng.normal(size=len(one)) for one in x]
    found = leave_one_out_gains(centred_rows(x, y))
    missed = {"alone": [], "pooled": []}
    source_x, source_y = x[1] - x[1].mean(axis=0), y[1] - y[1].mean()
    for row in range(len(y[0])):
        kept = np.arange(len(y[0])) != row
        centre, level = x[0][kept].mean(axis=0), y[0][kept].mean()
        own_x, own_y = x[0][kept] - centre, y[0][kept] - level
        for name, rows_x, rows_y in (
            ("alone", own_x, own_y),
            ("pooled", np.vstack([own_x, source_x]), np.append(own_y, source_y)),
        ):
            theta = np.linalg.lstsq(rows_x, rows_y, rcond=None)[0]
            missed[name].append(y[0][row] - level - (x[0][row] - centre) @ theta)
    alone, pooled = (np.array(missed[name]) ** 2 for name in ("alone", "pooled"))
    wanted = 1 - pooled.mean() / alone.mean()
    # The ridge on columns is 1e-9 of their squares.
    np.testing.assert_allclose(found.gain[1, 0], wanted, rtol=1e-6)
    error = (alone - pooled).std(ddof=1) / np.sqrt(9) / alone.mean()
    np.testing.assert_allclose(found.error[1, 0], error, rtol=1e-6)
    assert found.gain[0, 0] == found.error[0, 0] == 0


def test_the_width_is_the_rank_of_the_parameters():
    rng = np.random.default_rng(2)
    theta = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 8))
    x = [rng.normal(size=(25, 8)) for _ in theta]
    y = [one @ b + rng.normal(size=25) for one, b in zip(x, theta, strict=True)]
    found = choose_width(centred_rows(x, y), folds=4, seed=0)
    assert found.widths == (1, 2, 3, 5)
    assert found.suggested == 2
    moved = Rows([one + 5 for one in x], [one - 3 for one in y], True)
    other = choose_width(moved, folds=4, seed=0)
    # Sums of 25 squares of numbers near 5, in systems of condition below 100.
    np.testing.assert_allclose(other.apart, found.apart, rtol=1e-9)
    # The search stops at 1e-7 of the loss, a sweep earlier or later: √1e-7 in B.
    np.testing.assert_allclose(other.error, found.error, rtol=1e-3)
    apart = rng.normal(size=(2, 8)) * 3
    y = [one @ b for one, b in zip(x[:2], apart, strict=True)]
    y = [one + 0.1 * rng.normal(size=25) for one in y]
    assert choose_width(Rows(x[:2], y, False), folds=4, seed=0).suggested is None


def test_a_constant_column_is_no_direction():
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.normal(size=7), np.full(7, 0.1)])
    centred = centred_rows([x, rng.normal(size=(9, 2))], [x[:, 0], np.arange(9.0)])
    assert np.any(x[:, 1] - x[:, 1].mean())  # rounding alone would be one
    assert not np.any(centred.covariates[0][:, 1])
