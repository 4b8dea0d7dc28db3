"""The skew dual against certified pairs, alternating starts and rows."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.linalg import block_diag

from tests.simulations.training.alternating_reference import alternate
from tests.strategies import join, rounding_at, statistics
from theory.linear import (
    SkewDual,
    best_heads,
    loss,
    multi_start_optimum,
    shared_optimum,
    skew_ascent,
    skew_bound,
    skew_branching,
    skew_dual,
    two_task_optimum,
)
from theory.linear.result import GAP
from theory.linear.skew_blocks import Cell, Places, cell_blocks, off_diagonal, places
from theory.tasks import TaskStatistics

EPS = np.finfo(float).eps


def draw(seed: int, k: int, d: int, *, related: bool, decades: float = 0.5):
    """Rows whose singular values fall by some decades; parameters that are alike."""
    rng = np.random.default_rng(seed)
    xs, ys, shared = [], [], rng.normal(size=d)
    for _ in range(k):
        left = np.linalg.qr(rng.normal(size=(4 * d, d)))[0]
        right = np.linalg.qr(rng.normal(size=(d, d)))[0]
        x = left * np.logspace(0, -decades, d) @ right
        fit = x @ (related * shared + rng.normal(size=d))
        xs.append(x)
        ys.append(fit + 0.3 * fit.std() * rng.normal(size=len(x)))
    return TaskStatistics.from_data(xs, ys)


def explained(found: TaskStatistics, value: jax.Array) -> float:
    return float(jnp.sum(found.energy) - value)


def bound_of(found: TaskStatistics, multipliers: jax.Array, weights) -> float:
    """`e − hᵀN⁻¹h` in the data's coordinates, by nothing but the definition."""
    k, d = found.moment.shape
    matrix = np.zeros((k, d, k, d))
    for i in range(k):
        matrix[i, :, i] = weights[i] * found.gram[i]
    for block, (i, j) in zip(
        multipliers, np.transpose(np.triu_indices(k, 1)), strict=True
    ):
        matrix[i, :, j], matrix[j, :, i] = block, block.T
    matrix = matrix.reshape(k * d, k * d)
    size = np.sqrt(np.diag(matrix))
    scaled = matrix / size[:, None] / size
    assert np.linalg.eigvalsh(scaled)[0] > 0
    right = np.ravel(weights[:, None] * found.moment) / size
    return float(weights @ found.energy - right @ np.linalg.solve(scaled, right))


@pytest.mark.parametrize("kind", ["plain", "columns", "split", "common"])
def test_one_skew_matrix_certifies_two_tasks(kind):
    weights = np.array([0.5, 2.0])
    for seed in range(8):
        found = statistics(seed, 2, 4, kind)
        dual = skew_dual(found, weights)
        best = two_task_optimum(found, jnp.asarray(weights))
        size = weights @ found.energy - best.loss
        assert dual.closed
        assert dual.lower_bound <= best.loss + best.rounding
        assert dual.gap <= GAP * size
        assert dual.multipliers.shape == (1, 4, 4)
        np.testing.assert_array_equal(
            dual.multipliers, -np.swapaxes(dual.multipliers, 1, 2)
        )
        again = bound_of(found, dual.multipliers, weights)
        np.testing.assert_allclose(again, dual.lower_bound, atol=GAP * size)


@partial(jax.jit, static_argnames="starts")
def least_of_starts(found: TaskStatistics, starts: int) -> jax.Array:
    ones = jnp.ones(found.count)
    tried = alternate(found, 1, ones, jax.random.key(0), starts=starts, steps=200)
    theta = tried.heads @ jnp.swapaxes(tried.shared, 1, 2)
    return jnp.min(tried.loss + rounding_at(found, ones, theta))


def batch(k: int, *, related: bool, decades: float, count: int = 12):
    drawn = [draw(s, k, 4, related=related, decades=decades) for s in range(count)]
    return drawn, jax.jit(jax.vmap(skew_dual))(join(*drawn))


@pytest.mark.parametrize(("k", "decades"), [(3, 0.5), (3, 3.0), (5, 1.5)])
def test_no_start_of_alternating_least_squares_is_below_the_bound(k, decades):
    for related in (True, False):
        drawn, duals = batch(k, related=related, decades=decades)
        for found, least in zip(drawn, duals.lower_bound, strict=True):
            assert least <= least_of_starts(found, 60)


def test_related_tasks_are_certified_without_branching():
    drawn, duals = batch(3, related=True, decades=0.5)
    allowed = jnp.stack([GAP * jnp.sum(s.energy) for s in drawn]) - GAP * duals.loss
    assert jnp.all(duals.closed)
    assert jnp.all(duals.gap <= allowed)
    for index in (0, 5):
        best = shared_optimum(drawn[index], 1)
        assert best.certified
        assert best.route == "skew dual"
        np.testing.assert_allclose(best.loss, duals.loss[index], rtol=1e-12)


def test_branching_closes_what_the_dual_leaves():
    drawn, duals = batch(3, related=False, decades=3.0)
    left = [found for found, closed in zip(drawn, duals.closed, strict=True) if ~closed]
    assert len(left) >= 2
    for found in left[:4]:
        best = shared_optimum(found, 1)
        assert best.certified
        assert "branched" in best.route
        assert best.loss <= least_of_starts(found, 60) + best.rounding
        old = multi_start_optimum(found, 1, jnp.ones(3), bounded=False)
        assert best.loss <= old.loss + best.rounding


def test_work_is_bounded_and_the_bracket_stays_valid():
    drawn, duals = batch(3, related=False, decades=3.0)
    index = int(jnp.argmin(duals.closed))
    root = jax.tree.map(lambda leaf: leaf[index], duals)
    found = skew_branching.branch(drawn[index], jnp.ones(3), root, cells=3)
    assert found.cells == 3
    assert root.lower_bound <= found.lower_bound <= least_of_starts(drawn[index], 60)


def newton_parts(cell: Cell | None):
    scaled = skew_bound.scale(draw(0, 3, 3, related=False), jnp.ones(3))
    start = skew_ascent.start_entries(scaled.gram, cell)
    noise = jnp.asarray(np.random.default_rng(0).normal(size=len(start)))
    least = 1.0 if cell is None else float(jnp.max(start))
    return scaled, start + 1e-2 * least * noise


@pytest.mark.parametrize(
    "cell", [None, Cell(jnp.array([-1.0, 0.25]), jnp.array([0.5, 1.0]))]
)
def test_the_closed_derivatives_are_those_of_the_barrier(cell):
    scaled, at = newton_parts(cell)
    right, barrier = scaled.moment.ravel(), jnp.asarray(0.1)

    def value(entries: jax.Array) -> jax.Array:
        matrix = block_diag(*scaled.gram) + off_diagonal(entries, cell, 3, 3)
        least = right @ jnp.linalg.solve(matrix, right)
        least -= barrier * jnp.linalg.slogdet(matrix)[1]
        if cell is not None:
            blocks = cell_blocks(entries, 3, 3)
            least -= barrier * jnp.sum(jnp.linalg.slogdet(blocks)[1])
        return least

    matrix = block_diag(*scaled.gram) + off_diagonal(at, cell, 3, 3)
    half = skew_ascent._inverse_factor(matrix)
    problem = skew_ascent._Problem(scaled.gram, scaled.moment, cell, jnp.zeros(()))
    none = jnp.zeros(())
    state = skew_ascent.Ascent(at, barrier, none, none, none, none, none)
    slope, curvature, _ = skew_ascent._newton(
        state, problem, half, half.T @ half @ right
    )
    # Condition numbers of N and of the Z_j are below 1e6 here.
    for ours, automatic in [
        (slope, jax.grad(value)(at)),
        (curvature, jax.hessian(value)(at)),
    ]:
        scale = float(jnp.max(jnp.abs(automatic)))
        np.testing.assert_allclose(ours, automatic, atol=1e6 * EPS * scale)


def test_a_cell_bounds_the_loss_of_all_heads_in_it():
    found = draw(1, 3, 4, related=False, decades=1.5)
    scaled = skew_bound.scale(found, jnp.ones(3))
    low, high = np.array([-0.5, 0.0]), np.array([0.0, 0.5])
    cell = Cell(jnp.asarray(low), jnp.asarray(high))
    bounded = skew_branching._bound_cell(
        scaled, found, jnp.ones(3), 0, cell, jnp.zeros(())
    )
    rng, root = np.random.default_rng(0), np.sqrt(scaled.units)
    least = np.inf
    for _ in range(200):
        heads = np.array([1.0, *rng.uniform(low, high)]) / root
        total = np.einsum("k,kde->de", heads**2, found.gram)
        module = np.linalg.solve(total, heads @ found.moment)
        value = loss(found, jnp.asarray(module[:, None]), jnp.asarray(heads[:, None]))
        least = min(least, float(value))
    assert bounded.lower_bound <= least
    # And not by much: 200 heads in a square leave about a percent.
    assert bounded.lower_bound >= least - 0.05 * explained(found, jnp.asarray(least))


def as_symmetric(k: int, d: int, *, cell: bool = False) -> Places:
    at = places(k, d, cell=cell)
    return at._replace(sign=np.ones_like(at.sign))


def test_multipliers_that_are_not_skew_prove_what_is_false(monkeypatch):
    found = draw(0, 2, 4, related=True)
    best = two_task_optimum(found, jnp.ones(2))
    scaled = skew_bound.scale(found, jnp.ones(2))

    def value() -> float:
        most = skew_ascent.ascend(scaled.gram, scaled.moment).value * scaled.explained
        return float(jnp.sum(found.energy) - most)

    allowed = float(best.loss) + GAP * explained(found, best.loss)
    assert value() <= allowed
    for module in ("skew_ascent", "skew_blocks"):
        monkeypatch.setattr(f"theory.linear.{module}.places", as_symmetric)
    assert value() > allowed


def unfavourable(found: TaskStatistics, share: float) -> TaskStatistics:
    """Statistics within `share` of the given ones that are easier to fit."""
    gram = found.gram * (1 - share)
    return TaskStatistics(
        gram, found.moment * (1 + share), found.energy * (1 - share), found.samples
    )


def test_the_margin_covers_all_statistics_within_rounding(monkeypatch):
    # Sums of 1e10 rows: their rounding is far above that of the judge.
    plain = draw(3, 2, 4, related=True)
    found = TaskStatistics(plain.gram, plain.moment, plain.energy, jnp.full(2, 1e10))
    near = two_task_optimum(unfavourable(found, 1e5 * EPS / 2), jnp.ones(2))
    scaled = skew_bound.scale(found, jnp.ones(2))
    entries = skew_ascent.ascend(scaled.gram, scaled.moment).entries
    module = skew_dual(found).shared[:, 0]

    def least() -> float:
        plain_bound = skew_bound.bound
        found_bound = plain_bound(scaled, entries, found, jnp.ones(2), module)
        return float(found_bound.lower_bound)

    assert least() <= near.loss - near.rounding
    monkeypatch.setattr(skew_bound, "_relative_rounding", lambda s: jnp.zeros(s.count))
    assert least() > near.loss + near.rounding


@pytest.mark.parametrize("power", [3, 5, 7, 8, 9, 12])
def test_nearly_dependent_columns_are_not_certified_falsely(power):
    # One direction fits all labels, but hardly any task sees it.
    rng = np.random.default_rng(power)
    xs, ys = [], []
    for _ in range(3):
        x = rng.normal(size=(20, 4))
        x[:, 3] = x[:, 2] + 10.0**-power * rng.normal(size=20)
        xs.append(x)
        ys.append((x[:, 3] - x[:, 2]) * rng.normal() * 10.0**power)
    found = TaskStatistics.from_data(xs, ys)
    dual = skew_dual(found)
    assert dual.lower_bound <= 0
    weights = jnp.ones(3)
    value = loss(found, dual.shared, best_heads(found, dual.shared), weights)
    np.testing.assert_allclose(dual.loss, value)


def test_singular_tasks_say_nothing_and_fall_back():
    for kind in ("few rows", "repeated"):
        found = statistics(0, 3, 4, kind)
        assert skew_dual(found).lower_bound == -np.inf
        assert "multi-start" in shared_optimum(found, 1).route
    empty = statistics(0, 3, 4)
    wider = TaskStatistics(
        jnp.pad(empty.gram, ((0, 0), (0, 1), (0, 1))),
        jnp.pad(empty.moment, ((0, 0), (0, 1))),
        empty.energy,
        empty.samples,
    )
    one, other = skew_dual(empty), skew_dual(wider)
    np.testing.assert_allclose(other.lower_bound, one.lower_bound, rtol=1e-11)
    assert jnp.all(other.multipliers[:, :, 4] == 0)
    assert other.closed


def test_a_task_of_weight_0_has_no_multipliers():
    found = statistics(5, 3, 4)
    dual = skew_dual(found, [1.0, 0.0, 2.0])
    pair = skew_dual(found.select([0, 2]), [1.0, 2.0])
    np.testing.assert_allclose(dual.lower_bound, pair.lower_bound, rtol=1e-9)
    assert jnp.all(dual.multipliers[0] == 0)
    assert jnp.all(dual.multipliers[2] == 0)
    best = shared_optimum(found, 1, [1.0, 0.0, 2.0])
    assert best.certified
    assert best.heads.shape == (3, 1)


def test_the_dual_is_batched():
    drawn, duals = batch(3, related=True, decades=0.5)
    one = skew_dual(drawn[2])
    assert isinstance(one, SkewDual)
    for name in ("loss", "lower_bound"):
        every = getattr(duals, name)
        np.testing.assert_allclose(every[2], getattr(one, name), rtol=1e-11)
    assert duals.multipliers.shape == (12, 3, 4, 4)
    assert duals.gap.shape == (12,)
