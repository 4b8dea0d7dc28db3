from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.typing import ArrayLike

from tests.theory.differences import differences_agree
from theory.risk import crossings, phase_transition, pooled_risk
from theory.risk.fixed_point import break_even, source_ratio, source_size
from theory.risk.phase_transition import equal_crossings

P = 20
LARGEST = 1e9


def of_level(
    n_target: ArrayLike, level: ArrayLike, spectrum: ArrayLike
) -> tuple[jax.Array, Any]:
    """Crossings where the single-task risk is `level` times `2μ²`; `μ² = 1`."""
    noise = level * 2 * (n_target - P) / P
    found = crossings(
        n_target, P, noise, 1, source_spectrum=spectrum, n_source_max=LARGEST
    )
    return found, noise


CURVE = jax.jit(break_even)
SCAN = jax.jit(
    lambda n, n_target, noise, spectrum: (
        pooled_risk(n, n_target, P, noise, 1, source_spectrum=spectrum).gain
    )
)
# Found by random search over spectra of one to three distinct eigenvalues:
# n_2, ℓ, eigenvalues, how often each, crossings.
KNOWN = [
    (129.47, 0.99625, (3.17e-2, 0.174, 2036.0), (6, 6, 8), 1),
    (21.2894, 0.89279, (0.16833, 4.644, 908.8), (4, 6, 10), 2),
    (20.2242, 0.926768, (2.18455e-5, 0.143556), (11, 9), 3),
    (36.29, 0.92644, (3.01888e-4, 142.8), (14, 6), 4),
    (161.6458, 0.9022, (1.1375e-3, 0.507366, 418.626), (10, 7, 3), 5),
    (32.1382, 0.942507, (1.328e-5, 3.48626e-3, 39.235), (3, 3, 14), 6),
]


def drop(found: jax.Array) -> np.ndarray:
    known = np.asarray(found)
    return known[~np.isnan(known)]


def changes(n_target: float, noise: float, s: np.ndarray) -> np.ndarray:
    """Brackets of the crossings by a scan of 20 000 sizes, apart from `Φ`."""
    sizes = np.geomspace(1e-6, LARGEST, 20000)
    # In (S): single − total is rounded to 1e-16 of the risk; crossings are steeper.
    gain = np.asarray(SCAN(sizes, n_target, noise, s))
    (at,) = np.nonzero(np.sign(gain[1:]) != np.sign(gain[:-1]))
    return np.stack([sizes[at], sizes[at + 1]], axis=1)


@pytest.mark.parametrize(("n_target", "level", "values", "counts", "count"), KNOWN)
def test_known_spectra_have_one_to_six_crossings(
    n_target, level, values, counts, count
):
    s = np.repeat(values, counts)
    found, noise = of_level(n_target, level, s)
    found = drop(found)
    assert len(found) == count
    brackets = changes(n_target, float(noise), s)
    assert len(brackets) == count
    assert np.all((found >= brackets[:, 0]) & (found <= brackets[:, 1]))


def drawn(seed: int) -> tuple[float, float, np.ndarray]:
    """A spectrum over up to nine decades, and a level near the curve."""
    rng = np.random.default_rng(seed)
    n_target = P * (1 + 10 ** rng.uniform(-2, 1))
    atoms = 10 ** rng.uniform(-5, 4, rng.integers(1, 5))
    s = atoms[rng.integers(0, len(atoms), P)]
    y, p = jnp.asarray(10 ** rng.uniform(-5, 4)), jnp.asarray(float(P))
    near = float(CURVE(y, jnp.asarray(n_target), p, jnp.asarray(s)))
    return n_target, near * 10 ** rng.normal(0, 0.01), s


def agrees(seed: int) -> int:
    """Compare with the scan; crossings nearer than its step are left out."""
    n_target, level, s = drawn(seed)
    found, noise = of_level(n_target, level, s)
    found = drop(found)
    assert np.all(np.diff(found) > 0)
    brackets = changes(n_target, float(noise), s)
    for low, high in brackets:
        assert np.sum((found >= low) & (found <= high)) % 2 == 1, (low, high, found)
    inside = found[(found > 1e-6) & (found < LARGEST)]
    step = np.log(LARGEST / 1e-6) / 19999
    apart = np.diff(np.log(inside)) > step
    lone = np.concatenate([[True], apart]) & np.concatenate([apart, [True]])
    assert np.sum(lone[: len(inside)]) <= len(brackets)
    return len(brackets)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**31))
def test_no_crossing_of_a_scan_is_missed_and_none_is_invented(seed):
    agrees(seed)


@pytest.mark.long
def test_no_crossing_is_missed_on_a_thousand_spectra():
    counts = np.bincount([agrees(seed) for seed in range(1000)])
    assert np.all(counts[:5] > 0), counts


def test_a_pair_within_one_cell_of_the_grid_is_found():
    # φ of equal covariances has a minimum at U = (3c − 1)/(4c): a level 1e-7 above
    # it is crossed twice, 1e-3 apart in log y; a cell is 0.05 wide.
    n_target, c = 1.6 * P, 1 / 1.6
    level = (1 - (1 + c) ** 2 / (8 * c)) * (1 + 1e-7)
    found, noise = of_level(n_target, level, np.ones(P))
    found = drop(found)
    assert len(found) == 2
    assert np.log(found[1] / found[0]) < 0.01
    closed = crossings(n_target, P, noise, 1, n_source_max=LARGEST)
    # A pair at a distance δ = 2e-3 moves by ε/δ times a few.
    np.testing.assert_allclose(found, closed, rtol=1e-11)
    below = of_level(n_target, level * (1 - 2e-7), np.ones(P))[0]
    assert len(drop(below)) == 0


@pytest.mark.parametrize("n_target", [25.0, 40.0, 70.0])
@pytest.mark.parametrize("level", [0.3, 0.55, 0.7, 0.9, 1.1])
def test_closed_form_of_equal_covariances_is_that_of_a_flat_spectrum(n_target, level):
    found, noise = of_level(n_target, level, np.ones(P))
    closed = crossings(n_target, P, noise, 1, n_source_max=LARGEST)
    np.testing.assert_allclose(drop(found), closed, rtol=1e-11)
    assert len(drop(found)) == len(closed)


@pytest.mark.parametrize("n_target", [2.0 * P, 8.0 * P])
def test_a_crossing_near_no_source_keeps_its_digits(n_target):
    c = P / n_target
    level = c - 1e-9 * np.sign(3 * c - 1)
    found = equal_crossings(
        jnp.asarray(n_target), jnp.asarray(float(P)), jnp.asarray(level)
    )
    with mpmath.workdps(40):
        exact, ell = mpmath.mpf(P) / mpmath.mpf(n_target), mpmath.mpf(level)
        b = 1 - 3 * exact
        root = mpmath.sqrt(b**2 - 8 * exact * (exact - ell))
        small = min(-b + root, -b - root, key=abs) / (4 * exact)
        size = float(str(n_target * small / (1 - small)))
    # c = 1/2 or 1/8, so b and c − ℓ are exact: a few roundings remain.
    np.testing.assert_allclose(found[0], size, rtol=1e-14)
    other = -(1 - 3 * c) / (2 * c)
    if 0 < other < 1:
        np.testing.assert_allclose(found[1], n_target * other / (1 - other), rtol=1e-5)


def test_the_largest_size_ends_the_list():
    n_target, level, values, counts, _ = KNOWN[3]
    s = np.repeat(values, counts)
    noise = level * 2 * (n_target - P) / P
    every = drop(of_level(n_target, level, s)[0])
    for largest in (every[0] * 0.99, every[1] * 1.01, every[2] * 1.01):
        found = crossings(
            n_target, P, noise, 1, source_spectrum=s, n_source_max=largest
        )
        np.testing.assert_allclose(found, every[every <= largest], rtol=1e-11)


@pytest.mark.parametrize("spectrum", [None, np.geomspace(1e-6, 1e6, P)])
@pytest.mark.parametrize("change", [{"n": P}, {"noise": 0}, {"shift": 0}])
def test_nothing_crosses_an_infinite_baseline_or_without_noise_or_shift(
    spectrum, change
):
    values = {"n": 30, "noise": 1, "shift": 1, **change}
    found = crossings(
        values["n"],
        P,
        values["noise"],
        values["shift"],
        source_spectrum=spectrum,
        n_source_max=1e6,
    )
    assert found.shape == (0,)


@pytest.mark.long
def test_derivatives_of_crossings_are_those_of_differences():
    n_target, level, values, counts, _ = KNOWN[3]
    point = (n_target, level, np.repeat(values, counts))
    differences_agree(lambda *x: of_level(*x)[0][1], point, step=1e-5, rtol=1e-5)


@pytest.mark.long
@settings(max_examples=30)
@given(seed=st.integers(0, 2**31))
def test_the_curve_is_below_one_and_its_slope_bounded_as_the_docstrings_say(seed):
    n_target, _, s = drawn(seed)
    n, p, s = jnp.asarray(n_target), jnp.asarray(float(P)), jnp.asarray(s)
    t = jnp.linspace(-25, 25, 2001)
    value = jnp.log(CURVE(jnp.exp(t), n, p, s))
    assert jnp.max(value) < 1e-14  # Φ < 1, and rounds to 1 at the ends
    assert jnp.max(jnp.abs(jnp.diff(value))) <= 5 * (t[1] - t[0])


@pytest.mark.long
def test_sizes_and_ratios_are_inverse_to_each_other():
    n, p = jnp.asarray(25.0), jnp.asarray(float(P))
    s, y = jnp.asarray(np.geomspace(1e-6, 1e6, P)), jnp.asarray(np.logspace(-9, 9, 19))
    size = source_size(y, n, p, s)
    found = jax.jit(source_ratio)(size, n, p, s)
    np.testing.assert_allclose(found, y, rtol=1e-12)


@pytest.mark.parametrize("c", [0.2, 1 / 3, 0.4, 0.8])
def test_phases_of_equal_covariances_are_those_of_a_scan(c):
    n_2 = P / c
    borders = phase_transition(n_2, P, 2.0)
    sizes = np.geomspace(1e-3, 1e9, 20000)
    edges = [float(b) for b in jax.tree.leaves(borders)]
    expected = {0: "+", 1: "+-", 2: "-+-", 3: "-"}
    for phase, (low, high) in enumerate(
        zip([0.1, *edges], [*edges, 50.0], strict=True)
    ):
        if high - low < 1e-9:
            assert c <= 0.34
            assert phase == 2
            continue
        for share in (0.02, 0.98):
            shift = low + share * (high - low)
            gain = np.asarray(pooled_risk(sizes, n_2, P, 2.0, shift).gain)
            gain = gain[abs(gain) > 1e-12]
            signs = gain[np.concatenate([[True], np.diff(np.sign(gain)) != 0])]
            assert "".join("+" if g > 0 else "-" for g in signs) == expected[phase]
            found = crossings(n_2, P, 2.0, shift, n_source_max=1e12)
            assert len(found) == len(expected[phase]) - 1
