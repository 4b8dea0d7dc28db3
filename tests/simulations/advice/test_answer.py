"""The answer in sentences, as JSON and by groups that may overlap."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from simulations.advice.advise import advise
from simulations.advice.answer_json import as_json
from simulations.advice.covers import best_cover, best_sources, simultaneous
from simulations.advice.sentences import joined, percent, sentences
from tests.simulations.advice.tables import shops


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    return shops()


@pytest.fixture(scope="module")
def answer(clean: pd.DataFrame) -> xr.Dataset:
    tiny = clean.head(2).assign(shop="tiny <b>")
    return advise(pd.concat([clean, tiny]), task="shop", label="sales")


def test_json_holds_every_number_and_no_nan(answer):
    text = json.dumps(as_json(answer), allow_nan=False)
    found = json.loads(text)
    k = answer.sizes["target"]
    assert [t["task"] for t in found["tasks"]] == answer["target"].values.tolist()
    assert len(found["pairs"]) == k * (k - 1)
    held = {name for one in (found["tasks"][0], found["pairs"][0]) for name in one}
    by_width = {"width_error", "shared_gain", "shared_low", "shared_high"}
    assert set(found["by_width"]) == by_width
    # The other variable, error_apart, is by fold.
    assert held | by_width | {"error_apart"} >= set(map(str, answer.data_vars))
    pair = next(p for p in found["pairs"]
                if (p["source"], p["target"]) == ("lake", "harbour"))  # fmt: skip
    assert pair["gain"] == float(answer["gain"].sel(source="lake", target="harbour"))
    last = next(t for t in found["tasks"] if t["task"] == "tiny <b>")
    assert last["weighted_gain"] is None
    assert last["withheld"]


def test_one_sentence_per_task_says_what_to_do(answer):
    said = sentences(answer)
    assert len(said) == 8
    for text in said:
        assert text.startswith(("Train ", "Leave "))
    small = next(text for text in said if text.startswith("Train station with "))
    assert "gain +" in small
    gain = 100 * float(answer["weighted_gain"].sel(target="station"))
    assert percent(gain) in small
    # Without weights the best single source is named, with its wider interval.
    without = answer.copy(deep=True)
    for name in ("weighted_gain", "weight"):
        without[name][:] = np.nan
    text = next(t for t in sentences(without) if "station with" in t)
    best = answer["best_source"].sel(target="station").item()
    assert text.startswith(f"Train station with {best} (gain ")
    pair = answer.sel(source=best, target="station")
    assert float(pair["best_low"]) < float(pair["gain_low"])


def test_names_are_joined_as_people_join_them():
    assert joined(["a"]) == "a"
    assert joined(["a", "b"]) == "a and b"
    assert joined(list("abcdef"), 3) == "a, b, c and 3 more"


def test_the_cover_is_the_best_of_all():
    rng = np.random.default_rng(0)
    gain = rng.normal(size=(4, 4))
    np.fill_diagonal(gain, 0)
    found = best_cover(gain, 2)
    assert found is not None
    sets = [s for n in range(1, 5) for s in itertools.combinations(range(4), n)]

    def worth(task: int, group: tuple[int, ...]) -> float:
        if task not in group:
            return -np.inf
        others = [i for i in group if i != task]
        return float(np.mean(gain[others, task])) if others else 0.0

    best = max(
        sum(max(worth(j, g) for g in pair) for j in range(4))
        for pair in itertools.product(sets, sets)
    )
    np.testing.assert_allclose(found.score.sum(), best, rtol=1e-12)
    gain[0, 1] = np.nan
    assert best_cover(gain, 2) is None


def test_the_best_source_is_no_task_itself_and_no_unknown_one():
    gain = np.array([[9.0, 0.1, np.nan], [-0.2, 9.0, np.nan], [-0.1, 0.3, 9.0]])
    found = best_sources(gain, gain - 1, gain + 1)
    assert found.source[:2].tolist() == [2, 2]
    np.testing.assert_allclose(found.low, [-1.1, -0.7, np.nan])
    np.testing.assert_allclose(simultaneous(0.95, 5), 0.99)
