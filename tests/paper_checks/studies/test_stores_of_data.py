"""A store of one folder's data is not taken for that of another."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from paper_checks.benchmarks.label_pairs import LabelPairs
from paper_checks.claims import advice
from paper_checks.leaderboard import scores
from paper_checks.settings import Settings
from paper_checks.studies import advised_gains
from paper_checks.studies.stores import kept_of_data
from simulations.provenance import attributes

SETS = ("yeast", "scene", "emotions")


def _listed(sha256: str) -> str:
    """A manifest that lists both parts of all sets."""
    common = {"licence": "none", "source": {"repo": "made up"}, "sha256": sha256}
    files = [
        {"file": f"{name}.{split}", "name": name, "split": split, **common}
        for name in SETS
        for split in ("train", "test")
    ]
    return json.dumps({"files": files})


Measure = Callable[[Any], xr.Dataset]


def _advised(settings: Settings, _: Measure) -> xr.Dataset:
    return advice.CLAIM.study(settings)


def _label_pairs(settings: Settings, measured: Measure) -> xr.Dataset:
    return kept_of_data(settings, "label_pairs", LabelPairs(sets=SETS), measured)


@pytest.mark.parametrize("study", [_advised, _label_pairs], ids=["W-S1", "W-X2"])
def test_other_data_is_measured_anew(tmp_path: Path, monkeypatch, study):
    specs: list[Any] = []

    def measured(spec: Any, *_: object) -> xr.Dataset:
        specs.append(spec)
        return xr.Dataset({"one": 1.0}).assign_attrs(attributes(spec))

    monkeypatch.setattr(scores, "run", measured)
    monkeypatch.setattr(advised_gains, "available", lambda _: SETS)
    settings = Settings(data=tmp_path, results=tmp_path / "results")
    for sha256, runs in (("1" * 64, 1), ("1" * 64, 1), ("2" * 64, 2)):
        (tmp_path / "manifest.json").write_text(_listed(sha256))
        study(settings, measured)
        assert len(specs) == runs
    assert specs[1] != specs[0]
    assert dataclasses.replace(specs[1], manifest=specs[0].manifest) == specs[0]
