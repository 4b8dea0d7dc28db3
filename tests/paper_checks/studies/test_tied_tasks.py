"""The risk of soft sharing against fits of drawn labels."""

import jax
import jax.numpy as jnp
import numpy as np

from paper_checks.studies.tied_tasks import D, K, drawn, level, louder, risk, stated
from simulations.systems import SoftSharing

KEYS = jax.random.split(jax.random.key(3), 4)
TIED = drawn(KEYS)


def test_it_is_the_error_of_fits():
    """`b_0` is large here, and leaves no bias. Rows are roots of the Gram matrices."""
    one = jax.tree.map(lambda leaf: leaf[0], TIED)
    strength = 0.3 * float(stated(one))
    rng, roots = np.random.default_rng(0), np.linalg.cholesky(one.gram)
    rows = [root.T for root in roots]
    errors = []
    for _ in range(300):
        own = 20 + rng.normal(size=(K, D)) * np.sqrt(one.spread)
        noise = rng.normal(size=(K, D)) * np.sqrt(one.noise)[:, None]
        labels = [x @ b + e for x, b, e in zip(rows, own, noise, strict=True)]
        found = SoftSharing(strength).fit(rows, labels).coef_[0]
        errors.append(np.sum((found - own[0]) ** 2))
    expected = float(risk(one, jnp.asarray(strength)))
    assert abs(np.mean(errors) - expected) < 5 * np.std(errors) / np.sqrt(300)


def test_the_slope_is_that_of_differences_and_notices_other_noise():
    one = jax.tree.map(lambda leaf: leaf[1], louder(TIED))
    best, step = float(stated(one)), 1e-5
    up, down = (
        np.log(float(risk(one, jnp.asarray(best * np.exp(h))))) for h in (step, -step)
    )
    slope = float(level(louder(TIED), KEYS).lhs[1])
    np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-5)
    assert abs(slope) > 1e-3
