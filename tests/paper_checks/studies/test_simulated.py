"""Which sweeps are run, and when a store stands for one."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from paper_checks.settings import Settings
from paper_checks.studies import simulated
from simulations import provenance, store
from simulations.experiments import (
    alignment,
    capacity,
    classification,
    similarity,
    weights,
)
from simulations.experiments import transfer as transfers

SWEEPS: dict[str, Callable[[Settings], xr.Dataset]] = {
    "transfer": lambda settings: simulated.transfer(settings, "rotated"),
    "transfer-as-written": lambda settings: simulated.transfer(settings, "as written"),
    "transfer-ample": lambda settings: simulated.transfer(settings, "ample"),
    "capacity": simulated.capacity_sweep,
    "similarity": simulated.similarity_sweep,
    "weights": simulated.weights_sweep,
    "alignment": simulated.alignment_sweep,
    "classification": simulated.classification_sweep,
}


@pytest.fixture
def ran(monkeypatch) -> list[Any]:
    """Specs of the sweeps that were run; their data are numbers drawn at no cost."""
    specs: list[Any] = []

    def run(spec: Any) -> xr.Dataset:
        specs.append(spec)
        values = np.random.default_rng(len(specs)).normal(size=3)
        return xr.Dataset({"gain": ("m", values)}, attrs=provenance.attributes(spec))

    for study in (transfers, alignment, capacity, similarity, weights, classification):
        monkeypatch.setattr(study, "run", run)
    return specs


@pytest.mark.parametrize("name", SWEEPS)
def test_a_finished_sweep_is_reused(ran, tmp_path, name):
    settings = Settings(results=tmp_path)
    first = SWEEPS[name](settings)
    again = SWEEPS[name](settings)
    assert len(ran) == 1
    assert again.identical(first)
    assert store.load(tmp_path / f"{name}.zarr").identical(first)
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.zarr"]


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize(
    "change", [{"fresh": True}, {"seed": 5}, {"profile": "full"}], ids=str
)
def test_another_spec_or_fresh_runs_it_again(ran, tmp_path, name, change):
    settings = Settings(results=tmp_path)
    first = SWEEPS[name](settings)
    changed = dataclasses.replace(settings, **change)
    again = SWEEPS[name](changed)
    assert len(ran) == 2
    assert not again.identical(first)
    assert store.load(tmp_path / f"{name}.zarr").identical(again)
    assert (ran[0] == ran[1]) is ("fresh" in change)
    assert ran[1].seed == changed.seed


@pytest.mark.parametrize("name", SWEEPS)
def test_another_version_runs_it_again(ran, tmp_path, name, monkeypatch):
    SWEEPS[name](Settings(results=tmp_path))
    monkeypatch.setattr(provenance, "DISTRIBUTION", "numpy")
    SWEEPS[name](Settings(results=tmp_path))
    assert len(ran) == 2
    SWEEPS[name](Settings(results=tmp_path))
    assert len(ran) == 2


def test_regimes_differ_in_what_their_names_say(ran, tmp_path):
    for regime in simulated.STORES:
        simulated.transfer(Settings(results=tmp_path, seed=7), regime)
    rotated, written, ample = ran
    assert rotated == dataclasses.replace(transfers.TransferSweep.quick(), seed=7)
    assert rotated.reading != "as written"
    assert rotated.samples_target < rotated.dimension
    assert written == dataclasses.replace(rotated, reading="as written")
    double = 2 * rotated.dimension
    assert ample == dataclasses.replace(rotated, samples_target=double)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("transfer", transfers.TransferSweep),
        ("capacity", capacity.CapacitySweep),
        ("similarity", similarity.SimilaritySweep),
        ("weights", weights.WeightsSweep),
        ("alignment", alignment.AlignmentSweep),
        ("classification", classification.ClassificationSweep),
    ],
)
def test_profiles_are_those_of_the_study(ran, tmp_path, name, kind):
    SWEEPS[name](Settings(results=tmp_path))
    SWEEPS[name](Settings(results=tmp_path, profile="full"))
    assert ran == [kind.quick(), kind()]


def test_a_run_that_fails_leaves_the_store_of_before(ran, tmp_path, monkeypatch):
    first = simulated.capacity_sweep(Settings(results=tmp_path))

    def fail(_: Any) -> xr.Dataset:
        raise ValueError("broken off")

    monkeypatch.setattr(capacity, "run", fail)
    for asked in (
        Settings(results=tmp_path, fresh=True),
        Settings(results=tmp_path, seed=5),
    ):
        with pytest.raises(ValueError, match="broken off"):
            simulated.capacity_sweep(asked)
    assert store.load(tmp_path / "capacity.zarr").identical(first)
    assert len(ran) == 1


def test_what_is_no_store_is_left_as_it_is(ran, tmp_path):
    (tmp_path / "capacity.zarr").mkdir()
    (tmp_path / "capacity.zarr" / "notes.txt").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(OSError, match=r"capacity\.zarr is not a store"):
            simulated.capacity_sweep(Settings(results=tmp_path, fresh=fresh))
    assert (tmp_path / "capacity.zarr" / "notes.txt").read_text() == "mine"
