"""A store of one folder's data is not taken for that of another."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from paper_checks.claims import advice, random_labels
from paper_checks.leaderboard import scores
from paper_checks.settings import Settings
from paper_checks.studies import pairs_of_labels
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


class _JudgedError(Exception):
    """Raised in place of a verdict: what is judged is of no matter here."""


@pytest.mark.parametrize("claim", ["W-S1", "W-X2"])
def test_other_data_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim: str
):
    specs: list[Any] = []

    def measured(spec: Any, *_: object) -> xr.Dataset:
        specs.append(spec)
        return xr.Dataset({"one": 1.0}).assign_attrs(attributes(spec))

    def judged(*_: object, **__: object) -> None:
        raise _JudgedError

    monkeypatch.setattr(scores, "run", measured)
    monkeypatch.setattr(pairs_of_labels, "run", measured)
    monkeypatch.setattr(advice, "available", lambda _: SETS)
    monkeypatch.setattr(xr.Dataset, "sel", judged)
    monkeypatch.setattr(pairs_of_labels, "_control", judged)
    find = {"W-S1": advice.find, "W-X2": random_labels.CLAIMS[0].find}[claim]
    settings = Settings(data=tmp_path, results=tmp_path / "results")
    for sha256, runs in (("1" * 64, 1), ("1" * 64, 1), ("2" * 64, 2)):
        (tmp_path / "manifest.json").write_text(_listed(sha256))
        with pytest.raises(_JudgedError):
            find(settings)
        assert len(specs) == runs
    assert specs[1] != specs[0]
    assert dataclasses.replace(specs[1], manifest=specs[0].manifest) == specs[0]
