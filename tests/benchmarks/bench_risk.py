"""Risks of pooling against a root-finding loop in scipy, and a phase map's seconds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float
from scipy.optimize import brentq

from tests.benchmarks.paired import interleave, quartiles
from theory.risk import crossings, pooled_risk

P, N_TARGET = 100, 200.0
SPECTRA = {
    "lognormal": lambda rng, n: rng.lognormal(0, 1, (n, P)),
    "six decades": lambda rng, n: 10 ** rng.uniform(-6, 0, (n, P)),
    "twelve decades": lambda rng, n: 10 ** rng.uniform(-6, 6, (n, P)),
}


def plain_risk(n_1: float, n_2: float, s: Float[np.ndarray, " p"]) -> float:
    """docs/mathematics.md, "Both shifts", second form, `σ² = μ² = 1`, by `brentq`."""
    n, p = n_1 + n_2, len(s)

    def equation(y: float) -> float:
        return (n - p) / n_1 + (np.sum(s / (1 + s * y)) / n_1 - 1 / y) * (1 + y)

    low = 0.999 * n_1 / n_2 / max(1, s.max())
    high = 1.001 * n_1 / n_2 / min(1, s.min())
    y = float(brentq(equation, low, high, xtol=1e-14 * low, rtol=1e-14))  # pyright: ignore
    g = np.sum(s / (1 + s * y)) / n_1 - 1 / y
    slope = 1 / y**2 - np.sum((s / (1 + s * y)) ** 2) / n_1
    f_1 = n_1 * y / p + (n_1 - p) / (p * g)
    f_2 = n_1 / (p * slope) - (n_1 - p) / (p * g**2)
    bias = 2 * (1 + 2 * f_1 * g + f_2 * g**2) / (1 - f_2 * g**2 * p / n_2)
    return float(p * f_1 / n_1 + bias)


@pytest.mark.parametrize("kind", list(SPECTRA))
def test_ten_thousand_risks_against_scipy(kind, report, smoke):
    count, looped, rounds = (200, 20, 2) if smoke else (10_000, 500, 15)
    rng = np.random.default_rng(0)
    spectra, sizes = SPECTRA[kind](rng, count), rng.uniform(1, 1000, count)

    @jax.jit
    @jax.vmap
    def risk(n: jax.Array, s: jax.Array) -> jax.Array:
        return pooled_risk(n, N_TARGET, P, 1.0, 1.0, source_spectrum=s).total

    def loop() -> list[float]:
        return [plain_risk(sizes[i], N_TARGET, spectra[i]) for i in range(looped)]

    both = jnp.asarray(sizes), jnp.asarray(spectra)
    # The printed form itself loses digits where eigenvalues lie decades apart.
    gap = np.median(np.abs(np.array(loop()) / np.asarray(risk(*both))[:looped] - 1))
    assert gap < 1e-9
    times = interleave({"ours": lambda: risk(*both), "scipy": loop}, rounds)
    ratio = times["scipy"] / looped * count / times["ours"]
    report(
        f"risk, {kind}: {quartiles(ratio)} times a loop of brentq (target >= 100); "
        f"{count} in {quartiles(1e3 * times['ours'])} ms, scipy "
        f"{quartiles(1e6 * times['scipy'] / looped)} µs each (n={rounds} rounds)"
    )


def test_a_phase_map_with_crossings(report, smoke):
    side, rounds = (20, 2) if smoke else (200, 5)
    base, level = np.linspace(-1, 1, P), 0.6
    spectra = jnp.asarray(10 ** (np.linspace(0.01, 6, side)[:, None] * base))
    sizes = jnp.geomspace(1, 1e5, side)
    shifts = jnp.linspace(0.1, 2, side)

    @jax.jit
    def over_spectra() -> tuple[jax.Array, jax.Array]:
        gain = jax.vmap(
            lambda s: (
                pooled_risk(sizes, N_TARGET, P, 1.0, level, source_spectrum=s).gain
            )
        )
        found = jax.vmap(
            lambda s: crossings(
                N_TARGET, P, 1.0, level, source_spectrum=s, n_source_max=1e5
            )
        )
        return gain(spectra), found(spectra)

    @jax.jit
    def over_shifts() -> tuple[jax.Array, jax.Array]:
        s = spectra[side // 2]
        gain = pooled_risk(
            sizes, N_TARGET, P, 1.0, shifts[:, None], source_spectrum=s
        ).gain
        found = jax.vmap(
            lambda shift: crossings(
                N_TARGET, P, 1.0, shift, source_spectrum=s, n_source_max=1e5
            )
        )
        return gain, found(shifts)

    times = interleave({"spectra": over_spectra, "shifts": over_shifts}, rounds)
    for name, seconds in times.items():
        report(
            f"phase map {side} x {side} with crossings, {name} x n_1: "
            f"{quartiles(seconds)} s (target < 10; n={rounds} rounds)"
        )
