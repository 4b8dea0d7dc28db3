"""Which sweeps are run, and when a store stands for one."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import xarray as xr

from paper_checks.settings import Settings
from paper_checks.studies import simulated
from simulations import provenance, store
from simulations.experiments.transfer import TransferSweep
from simulations.experiments.transfer_relu import TransferReluSweep

SWEEPS = simulated.FOR_CLAIMS | simulated.for_figures(everything=True)
NAMES = ("transfer-ample", "capacity")


@pytest.fixture
def ran(monkeypatch) -> list[Any]:
    """Specs of the sweeps that were run; their data are numbers drawn at no cost."""
    specs: list[Any] = []

    def run(spec: Any, progress: Any = None) -> xr.Dataset:
        specs.append(spec)
        values = np.random.default_rng(len(specs)).normal(size=3)
        return xr.Dataset({"gain": ("m", values)}, attrs=provenance.attributes(spec))

    for sweep in SWEEPS.values():
        monkeypatch.setattr(sweep.spec, "run", run)
    return specs


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_sweep_is_reused(ran, tmp_path, name):
    settings = Settings(results=tmp_path)
    first = SWEEPS[name](settings)
    again = SWEEPS[name](settings)
    assert len(ran) == 1
    assert again.identical(first)
    assert store.load(tmp_path / f"{name}.zarr").identical(first)
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.zarr"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "change", [{"fresh": True}, {"seed": 5}, {"profile": "full"}], ids=str
)
def test_another_spec_or_fresh_runs_it_again(ran, tmp_path, name, change):
    settings = Settings(results=tmp_path)
    first = SWEEPS[name](settings)
    # Another run: its stores are those since it started.
    changed = Settings(results=tmp_path, **change)
    again = SWEEPS[name](changed)
    assert len(ran) == 2
    assert not again.identical(first)
    assert store.load(tmp_path / f"{name}.zarr").identical(again)
    assert (ran[0] == ran[1]) is ("fresh" in change)
    assert ran[1].seed == changed.seed


def test_claims_of_one_fresh_run_share_a_study(ran, tmp_path):
    settings = Settings(results=tmp_path, fresh=True)
    first, again = (SWEEPS["capacity"](settings) for _ in range(2))
    assert len(ran) == 1
    assert again.identical(first)


def test_another_version_runs_it_again(ran, tmp_path, monkeypatch):
    SWEEPS["capacity"](Settings(results=tmp_path))
    monkeypatch.setattr(provenance, "DISTRIBUTION", "numpy")
    SWEEPS["capacity"](Settings(results=tmp_path))
    assert len(ran) == 2
    SWEEPS["capacity"](Settings(results=tmp_path))
    assert len(ran) == 2


def test_every_sweep_has_a_store_and_the_specs_of_its_own_experiment(ran, tmp_path):
    for name, sweep in SWEEPS.items():
        sweep(Settings(results=tmp_path))
        sweep(Settings(results=tmp_path, profile="full", fresh=True))
        assert (tmp_path / f"{name}.zarr").is_dir()
        for asked, spec in zip(
            ran[-2:], (sweep.spec.quick(), sweep.spec()), strict=True
        ):
            assert asked == dataclasses.replace(spec, **sweep.changes(spec))
    assert len(ran) == 2 * len(SWEEPS)


def test_regimes_differ_in_what_their_names_say(ran, tmp_path):
    for name in ("transfer", "transfer-as-written", "transfer-ample"):
        SWEEPS[name](Settings(results=tmp_path, seed=7))
    rotated, written, ample = ran
    assert rotated == dataclasses.replace(TransferSweep.quick(), seed=7)
    assert rotated.reading != "as written"
    assert rotated.samples_target < rotated.dimension
    assert written == dataclasses.replace(rotated, reading="as written")
    double = 2 * rotated.dimension
    assert ample == dataclasses.replace(rotated, samples_target=double)


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_unrelated_sources_of_relu_are_known_to_hurt(ran, tmp_path, profile):
    settings = Settings(results=tmp_path, profile=profile, seed=3)
    for name in ("transfer_relu", "transfer_relu-unrelated"):
        SWEEPS[name](settings)
    spec = TransferReluSweep.quick() if profile == "quick" else TransferReluSweep()
    related, far = ran
    assert related == dataclasses.replace(spec, seed=3)
    assert (far.cosine, far.condition, far.seed) == (0, 1, 3)
    # An active half of the target's rows determines its parameter.
    assert far.samples_target > 2 * far.dimension
    assert profile == "quick" or related.repeats >= 100


def test_a_run_that_fails_leaves_the_store_of_before(ran, tmp_path, monkeypatch):
    capacity = SWEEPS["capacity"]
    first = capacity(Settings(results=tmp_path))

    def fail(_: Any) -> xr.Dataset:
        raise ValueError("broken off")

    monkeypatch.setattr(capacity.spec, "run", fail)
    for asked in (
        Settings(results=tmp_path, fresh=True),
        Settings(results=tmp_path, seed=5),
    ):
        with pytest.raises(ValueError, match="broken off"):
            capacity(asked)
    assert store.load(tmp_path / "capacity.zarr").identical(first)
    assert len(ran) == 1


def test_what_is_no_store_is_left_as_it_is(ran, tmp_path):
    (tmp_path / "capacity.zarr").mkdir()
    (tmp_path / "capacity.zarr" / "notes.txt").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(OSError, match=r"capacity\.zarr is not a store"):
            SWEEPS["capacity"](Settings(results=tmp_path, fresh=fresh))
    assert (tmp_path / "capacity.zarr" / "notes.txt").read_text() == "mine"
