"""W-X2: what its verdict rests on, where pairs share tasks."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import random_labels
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from tests.paper_checks.sentences.sentence_data import NOTICED

SETS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("of_sets", "verdict"),
    [
        ((1.1, 0.9, 1.0), Verdict.HOLDS),
        # All 20 pairs of a set gain as much: 60 values, and 3 that are independent.
        ((2.0, 0.1, 0.3), Verdict.NEEDS_DATA),
        ((-2.0, 0.1, 0.3), Verdict.NEEDS_DATA),
        # Less than the paper's 2.4 beyond doubt.
        ((-1.0, 0.1, 0.3), Verdict.FAILS),
        ((0.4, 0.1, -0.1), Verdict.FAILS),
    ],
)
def test_pairs_that_share_tasks_are_no_independent_evidence(
    monkeypatch, of_sets: tuple[float, ...], verdict: Verdict
):
    spread = 0.05 * np.random.default_rng(0).normal(size=(3, 2, 2, 20, 1))
    gain = np.reshape(of_sets, (3, 1, 1, 1, 1)) + spread
    axes = ("set", "model", "reading", "pair", "draw")
    coordinates = {
        "set": list(SETS),
        "model": ["linear", "mlp"],
        "reading": ["printed", "standardised"],
    }
    data = xr.Dataset({"gain": (axes, gain), "noisy_gain": (axes, gain)}, coordinates)
    monkeypatch.setattr(random_labels, "missing", lambda _: "")
    monkeypatch.setattr(random_labels, "_available", lambda _: SETS)
    monkeypatch.setattr(random_labels, "_kept", lambda *_: data)
    monkeypatch.setattr(random_labels, "_control", lambda *_: NOTICED)
    for found in random_labels.find(Settings(data=Path("/there"))):
        assert found.verdict is verdict
        assert [one.n for one in found.measurements[:2]] == [3, 3]
        assert "over pairs that share tasks" in found.measurements[2].interval
