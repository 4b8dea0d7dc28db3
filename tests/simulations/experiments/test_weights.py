import numpy as np
import pytest
import xarray as xr

from simulations.experiments.weights import WeightsSweep

SPEC = WeightsSweep(
    dimension=10,
    samples=20,
    tasks=5,
    corrupted=1,
    ratios=(1e-6, 1.0, 1e6),
    shares=(0.0, 1.0),
    loudness=(0.0, 20.0),
    repeats=100,
)


@pytest.fixture(scope="module")
def data() -> xr.Dataset:
    return SPEC.run()


def test_a_source_of_no_weight_leaves_the_target_alone(data):
    little = data["target_joint"].sel(ratio=1e-6)
    # The module leaves the target's direction by about the ratio.
    np.testing.assert_allclose(
        little, np.broadcast_to(data["target_alone"], little.shape), rtol=1e-4
    )


def test_a_clean_source_helps_and_a_noisy_one_of_equal_weight_hurts(data):
    more = data["target_joint"] - data["target_alone"]
    mean = more.sel(ratio=1.0).mean("repeat").values
    error = more.sel(ratio=1.0).std("repeat").values / SPEC.repeats**0.5
    assert mean[0] < -3 * error[0]
    assert mean[1] > 3 * error[1]


def test_without_corruption_both_ways_are_one_problem(data):
    for name in ("risk", "weight", "alone"):
        np.testing.assert_allclose(
            data[f"{name}_share"].sel(share=0.0),
            data[f"{name}_loudness"].sel(loudness=0.0),
            rtol=1e-8,
        )


def test_clean_labels_stay_as_they_were(data):
    for name, bad in (("share", 1.0), ("loudness", 20.0)):
        alone = data[f"alone_{name}"].where(~data["corrupted"], drop=True)
        np.testing.assert_array_equal(alone.sel({name: 0.0}), alone.sel({name: bad}))


def test_loud_noise_fools_algorithm_2_unless_labels_are_standardised(data):
    weight = data["weight_loudness"].sel(loudness=20.0)
    bad, clean = weight.sel(task=0), weight.sel(task=slice(1, None))
    assert bool((bad > clean.max("task")).sel(scheme="printed").all())
    assert bool((bad < clean.min("task")).sel(scheme="standardised").all())
    risk = data["risk_loudness"].sel(loudness=20.0, task=slice(1, None)).mean("task")
    for worse in ("uniform", "printed", "uniform, scaled"):
        saved = risk.sel(scheme=worse) - risk.sel(scheme="standardised")
        error = float(saved.std("repeat")) / SPEC.repeats**0.5
        assert float(saved.mean()) > 3 * error, worse


def test_randomised_labels_lose_weight(data):
    weight = data["weight_share"].sel(scheme="printed").mean("repeat")
    assert float(weight.sel(share=1.0)[0]) < 0.7 * float(weight.sel(share=0.0)[0])
