"""How often intervals of the gain hold it: truth is its mean over noise, given rows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from theory.risk import estimate_gain, source_weights
from theory.tasks import Tasks

# Rows of every draw are padded to one size: one compilation a kind of noise.
MOST, D, TEAM = 100, 5, 5
SHORT, LONG = 250, 3000
KINDS = {"gauss": False, "t3": True, "unequal": True, "groups": True}


def drawn(key, sizes, shift, kind):
    """Rows of a source and a target, parameters, and `XᵀCov(ε)X` of both."""
    keys = jax.random.split(key, 5)
    k = len(sizes)
    mask = jnp.arange(MOST) < sizes[:, None]
    x = jax.random.normal(keys[0], (k, MOST, D)) * mask[..., None]
    team = jnp.broadcast_to(jnp.arange(MOST) // TEAM, (k, MOST))
    noise = jax.random.normal(keys[1], (k, MOST))
    size, same = jnp.ones((k, MOST)), jnp.broadcast_to(jnp.eye(MOST), (k, MOST, MOST))
    if kind == "t3":
        noise = jax.random.t(keys[1], 3.0, (k, MOST)) / jnp.sqrt(3)
    if kind == "unequal":
        size = jnp.abs(x[..., 0])
    if kind == "groups":
        noise = jnp.take_along_axis(noise, team, axis=1) + jax.random.normal(
            keys[4], (k, MOST)
        )
        noise /= jnp.sqrt(2)
        same = (same + (team[:, :, None] == team[:, None])) / 2
    away = jax.random.normal(keys[2], (k, D)).at[-1].set(0) / jnp.sqrt(D)
    b = jax.random.normal(keys[3], (D,)) + shift * away
    y = (jnp.einsum("kmd,kd->km", x, b) + size * noise) * mask
    z = x * size[..., None]
    middle = jnp.einsum("kmd,kmn,kne->kde", z, same, z, optimize=True)
    return Tasks(x, y, mask), b, middle, team


def true_gain(rows, b, middle, weights):
    """Of new rows `N(0, I)`, for weights that are taken as given."""
    gram = rows.statistics().gram
    alone = jnp.linalg.inv(gram[-1])
    pooled = jnp.linalg.inv(jnp.einsum("k,kde->de", weights, gram))
    pull = jnp.einsum("k,kde,ke->d", weights, gram, b - b[-1])
    spread = jnp.einsum("k,kde->de", weights**2, middle)
    both = jnp.sum((pooled @ pull) ** 2) + jnp.trace(pooled @ spread @ pooled)
    excess = jnp.trace(alone @ middle[-1] @ alone)
    return excess - both, 1 + excess


@partial(jax.jit, static_argnames=("kind", "draws"))
def inside(key, sizes, shift, kind, draws):
    def one(key):
        rows, b, middle, team = drawn(key, sizes, shift, kind)
        found = estimate_gain(
            rows.statistics(),
            jnp.ones(2),
            rows=rows if KINDS[kind] else None,
            groups=team if kind == "groups" else None,
        )
        gain, error = true_gain(rows, b, middle, jnp.ones(2))
        share, part = gain / error, found.relative
        return (
            (found.low <= gain) & (gain <= found.high),
            (part.low <= share) & (share <= part.high),
        )

    keys = jax.random.split(key, draws)
    return jax.lax.map(one, keys, batch_size=50)


def check(kind, sizes, shift, draws, least, most=1.0):
    """The share of intervals that hold the gain is within four errors of its range."""
    sizes, key = jnp.asarray(sizes), jax.random.key(draws)
    of_gain, of_share = inside(key, sizes, float(shift), kind, draws)
    slack = 4 * np.sqrt(0.05 * 0.95 / draws)
    held = float(np.mean(of_gain))
    assert least - slack <= held <= most + slack, held
    if kind in ("gauss", "groups"):
        assert np.mean(of_share) >= least - slack, float(np.mean(of_share))


# At a shift of 5 half of the intervals missed while the metric's error was left out.
@pytest.mark.parametrize(("sizes", "shift"), [((100, 50), 0), ((100, 50), 5)])
def test_intervals_hold_the_gain(sizes, shift):
    check("gauss", sizes, shift, SHORT, 0.93, 0.98)


@pytest.mark.long
@pytest.mark.parametrize("sizes", [(100, 50), (100, 20), (10, 50), (100, 10)])
@pytest.mark.parametrize("shift", [0, 0.3, 1, 5])
def test_intervals_hold_the_gain_of_gaussian_rows(sizes, shift):
    check("gauss", sizes, shift, LONG, 0.93, 0.98)


# Taken as independent rows, 5 % of such intervals hold the gain.
def test_intervals_hold_the_gain_of_groups():
    check("groups", (100, 100), 0.5, SHORT, 0.90)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["t3", "unequal", "groups"])
@pytest.mark.parametrize("shift", [0, 0.5, 5])
def test_intervals_hold_the_gain_of_other_noise(kind, shift):
    sizes = (100, 50) if kind == "groups" else (30, 25)
    check(kind, sizes, shift, LONG, 0.90)


@partial(jax.jit, static_argnames="draws")
def chosen(key, draws):
    sizes = jnp.asarray([30] * 6)

    def one(key):
        rows, b, middle, _ = drawn(key, sizes, 1.0, "gauss")
        found = source_weights(rows.statistics())
        gain, _ = true_gain(rows, b, middle, found.weights[:, -1])
        estimate = jax.tree.map(lambda leaf: leaf[-1], found.gain)
        return gain, estimate, found.optimism[-1]

    return jax.lax.map(one, jax.random.split(key, draws))


@pytest.mark.long
def test_the_gain_of_chosen_weights_is_not_flattered():
    gain, found, optimism = chosen(jax.random.key(3), 200)
    error = np.std(found.gain - gain) / np.sqrt(200)
    assert np.mean(found.gain - gain) < 3 * error
    # The estimate on the labels that chose is twice the truth: the test sees that.
    assert np.mean(found.gain + optimism - gain) > 5 * error
    held = np.mean((found.low <= gain) & (gain <= found.high))
    assert held > 0.90
    assert np.mean((found.low > 0) & (gain < 0)) < 0.05
