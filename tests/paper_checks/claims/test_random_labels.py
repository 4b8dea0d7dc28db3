"""W-X2: what its verdict rests on, where pairs share tasks."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from paper_checks.claims import random_labels
from paper_checks.judge.finding import Finding
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from tests.paper_checks.data.test_folder import Folder
from tests.paper_checks.sentences.folder import add_six_sets
from tests.paper_checks.sentences.sentence_data import NOTICED


def made(of_sets: tuple[float, ...]) -> xr.Dataset:
    """Gains of sets, in which all 20 pairs gain nearly as much."""
    spread = 0.05 * np.random.default_rng(0).normal(size=(3, 2, 2, 20, 1))
    gain = np.reshape(of_sets, (3, 1, 1, 1, 1)) + spread
    axes = ("set", "model", "reading", "pair", "draw")
    coordinates = {
        "set": ["a", "b", "c"],
        "model": ["linear", "mlp"],
        "reading": ["printed", "standardised"],
    }
    return xr.Dataset({"gain": (axes, gain), "noisy_gain": (axes, gain)}, coordinates)


def found_on(data: xr.Dataset) -> list[Finding]:
    """Both claims on these gains."""
    claims = [replace(c, study=lambda _: (data, NOTICED)) for c in random_labels.CLAIMS]
    return [claim.find(Settings()) for claim in claims]


@pytest.mark.parametrize(
    ("of_sets", "verdict"),
    [
        ((1.1, 0.9, 1.0), Verdict.HOLDS),
        # All 20 pairs of a set gain as much: 60 values, and 3 that are independent.
        ((2.0, 0.1, 0.3), Verdict.UNDECIDED),
        ((-2.0, 0.1, 0.3), Verdict.UNDECIDED),
        # Less than the paper's 2.4 beyond doubt.
        ((-1.0, 0.1, 0.3), Verdict.FAILS),
        ((0.4, 0.1, -0.1), Verdict.FAILS),
    ],
)
def test_pairs_that_share_tasks_are_no_independent_evidence(
    of_sets: tuple[float, ...], verdict: Verdict
):
    for found in found_on(made(of_sets)):
        assert found.verdict is verdict
        assert [one.n for one in found.measurements[:2]] == [3, 3]
        assert "over pairs that share tasks" in found.measurements[2].interval


def test_both_models_must_gain_and_readings_are_judged_apart():
    data = made((1.1, 0.9, 1.0))
    data["gain"].loc[{"model": "mlp", "reading": "standardised"}] -= 1.1
    printed, standardised = found_on(data)
    assert printed.verdict is Verdict.HOLDS
    assert standardised.verdict is Verdict.FAILS
    assert standardised.deciding is not None
    assert "mlp" in standardised.deciding.quantity


def test_without_data_it_says_what_is_needed(tmp_path):
    for claim in random_labels.CLAIMS:
        found = claim.find(Settings())
        assert (found.verdict, found.data) == (Verdict.NEEDS_DATA, "none")
        assert "DATA=/path/to/folder" in found.caveats[0]
    add_six_sets(Folder(tmp_path), 6)
    found = random_labels.CLAIMS[0].find(Settings(data=tmp_path))
    assert "does not list yeast (train), yeast (test), scene" in found.caveats[0]
