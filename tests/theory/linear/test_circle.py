"""Bounds over intervals of the circle against dense samples, derivatives and digits."""

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from theory.linear.circle_bounds import Intervals, bounds, point, taylor_of, terms_of
from theory.linear.circle_rounding import rounding
from theory.linear.circle_search import ROUNDS, maximise
from theory.linear.pencil import Pencil

EPS = np.finfo(float).eps
COUNT, D = 60, 5


def pencil(seed: int, *, spread: float = 4.0) -> Pencil:
    """A pencil with `λ/μ` over `spread` decades each way, known without error."""
    rng = np.random.default_rng(seed)
    ratio = 10 ** rng.uniform(-spread, spread, D)
    first = ratio / (1 + ratio)
    second = 1 / (1 + ratio)
    return Pencil(
        column=jnp.ones(D),
        turned=jnp.eye(D),
        first=jnp.asarray(first),
        second=jnp.asarray(second),
        p=jnp.asarray(rng.normal(size=D) * np.sqrt(first)),
        q=jnp.asarray(rng.normal(size=D) * np.sqrt(second)),
        size=jnp.ones(2),
        uncertainty=jnp.zeros(D),
        hidden=jnp.zeros((2, D)),
        curved=jnp.zeros((2, D)),
        rest=jnp.zeros(2),
        resolved=jnp.asarray(True),
    )


def intervals(seed: int, low: float, high: float) -> Intervals:
    """Intervals of all sizes on both branches and in both end coordinates."""
    rng = np.random.default_rng([seed, 2])
    sign = rng.choice([-1.0, 0.0, 1.0], COUNT)
    left = np.where(
        sign == 0, rng.uniform(-1, 0.9, COUNT), rng.uniform(low, high, COUNT)
    )
    room = np.where(sign == 0, 1 - left, high - left)
    right = left + room * 10 ** rng.uniform(-3, 0, COUNT)
    centre = left + (right - left) * rng.uniform(0, 1, COUNT)
    return Intervals(
        *(jnp.asarray(v) for v in (left, right, centre, sign)),
        far=jnp.asarray((sign == 0) & (rng.uniform(size=COUNT) < 0.5)),
        alive=jnp.ones(COUNT, bool),
    )


@jax.jit
def objective(tasks: Pencil, x: jax.Array, far: jax.Array) -> jax.Array:
    """`F` at `x`, or at `1/x` where `far`, from its definition."""
    c, s = jnp.where(far, x, 1)[..., None], jnp.where(far, 1, x)[..., None]
    moment = c * tasks.p + s * tasks.q
    return jnp.sum(moment**2 / (c**2 * tasks.first + s**2 * tasks.second), axis=-1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(8))
def test_no_point_of_an_interval_is_above_its_bound(seed):
    tasks = pencil(seed)
    terms = terms_of(tasks)
    cells = intervals(seed, float(terms.low), float(terms.high))
    bound = bounds(cells, taylor_of(terms, cells)) + terms.constant
    at = jnp.linspace(0, 1, 401)[:, None]
    samples = cells.low + (cells.high - cells.low) * at
    x = jax.vmap(lambda centre: point(terms, cells._replace(centre=centre)))(samples)
    highest = jnp.max(objective(tasks, x, cells.far), axis=0)
    # Sums of d terms of total size Σ R², and the definition loses as much again.
    slop = 20 * D * EPS * jnp.sum(terms.amplitude)
    assert jnp.all(highest <= bound + slop)


@jax.jit
def bounds_of(tasks: Pencil, cells: Intervals) -> tuple:
    """What is claimed of the intervals, and where the log range ends."""
    terms = terms_of(tasks)
    return bounds(cells, taylor_of(terms, cells)) + terms.constant, terms


@pytest.mark.parametrize("seed", range(6))
def test_no_sample_of_an_interval_is_above_its_bound(seed):
    # Points and objective are those of NumPy; the intervals are wide, so that the third
    # derivative counts.
    tasks = pencil(seed)
    _, terms = bounds_of(tasks, intervals(seed, -9.0, 9.0))
    low, high = float(terms.low), float(terms.high)
    cells = intervals(seed, low, high)
    bound, _ = bounds_of(tasks, cells)
    at = np.linspace(0, 1, 101)[:, None]
    place = np.asarray(cells.low) + np.asarray(cells.high - cells.low) * at
    far, sign = np.asarray(cells.far), np.asarray(cells.sign)
    x = np.where(
        sign == 0, np.exp(low) * place, sign * np.exp(np.where(sign, place, 0))
    )
    x = np.where(far, np.exp(-high) * place, x)[..., None]
    c, s = np.where(far[:, None], x, 1), np.where(far[:, None], 1, x)
    first, second, p, q = (
        np.asarray(v) for v in (tasks[2], tasks[3], tasks.p, tasks.q)
    )
    value = np.sum((c * p + s * q) ** 2 / (c**2 * first + s**2 * second), axis=-1)
    slop = 20 * D * EPS * float(jnp.sum(terms.amplitude))
    assert np.all(value.max(axis=0) <= np.asarray(bound) + slop)


@jax.jit
def orders(tasks: Pencil, cells: Intervals) -> tuple:
    """Derivatives of orders 0 to 2 at the centres, and of order 3 at eleven points."""
    terms = terms_of(tasks)

    def along(centre: jax.Array, sign: jax.Array, far: jax.Array) -> jax.Array:
        fields = (centre, centre, centre, sign, far, far)
        one = Intervals(*(field[None] for field in fields))
        return objective(tasks, point(terms, one), one.far)[0]

    order = [along]
    for _ in range(3):
        order.append(jax.grad(order[-1]))
    each = (cells.sign, cells.far)
    at = cells.low + (cells.high - cells.low) * jnp.linspace(0, 1, 11)[:, None]
    thirds = jax.vmap(lambda centre: jax.vmap(order[3])(centre, *each))(at)
    values = tuple(jax.vmap(f)(cells.centre, *each) for f in order[:3])
    return values, thirds, taylor_of(terms, cells), terms


@pytest.mark.parametrize("seed", range(4))
def test_the_expansion_and_its_third_derivative_are_those_of_the_objective(seed):
    tasks = pencil(seed, spread=2.0)
    terms = terms_of(tasks)
    cells = intervals(seed, float(terms.low), float(terms.high))
    (value, slope, curvature), thirds, found, terms = orders(tasks, cells)
    # Three derivatives by rules of quotients, of functions of size Σ R².
    scale = 1e4 * EPS * float(jnp.sum(terms.amplitude))
    np.testing.assert_allclose(found.value + terms.constant, value, atol=scale)
    np.testing.assert_allclose(found.slope, slope, atol=scale)
    np.testing.assert_allclose(found.curvature, curvature, atol=scale)
    assert jnp.all(jnp.abs(thirds) <= found.third + scale)


def test_the_bound_covers_the_rounding_of_its_own_sums():
    search = jax.jit(maximise)
    for seed in range(25):
        tasks = pencil(seed)
        best = search(tasks)
        assert best.rounds < ROUNDS
        with mp.workdps(40):
            c, s = (mp.mpf(float(v)) for v in best.direction)
            columns = zip(tasks.first, tasks.second, tasks.p, tasks.q, strict=True)
            exact = mp.mpf(0)
            for entries in columns:
                first, second, p, q = (mp.mpf(float(v)) for v in entries)
                exact += (c * p + s * q) ** 2 / (c**2 * first + s**2 * second)
            assert exact <= mp.mpf(float(best.upper_bound)), seed
        # And it is no further than a certificate allows.
        assert best.upper_bound - best.value <= 1e-12 * best.value


def test_rounding_shrinks_with_the_interval_and_grows_with_the_pencils():
    tasks = pencil(3)._replace(uncertainty=jnp.full(D, 1e-12))
    terms = terms_of(tasks)
    cells = intervals(3, float(terms.low), float(terms.high))
    whole, at_centre = rounding(tasks, terms, cells)
    assert jnp.all(whole >= at_centre)
    # F of a pencil with λ and μ off by the uncertainty is within what is allowed.
    for sign in (1, -1):
        off = tasks._replace(
            first=tasks.first + sign * tasks.uncertainty,
            second=tasks.second + sign * tasks.uncertainty,
        )
        x = point(terms, cells)
        change = objective(off, x, cells.far) - objective(tasks, x, cells.far)
        assert jnp.all(jnp.abs(change) <= at_centre)
