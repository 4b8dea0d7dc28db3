"""W-S1 on made-up sets, and the study that it rests on."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from figures.advice_on_real_data import advice_on_real_data as draw
from paper_checks.claims import advice
from paper_checks.data.benchmark import LinearBenchmark
from paper_checks.judge import CheckError, Verdict
from paper_checks.judge.finding import Finding
from paper_checks.leaderboard import measured_gains, scores
from paper_checks.leaderboard.scores import AdviceStudy
from paper_checks.settings import Settings
from simulations.advice.rows import Rows

D = 4
ROWS = (40, 44, 60)


def made(name: str, far: float, common: bool = False) -> LinearBenchmark:
    """Two tasks alike, the third `far` from them; noise of size 1."""
    rng = np.random.default_rng(7)
    b = np.ones((3, D)) + np.array([[0.0], [0.0], [far]])
    counts = (150,) * 3 if common else ROWS
    x = [rng.normal(size=(m, D)) for m in counts]
    x = x[:1] * 3 if common else x
    y = [one @ p + rng.normal(size=len(one)) for one, p in zip(x, b, strict=True)]
    found = LinearBenchmark.from_arrays(x, y, ["one", "two", "three"])
    return dataclasses.replace(found, name=name)


@pytest.fixture(scope="module")
def study() -> xr.Dataset:
    sets = {"near": made("near", 0.0), "far": made("far", 4.0)}
    spec = AdviceStudy(benchmarks=tuple(sets), repeats=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "load_benchmark", lambda _, name: sets[name])
        return scores.run(spec, Path("none"), lambda _: None)


def test_rows_are_dealt_once_and_tested_apart():
    benchmark = made("common", 0.0, common=True)
    rng = np.random.default_rng(0)
    dealt = np.concatenate(measured_gains.own_rows(benchmark, rng))
    assert len(np.unique(dealt)) == len(dealt) == 150
    whole = measured_gains.split(made("own", 0.0), [0, 2], rng, few=False)
    assert [len(y) for y in whole.train.labels] == [20, 30]
    assert [len(y) for y in whole.labels] == [20, 30]
    few = measured_gains.split(made("own", 0.0), [0, 2], rng, few=True)
    assert [len(y) for y in few.train.labels] == [12, 12]
    for x, tested in zip(few.train.covariates, few.covariates, strict=True):
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
        assert abs(tested.mean()) > 1e-6  # centred with the training rows' means
    assert measured_gains.usable_tasks(made("own", 0.0), 2) == [1, 2]


@pytest.mark.long
def test_what_is_measured_is_the_error_on_the_other_rows():
    part = measured_gains.split(made("own", 1.0), [0, 1, 2], np.random.default_rng(1),
                               few=False)  # fmt: skip
    found = measured_gains.advise_and_measure(part)
    train: Rows = part.train
    own = np.linalg.lstsq(train.covariates[1], train.labels[1], rcond=None)[0]
    both = [np.concatenate([leaf[2], leaf[1]]) for leaf in train[:2]]
    pooled = np.linalg.lstsq(both[0], both[1], rcond=None)[0]
    x, y = part.covariates[1], part.labels[1]
    errors = [np.mean((y - x @ theta) ** 2) for theta in (own, pooled)]
    wanted = 1 - errors[1] / errors[0]
    np.testing.assert_allclose(found.measured[2, 1], wanted, rtol=1e-6)
    other = np.linalg.lstsq(train.covariates[2], train.labels[2], rcond=None)[0]
    cosine = own @ other / np.linalg.norm(own) / np.linalg.norm(other)
    np.testing.assert_allclose(found.cosine[2, 1], cosine, rtol=1e-6)


def test_rates_count_signs_of_pairs(study):
    part = study.sel(group="far, half", subset="all pairs")
    mine = study["pair_scope"].to_numpy() == "far, half"
    positive = np.mean(study["measured"].to_numpy()[mine] > 0)
    always = float(part["rate"].sel(rule="always share"))
    np.testing.assert_allclose(always, positive)
    never = float(part["rate"].sel(rule="never share"))
    np.testing.assert_allclose(never, 1 - positive)
    # All solutions have a positive cosine, and four of six pairs are far apart.
    assert float(part["rate"].sel(rule="cosine of solutions")) == always
    assert float(part["rate"].sel(rule="from (G, g, e)")) > 0.8
    known = ~np.isnan(study["rate"].to_numpy())
    assert known[:, :, list(study["subset"]).index("all pairs")].all()
    low, high = study["rate_low"].to_numpy(), study["rate_high"].to_numpy()
    assert np.all(low[known] <= high[known] + 1e-12)
    rates = study["rate"].sel(subset="all pairs", rule="always share").to_numpy()
    np.testing.assert_allclose(rates[-1], rates[:-1].mean())


def test_the_claim_needs_a_folder_then_holds_then_notices(study):
    assert advice.CLAIM.find(Settings()).verdict is Verdict.NEEDS_DATA

    def find(data: xr.Dataset) -> Finding:
        claim = dataclasses.replace(
            advice.CLAIM, study=lambda _: data, lacking=lambda _: ""
        )
        return claim.find(Settings())

    found = find(study)
    assert found.data == "near, far"
    assert any("a simple rule is better" in text for text in found.details)
    assert found.controls[0].convincing
    best = study.copy(deep=True)
    best["rate_low"].loc[{"rule": "from (G, g, e)"}] = 1.0
    best["rate_high"].loc[{"rule": list(advice.SIMPLE)}] = 0.9
    assert find(best).verdict is Verdict.HOLDS
    best["rate_low"].loc[{"rule": "from (G, g, e)"}] = 0.9
    assert find(best).verdict is Verdict.FAILS
    lost = best.copy(deep=True)
    lost["rate"].loc[{"rule": "never share"}] = np.nan
    with pytest.raises(CheckError, match="never share: no prediction to count"):
        find(lost)
    # Estimates that say the same of every pair are no better when shuffled.
    best["predicted"][:] = 1.0
    with pytest.raises(CheckError, match="no power"):
        find(best)


def test_the_figure_draws_every_pair_and_rate(study):
    figure = draw(study)
    assert isinstance(figure, Figure)
    left, middle, right = figure.axes
    for axes, name in ((left, "predicted"), (middle, "left_out")):
        drawn = np.concatenate([np.asarray(p.get_offsets()) for p in axes.collections])
        wanted = np.clip(study[name].to_numpy(), -1, 1)
        np.testing.assert_allclose(np.sort(drawn[:, 0]), np.sort(wanted))
    labels = [text.get_text() for text in right.get_yticklabels()]
    assert labels == list(study["rule"].to_numpy())
