"""Thresholds, regions and tightness of Theorem 2: what is kept of each."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from paper_checks.studies import theorem_2_threshold as threshold
from paper_checks.studies import theorem_2_tightness as tightness
from paper_checks.studies.theorem_2_positions import Quantities, aligned, random
from paper_checks.studies.theorem_2_regions import Theorem2Regions
from paper_checks.studies.theorem_2_threshold import Theorem2Threshold
from tests.paper_checks.judge.toy_statements import MUTANTS, cauchy_schwarz

SMALL = Theorem2Threshold(
    c=(0.02, 0.04, 0.08),
    condition_target=(1.0, 2.0, 4.0),
    condition_source=(1.0, 4.0, 16.0),
    noise=(0.5, 1.0, 2.0),
    dimension=(4, 6, 6),
    base=(0.04, 2.0, 4.0, 1.0, 6.0),
    looks=6,
    resolution=1.2,
)


@pytest.mark.long
def test_a_threshold_is_that_of_the_noise_of_the_source():
    """`aligned`: tan²(B*, θ_1) is `σ² κ(Σ_1) χ²(d−1)/m_1` but for the target's pull."""
    data = SMALL.run()
    turn = data.sel(position="aligned", conclusion="turn")
    assert bool(turn["inside"].all())
    for axis in data["axis"].to_numpy():
        known = dict(zip(data["axis"].to_numpy(), SMALL.base, strict=True))
        here = turn.sel(axis=axis)
        for point in range(3):
            known[axis] = float(here["value"][point])
            far = stats.chi2(known["dimension"] - 1).isf(SMALL.failure)
            scale = known["condition_target"] / known["c"] * known["noise"]
            expected = scale**2 * known["condition_source"] * far
            # A target of strength 4d pulls by a share of c/κ that is below a tenth.
            assert float(here["low"][point]) < 1.1 * expected
            assert float(here["high"][point]) > expected / 1.2
    for axis, slope in {"c": -2, "condition_target": 2, "noise": 2}.items():
        found = turn.sel(axis=axis)
        assert found["exponent_low"] < slope + 0.1
        assert found["exponent_high"] > slope - 0.1
        assert abs(found["exponent"] - slope) < 0.5 * abs(found["stated"] - slope)


def test_exponents_are_fitted_to_three_brackets_or_none():
    x = np.array([1.0, 2.0, 4.0])
    ends = 10 * x, 11 * x, np.ones(3), np.full(3, 1e8), np.ones(3)
    assert threshold._fitted(x, *ends).value == pytest.approx(1)
    few = threshold._fitted(x[:2], *(end[:2] for end in ends))
    assert np.isnan(few.value)
    assert few.points == 2


@pytest.mark.long
def test_what_is_certified_is_so():
    spec = Theorem2Regions(dimension=4, angles=5, sizes=6, repeats=8)
    data = spec.run()
    assert data["helps"].shape == (5, 6)
    for norm in ("", "_prediction"):
        assert bool((data[f"sharper{norm}"] <= data[f"helps{norm}"]).all())
    assert bool((data["theorem_2"] <= data["helps"]).all())
    assert bool((data["theorem_2"] <= data["asked"]).all())
    assert bool((data["asked"] <= data["concluded"]).all())
    # It all happens: each region has some draws and lacks others.
    for name in ("helps", "sharper", "asked", "concluded"):
        assert 0 < float(data[name].mean()) < 1


@pytest.mark.long
@pytest.mark.parametrize("place", [aligned, random])
def test_a_position_has_the_quantities_it_is_asked_for(place):
    wanted = Quantities(*map(jnp.asarray, (0.03, 5.0, 16.0, 0.7, 0.2)))
    design = jax.jit(place, static_argnums=0)(6, wanted, jax.random.key(0))
    assert float(design.sine) == pytest.approx(0.03)
    assert float(design.c) == pytest.approx(0.15)
    assert float(design.condition_target) == pytest.approx(5)
    assert float(design.condition_source) == pytest.approx(16)
    assert float(design.strength) == pytest.approx(1)
    assert float(design.signal) ** 2 == pytest.approx(24)
    assert float(design.noise / design.signal) == pytest.approx(0.2)
    assert float(design.noise_source) == pytest.approx(0.7)
    np.testing.assert_allclose(
        design.rotation @ design.rotation.T, np.eye(6), atol=1e-12
    )


def test_ratios_are_counted_in_their_bins(monkeypatch):
    attacked = cauchy_schwarz("false", rhs=MUTANTS["wrong constant"])
    false = SimpleNamespace(id="false", attacked=attacked)
    monkeypatch.setattr(tightness, "CLAIMS", (false,))
    spec = tightness.Theorem2Tightness(instances=300, starts=2, steps=3)
    data = spec.run()
    rng = np.random.default_rng(0)
    drawn = {name: rng.standard_normal((300, 3)) for name in ("u", "v")}
    u, v = drawn["u"], drawn["v"]
    ratio = np.sum(u * v, 1) ** 2 / np.sum(u**2, 1) / np.sum(v**2, 1) / 0.9
    used = ratio[np.sum(u**2, 1) >= 0.5]
    edges = np.append(data["low"], data["high"][-1])
    inner = np.histogram(used, edges)[0]
    counts = data["count"].sel(statement="false").to_numpy()
    np.testing.assert_array_equal(counts[1:], inner[1:])
    assert counts.sum() == used.size == int(data["feasible"][0])
    assert float(data["largest"][0]) == pytest.approx(used.max())
    # Another program rounds the same instance otherwise.
    assert float(data["found"][0]) >= used.max() * (1 - 1e-12)
    assert int(data["broken"][0]) == np.sum(used > 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"c": (0.1, 0.2)}, "condition_target needs 2 values as c has"),
        ({"noise": (1.0, 1.0, 1.0)}, "noise needs 3 values"),
        ({"c": (0.1, 0.2, 0.4)}, r"c must be in \[1e-06, 0.333333\]"),
        ({"condition_source": (0.5, 1.0, 2.0)}, "condition_source must be in"),
        ({"dimension": (1, 2, 3)}, "dimension must be in"),
        ({"base": (0.1, 1.0, 1.0, 1.0)}, "base must have 5 values"),
    ],
)
def test_a_line_that_is_no_instance_of_the_theorem_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Theorem2Threshold(**{**vars(SMALL), **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dimension": 1}, r"dimension must be in \[2, inf\), got 1"),
        ({"repeats": 0}, r"repeats must be in \[1, inf\), got 0"),
        ({"noise": -1.0}, r"noise must be in \[0, inf\), got -1.0"),
        ({"noise": float("nan")}, r"noise must be in \[0, inf\), got nan"),
        ({"angle_range": (0.0, 1.0)}, r"angle_range must be one or more .*\(0, 1\]"),
        ({"size_range": (2.0, 2.0)}, "size_range must be least < largest"),
        ({"size_range": (2.0, 1e13)}, r"size_range must be one or more .*\(1, 1e12\]"),
    ],
)
def test_a_map_that_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Theorem2Regions(**change)


@pytest.mark.parametrize("name", ["instances", "starts", "steps"])
def test_to_look_at_nothing_is_refused(name):
    with pytest.raises(ValueError, match=rf"{name} must be in \[1, inf\), got 0"):
        tightness.Theorem2Tightness(**{name: 0})
