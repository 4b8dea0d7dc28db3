"""When a stored study of real data stands for a new one, and what is told."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from paper_checks.benchmarks.study import StudySpec
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.settings import Settings
from paper_checks.studies import linear_benchmarks
from simulations import provenance
from tests.paper_checks.data.test_folder import (
    JURA,
    Folder,
    add_emotions,
    add_jura,
)


def benchmark(name: str, tasks: int = 2, inputs: int = 3) -> LinearBenchmark:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, inputs))
    made = LinearBenchmark.from_arrays([x] * tasks, list(rng.normal(size=(tasks, 4))))
    return dataclasses.replace(made, name=name, checksum="sha256:1")


@pytest.fixture
def bundled(monkeypatch) -> dict[str, LinearBenchmark]:
    """What comes bundled; tests may change it."""
    sets = {name: benchmark(name) for name in ("one", "two")}
    loaders = {name: lambda name=name: sets[name] for name in sets}
    monkeypatch.setattr(linear_benchmarks, "BUNDLED", loaders)
    return sets


@pytest.fixture
def studied(monkeypatch) -> list[str]:
    """Names of the benchmarks studied; the studies are numbers drawn at no cost."""
    names: list[str] = []

    def study(given: LinearBenchmark, spec: StudySpec) -> dict[str, xr.Dataset]:
        names.append(given.name)
        rng = np.random.default_rng(len(names))
        attrs = provenance.attributes(spec) | given.provenance()
        return {
            part: xr.Dataset({"loss": ("width", rng.normal(size=3))}, attrs=attrs)
            for part in ("optima", "span")
        }

    monkeypatch.setattr(linear_benchmarks, "study", study)
    return names


def studies(settings: Settings) -> dict[str, dict[str, xr.Dataset]]:
    return linear_benchmarks.studies(settings, lambda _: None)


def stores(results: Path) -> list[str]:
    folder = results / "real_data"
    return sorted(str(path.relative_to(folder)) for path in folder.glob("*/*"))


def assert_same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for name, study in one.items():
        assert study.keys() == other[name].keys()
        for part, data in study.items():
            assert data.identical(other[name][part])


def test_finished_studies_are_reused_and_each_is_told(bundled, studied, tmp_path):
    settings = Settings(results=tmp_path)
    told: list[str] = []
    first = linear_benchmarks.studies(settings, told.append)
    assert told == ["real data: one", "real data: two"]
    assert studied == ["one", "two"]
    again = linear_benchmarks.studies(settings, told.append)
    assert told == ["real data: one", "real data: two"] * 2
    assert studied == ["one", "two"]
    assert_same(first, again)
    expected = [f"{n}/{p}.zarr" for n in ("one", "two") for p in ("optima", "span")]
    assert stores(tmp_path) == expected


def test_a_study_is_told_before_it_is_begun(bundled, studied, tmp_path):
    done: list[list[str]] = []
    settings = Settings(results=tmp_path)
    linear_benchmarks.studies(settings, lambda _: done.append(list(studied)))
    assert done == [[], ["one"]]


@pytest.mark.parametrize(
    "change", [{"fresh": True}, {"seed": 5}, {"profile": "full"}], ids=str
)
def test_another_spec_or_fresh_studies_all_again(bundled, studied, tmp_path, change):
    settings = Settings(results=tmp_path)
    first = studies(settings)
    changed = Settings(results=tmp_path, **change)
    again = studies(changed)
    assert studied == ["one", "two"] * 2
    assert not again["one"]["optima"].identical(first["one"]["optima"])
    assert_same(again, studies(dataclasses.replace(changed, fresh=False)))
    assert len(studied) == 4


def test_another_version_studies_all_again(bundled, studied, tmp_path, monkeypatch):
    studies(Settings(results=tmp_path))
    monkeypatch.setattr(provenance, "DISTRIBUTION", "numpy")
    studies(Settings(results=tmp_path))
    assert studied == ["one", "two"] * 2
    studies(Settings(results=tmp_path))
    assert len(studied) == 4


@pytest.mark.parametrize("field", ["checksum", "note", "source", "licence"])
def test_other_data_is_studied_again_and_only_it(bundled, studied, tmp_path, field):
    studies(Settings(results=tmp_path))
    bundled["two"] = dataclasses.replace(bundled["two"], **{field: "another"})
    again = studies(Settings(results=tmp_path))
    assert studied == ["one", "two", "two"]
    assert again["two"]["span"].attrs[f"data_{field}"] == "another"
    studies(Settings(results=tmp_path))
    assert len(studied) == 3


def test_a_damaged_store_is_studied_again(bundled, studied, tmp_path):
    studies(Settings(results=tmp_path))
    chunk = tmp_path / "real_data" / "one" / "span.zarr" / "loss" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"x")
    again = studies(Settings(results=tmp_path))
    assert studied == ["one", "two", "one"]
    assert_same(again, studies(Settings(results=tmp_path)))
    assert len(studied) == 3


def test_a_folder_is_studied_after_the_bundled_sets(bundled, studied, tmp_path):
    (tmp_path / "data").mkdir()
    folder = Folder(tmp_path / "data")
    add_emotions(folder)
    add_jura(folder)
    settings = Settings(results=tmp_path, data=folder.path)
    assert list(studies(settings)) == ["one", "two", "jura", "emotions"]
    assert studied == ["one", "two", "jura", "emotions"]
    assert list(studies(settings)) == studied
    # Changed content brings its own checksum along.
    folder.entries.pop()
    add_jura(folder, "% another comment\n" + JURA)
    studies(settings)
    assert studied[4:] == ["jura"]
    assert list(studies(Settings(results=tmp_path))) == ["one", "two"]


def test_a_bad_folder_leaves_what_was_finished(bundled, studied, tmp_path):
    (tmp_path / "data").mkdir()
    folder = Folder(tmp_path / "data")
    add_jura(folder)
    file = add_emotions(folder)
    good = file.read_bytes()
    file.write_bytes(good[:-1])
    settings = Settings(results=tmp_path, data=folder.path)
    told: list[str] = []
    with pytest.raises(ValueError, match=r"emotions\.arff\.gz"):
        linear_benchmarks.studies(settings, told.append)
    assert told[-1] == "real data: emotions"
    assert studied == ["one", "two", "jura"]
    assert "jura/optima.zarr" in stores(tmp_path)
    assert not any(name.startswith("emotions") for name in stores(tmp_path))
    file.write_bytes(good)
    studies(settings)
    assert studied == ["one", "two", "jura", "emotions"]
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"emotions\.arff\.gz is missing"):
        studies(settings)
    assert "emotions/optima.zarr" in stores(tmp_path)


@pytest.mark.parametrize(
    ("made", "profile", "expected"),
    [
        (benchmark("one"), "quick", {"widths": None, "folds": 3, "repeats": 20}),
        (benchmark("one"), "full", {"widths": None, "folds": 5, "repeats": 100}),
        # Many tasks in both profiles, many inputs in one only.
        (benchmark("one", 31), "quick", {"widths": [1, 2], "folds": 2, "repeats": 20}),
        (benchmark("one", 31), "full", {"widths": [1, 2], "folds": 2, "repeats": 20}),
        # A few splits decide nothing: none at all, or as many as will.
        (benchmark("one", 101), "quick", {"widths": [1, 2], "noise": None}),
        (benchmark("one", 101), "full", {"widths": [1, 2], "repeats": 20}),
        (benchmark("one", 2, 101), "quick", {"widths": [1, 2, 4], "repeats": 6}),
        (benchmark("one", 2, 101), "full", {"widths": None, "folds": 5}),
    ],
)
def test_large_sets_are_studied_less(bundled, studied, tmp_path, made, profile,
                                     expected):  # fmt: skip
    bundled["one"] = made
    found = studies(Settings(results=tmp_path, profile=profile, seed=9))
    spec = json.loads(found["one"]["optima"].attrs["spec"])
    assert spec["seed"] == 9
    spec |= spec["noise"] or {}
    assert {name: spec[name] for name in expected} == expected


def test_the_data_is_named_for_the_ledger(bundled, studied, tmp_path):
    found = studies(Settings(results=tmp_path))
    assert linear_benchmarks.data_named(found) == "simulated; one, two"


def test_parts_come_all_or_none(bundled, studied, tmp_path, monkeypatch):
    """A study cut off while it is saved is not one that is finished."""
    save, saved = linear_benchmarks.store.save, []

    def cut_off(data, path):
        if saved:
            raise OSError("disk full")
        saved.append(save(data, path))

    monkeypatch.setattr(linear_benchmarks.store, "save", cut_off)
    with pytest.raises(OSError, match="disk full"):
        studies(Settings(results=tmp_path))
    assert stores(tmp_path) == []
    monkeypatch.setattr(linear_benchmarks.store, "save", save)
    assert set(studies(Settings(results=tmp_path))["one"]) == {"optima", "span"}


def test_a_part_that_is_no_more_goes(bundled, studied, tmp_path, monkeypatch):
    studies(Settings(results=tmp_path))
    whole = linear_benchmarks.study
    monkeypatch.setattr(
        linear_benchmarks, "study", lambda b, s: {"optima": whole(b, s)["optima"]}
    )
    studies(Settings(results=tmp_path, seed=3))
    assert stores(tmp_path) == ["one/optima.zarr", "two/optima.zarr"]
    count = len(studied)
    studies(Settings(results=tmp_path, seed=3))
    assert len(studied) == count
