from collections import Counter

import numpy as np
import pytest

from tests.theory.risk.monte_carlo import assert_limit, measure
from theory.risk import pooled_risk

P = 24
DRAWS = 300
SPECTRA = {
    "equal": np.ones(P),
    "scaled": np.full(P, 3.0),
    "mild": np.geomspace(0.3, 3, P),
    "wide": np.geomspace(1e-3, 1e3, P),
    "two": np.repeat([0.05, 8.0], P // 2),
    "weak": np.geomspace(1e-4, 1, P),
}
SOURCES = (1, 6, 12, 24, 48, 120)
TARGETS = (30, 36, 48, 72, 120, 240)


def settings() -> list[tuple[str, int, int]]:
    """216 settings with a target above `p`, a third of them with `n_1 < p`."""
    return [(kind, n, m) for kind in SPECTRA for n in SOURCES for m in TARGETS]


def shifts(kind: str, single: float, rng: np.random.Generator) -> dict[str, float]:
    """`μ²` of the shifts that a spectrum stands for; 0 is no shift of parameters."""
    size = float(rng.choice([0.05, 0.2, 0.5, 2.0])) * single
    return {"model": size} if kind == "equal" else {"covariate": 0.0, "both": size}


@pytest.mark.long
def test_limits_are_those_of_draws_in_five_errors_on_216_settings():
    rng = np.random.default_rng(0)
    settled, right, agreed = Counter(), Counter(), Counter()
    for kind, n, m in settings():
        s = SPECTRA[kind]
        found = pooled_risk(n, m, P, 1, 0.5, source_spectrum=s)
        small = measure(rng, (n, m), s, DRAWS)
        large = measure(rng, (2 * n, 2 * m), np.repeat(s, 2), DRAWS)
        assert_limit(found, small, large, n + m - P)
        agreed[n < P] += 1
        alone = measure(rng, (0, m), s, DRAWS)
        for name, shift in shifts(kind, float(found.single_task), rng).items():
            gain = alone.mean[1] - small.mean[1] - 2 * shift * small.mean[0]
            one = small.error[1] + 2 * shift * small.error[0]
            if abs(gain) > 2 * np.hypot(alone.error[1], one):
                expected = pooled_risk(n, m, P, 1, shift, source_spectrum=s).gain
                settled[name] += 1
                right[name] += bool(expected * gain > 0)
    print(
        f"bias and variance agree on {agreed.total()} settings, n_1 < p {agreed[True]}"
    )
    for name, count in settled.items():
        print(f"{name} shift: sign right on {right[name]} of {count} settled settings")
    assert agreed.total() >= 200
    assert set(settled) == {"model", "covariate", "both"}
    assert settled.total() > 250
    assert right.total() >= 0.99 * settled.total(), (right, settled)
