"""Ordinary tables: what is read, what is said first, and what is answered."""

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from simulations.advice.advise import Advice, advise, run
from simulations.advice.loaded import LoadedTasks
from simulations.advice.noticed import notice
from simulations.advice.repeats import find_repeats
from simulations.advice.report import print_advice
from simulations.advice.split import tasks_of_frame
from simulations.advice.tasks import load_tasks
from tests.simulations.advice.tables import TOWN, WATER, shops, write_reading


def printed(data: xr.Dataset, width: int = 80) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    print_advice(data, console)
    return console.export_text()


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    return shops()


@pytest.fixture(scope="module")
def base(clean: pd.DataFrame) -> xr.Dataset:
    return advise(clean, task="shop", label="sales")


def read(frame: pd.DataFrame) -> LoadedTasks:
    return tasks_of_frame(
        frame, where="the frame", task_column="shop", label_column="sales"
    )


def noticed(frame: pd.DataFrame) -> list[str]:
    tasks = read(frame)
    found = notice(tasks, find_repeats(tasks.covariates, tasks.labels))
    return [str(one) for one in found]


def test_the_clusters_are_found_and_the_answer_names_label_and_inputs(base):
    group = base["group"].to_series()
    assert len({group[name] for name in WATER}) == 1
    assert len({group[name] for name in TOWN}) == 1
    assert group["lake"] != group["mall"]
    assert base["gain"].sel(source="lake", target="harbour") > 0.02
    assert base["gain_high"].sel(source="mall", target="lake") < 0
    assert base.attrs["label"] == "sales"
    assert base.attrs["inputs"] == ["temp", "price", "staff"]
    text = printed(base)
    assert "Label: sales; inputs: temp, price, staff" in text
    assert "Train " in text
    assert "…" not in text  # no name and no bound is cut at 80 columns
    assert all(name in text for name in (*WATER, *TOWN))


@pytest.mark.parametrize(
    "name",
    [
        *("clean.csv", "shuffled.csv", "semicolon.csv", "tab.tsv", "packed.csv.gz"),
        *("mark.csv", "utf16.csv", "index.csv", "names.csv"),
    ],
)
def test_ways_to_write_a_table_change_no_advice(clean, base, tmp_path, name):
    assert name in write_reading(clean, tmp_path)
    found = run(Advice(data=str(tmp_path / name), task_column="shop"))
    if name == "names.csv":
        known = {"lake": "NA", "mall": "none", "pier": "-"}
        names = [known.get(n, n) for n in base["target"].values]
        wanted = base.assign_coords(source=names, target=names)
    else:
        wanted = base
    for key in ("gain", "gain_low", "left_out", "weight", "shared_gain"):
        other = found[key].reindex_like(wanted[key])
        # Text keeps 16 digits.
        np.testing.assert_allclose(other, wanted[key], rtol=1e-8, atol=1e-9)
    assert found.attrs["suggested_width"] == base.attrs["suggested_width"]
    assert found.attrs["inputs"] == base.attrs["inputs"]


def test_a_folder_of_files_is_the_same_table(clean, base, tmp_path):
    for name, frame in clean.groupby("shop"):
        frame.drop(columns="shop").to_csv(tmp_path / f"{name}.csv", index=False)
    found = run(Advice(data=str(tmp_path)))
    other = found["gain"].reindex_like(base["gain"])
    np.testing.assert_allclose(other, base["gain"], rtol=1e-9, atol=1e-12)


def test_a_sorted_parquet_keeps_its_label(clean, tmp_path):
    pytest.importorskip("pyarrow", reason="an extra, `pip install pyarrow`")
    clean.sort_values("temp").to_parquet(tmp_path / "s.parquet")
    found = load_tasks(tmp_path / "s.parquet", task_column="shop")
    assert (found.label, found.inputs) == ("sales", ("temp", "price", "staff"))
    dated = clean.assign(when=pd.Timestamp("2020-01-01"))
    dated.loc[3, "when"] = pd.NaT
    dated[["shop", "when", "sales"]].to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="row 3, column when is missing"):
        load_tasks(tmp_path / "t.parquet", task_column="shop")


def test_numbers_as_people_write_them_are_read(clean, tmp_path):
    frame = clean.copy()
    frame["temp"] = [f"{7000 + 900 * v:,.0f}" for v in clean.temp]
    frame["price"] = [f"{100 * v:.1f}%" for v in clean.price]
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = load_tasks(tmp_path / "t.csv", task_column="shop")
    own = clean[clean.shop == found.names[0]]
    np.testing.assert_allclose(
        found.covariates[0][:, 0], (7000 + 900 * own.temp).round(), atol=1
    )
    np.testing.assert_allclose(found.covariates[0][:, 1], 100 * own.price, atol=0.06)
    assert any("thousands" in note for note in found.notes)
    latin = tmp_path / "l.csv"
    clean.replace("harbour", "Häfen").to_csv(latin, index=False, encoding="latin1")
    assert "Häfen" in load_tasks(latin, task_column="shop").names


def test_dates_categories_booleans_and_gaps_are_encoded_and_said(clean):
    rng = np.random.default_rng(1)
    frame = clean.copy()
    dates = pd.date_range("2025-01-01", periods=len(frame)).strftime("%Y-%m-%d")
    frame.insert(1, "date", dates)
    weather = rng.choice(["sunny", "rain", "snow"], len(frame))
    weather[3] = "hail"
    frame.insert(2, "weather", weather)
    frame.insert(3, "open", rng.choice([True, False], len(frame)))
    frame.loc[[5, 9], "temp"] = np.nan
    frame.loc[[11, 12, 13], "sales"] = np.nan
    found = read(frame)
    assert {"date (days)", "open", "weather=other"} <= set(found.inputs)
    assert len(found.inputs) == 8
    notes = " | ".join(found.notes)
    assert "temp (2)" in notes
    assert "3 rows without a sales" in notes
    assert "rare levels pooled as other: hail" in notes
    assert "--groups date" in notes
    assert sum(len(y) for y in found.labels) == len(frame) - 3
    assert noticed(frame) == []


def test_tasks_that_cannot_be_advised_on_stop_no_other(clean, base):
    more = [
        clean,
        clean[clean.shop == "harbour"].head(3).assign(shop="tiny"),
        clean[clean.shop == "station"].head(1).assign(shop="one row"),
        clean.head(12).assign(shop="closed", sales=0.0),
    ]
    found = advise(pd.concat(more), task="shop", label="sales")
    reason = found["withheld"].to_series()
    assert "needs at least 6" in reason["tiny"]
    assert "1 rows" in reason["one row"]
    assert "the same in all 12 rows" in reason["closed"]
    kept = found.sel(source=base["source"].values, target=base["target"].values)
    np.testing.assert_allclose(kept["gain"], base["gain"], rtol=1e-9, atol=1e-12)
    assert np.isfinite(kept["weighted_gain"]).all()
    without = advise(pd.concat(more), task="shop", label="sales",
                     leave_out=("tiny", "closed"))  # fmt: skip
    assert "tiny" not in without["target"].values
    with pytest.raises(ValueError, match="no task 'kiosk' to leave out"):
        advise(clean, task="shop", label="sales", leave_out=("kiosk",))


def test_what_looks_wrong_is_said_first_and_no_huge_gain_is_printed(clean, base):
    assert base.attrs["noticed"] == []
    wrong = clean.copy()
    wrong.loc[3, "sales"] = 1e6
    found = advise(wrong, task="shop", label="sales")
    (text,) = found.attrs["noticed"]
    assert f"row 3, column sales: 1e+06 (task {clean.shop[3]})" in text
    shown = printed(found)
    assert shown.index("look first") < shown.index("Gain from pooling")
    assert "< -1000" in shown
    assert not [word for word in shown.split() if len(word.strip("[],+-")) > 12
                and word.strip("[],+-").isdigit()]  # fmt: skip
    cell = clean.copy()
    cell.loc[[4, 8], "price"] = -9999
    assert "row 4, 8, column price: -9999" in noticed(cell)[0]
    assert "missing value" in noticed(cell)[0]
    units = clean.copy()
    units.loc[units.shop.isin(["beach", "mall"]), "sales"] *= 1000
    (said,) = noticed(units)
    assert "beach" in said
    assert "mall" in said
    assert "--standardise-labels" in said
    grams = clean.copy()
    grams.loc[grams.shop.isin(["lake", "pier"]), "price"] *= 1e-3
    (said,) = noticed(grams)
    assert "column price varies 100 times" in said
    assert "--standardise-labels" not in said
    numbered = clean.assign(id=np.arange(1000, 1000 + len(clean)))
    assert "column id is another whole number in every row" in noticed(numbered)[0]
    leak = clean.assign(profit=clean.sales * 0.3 + 2)
    with pytest.raises(ValueError, match="column profit equals the label sales"):
        advise(leak, task="shop", label="sales")
    near = clean.assign(profit=clean.sales + 0.01 * np.sin(np.arange(len(clean))))
    assert "column profit nearly determines the label" in noticed(near)[0]


def test_arrays_lists_masks_and_bad_shapes(clean, base):
    x, y = clean[["temp", "price", "staff"]].to_numpy(), clean.sales.to_numpy()
    arrays = advise(x, task=clean.shop.to_numpy(), label=y)
    assert arrays.attrs["inputs"] == ["x0", "x1", "x2"]
    np.testing.assert_allclose(arrays["gain"], base["gain"], rtol=1e-9, atol=1e-12)
    hidden = np.ma.masked_array(x, mask=np.zeros(x.shape, bool))
    hidden[2, 1] = np.ma.masked
    found = advise(hidden, task=clean.shop.to_numpy(), label=y)
    assert any("x1 (1)" in note for note in found.attrs["notes"])
    tasks = LoadedTasks(
        names=("a", "b"), inputs=("u", "v", "w"), label="y",
        covariates=(hidden[:20], x[20:]), labels=(y[:20], y[20:]),
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"task 0 \(a\): covariates has a masked value"
    ):
        advise(tasks)
    with pytest.raises(ValueError, match="a list of 2 arrays"):
        advise([x, x], label=[y])
    with pytest.raises(ValueError, match="task 1 has 3 rows and 2 labels"):
        advise([x, x[:3]], label=[y, y[:2]])
    with pytest.raises(ValueError, match="label must have one value a row"):
        advise(x, task=clean.shop.to_numpy(), label=y[:4])
    with pytest.raises(ValueError, match="name the column of tasks"):
        advise(clean, label="sales")


def test_two_questions_are_answered_each_with_an_interval():
    rng = np.random.default_rng(3)
    theta = np.array([2.0, -1, 1])
    x = [rng.normal(size=(30, 3)) for _ in range(2)]
    y = [
        s * one @ theta + 2 * rng.normal(size=30)
        for s, one in zip((1, -1), x, strict=True)
    ]
    found = advise(x, label=y)
    # One model for both is wrong, the direction is one: heads of opposite signs.
    assert np.all(found["gain"].values[[0, 1], [1, 0]] < -0.5)
    assert np.all(found["shared_gain"].sel(width=1) > 0)
    assert found.attrs["suggested_width"] == 1
    text = printed(found)
    assert "Gain from a shared module of width 1" in text
    assert np.all(found["shared_low"] <= found["shared_gain"])
    assert np.all(found["shared_high"] <= 1)


def test_labels_without_noise_are_said_and_no_bound_passes_all_of_the_error():
    rng = np.random.default_rng(0)
    x = [np.round(rng.normal(size=(10, 2)), 1) for _ in range(2)]
    with pytest.raises(ValueError, match="no noise above rounding"):
        advise(x, label=[one @ [1.0, -2] for one in x])
    one = np.array([[1, 1], [2, 2.1], [3, 2.9], [4, 4.2]])
    other = np.array([[1, 1.1], [2, 1.9], [3, 3.2], [4, 3.9]])
    found = advise([one[:, :1], other[:, :1]], label=[one[:, 1], other[:, 1]])
    assert not np.any(found["gain_high"].values > 1)
    assert not np.any(found["weighted_high"].values > 1)


def test_messages_lead_to_no_wrong_analysis(tmp_path):
    lines = ["shop,u,sales"] + [f"{'ab'[i % 2]},{i * i % 7},{i}" for i in range(20)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="sales is the label column and cannot be dro"):
        load_tasks(path, task_column="shop", label_column="sales", drop=["sales"])
    with pytest.raises(ValueError, match="seed"):
        Advice(data="t.csv", seed=-1)
    path.write_text("\n".join([*lines, ",1,2"]), encoding="utf-8")
    with pytest.raises(ValueError, match="name their task") as caught:
        load_tasks(path, task_column="shop")
    assert "--drop" not in str(caught.value)


@pytest.mark.long
@pytest.mark.parametrize(
    ("rows", "least"), [((15, 40, 200, 25), 0.8), ((60,) * 4, 0.88)]
)
def test_two_planted_clusters_are_found(rows, least):
    from simulations.advice.estimates import factors_of
    from simulations.advice.groups import equal_groups
    from simulations.advice.rows import centred_rows

    draws, hits = 200, 0
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        base, other = rng.normal(size=(2, 6))
        other -= base * (other @ base) / (base @ base)
        x, y = [], []
        for centre in (base, other):
            for m in rows:
                theta = centre + 0.15 * rng.normal(size=6)
                x.append(rng.normal(size=(m, 6)))
                y.append(x[-1] @ theta + 2 * rng.normal(size=m))
        factors, _ = factors_of(centred_rows(x, y))
        hits += equal_groups(factors).group.tolist() == [0] * 4 + [1] * 4
    # 0.89 and 0.96 of draws; two standard errors less.
    assert hits / draws > least


@pytest.mark.long
def test_odd_columns_and_units_are_no_failure(clean, base):
    odd = clean.assign(zero=0.0, twice=clean.temp)
    odd = odd[["shop", "zero", "twice", "temp", "price", "staff", "sales"]]
    odd["price"] *= 1e-200
    found = advise(odd, task="shop", label="sales")
    for name in ("gain", "left_out"):
        np.testing.assert_allclose(found[name], base[name], rtol=1e-7, atol=1e-8)
    assert found.sizes["width"] == base.sizes["width"]
    odd["price"] *= 1e300
    odd["price"] *= 1e100
    with pytest.raises(ValueError, match=r"column price: .* too large to be squared"):
        advise(odd, task="shop", label="sales")
    same = clean.assign(person="one")
    with pytest.raises(ValueError, match="rows of one group only"):
        advise(same, task="shop", label="sales", groups="person")
