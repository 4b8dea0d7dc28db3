"""Value, prox, polar and conjugate of every penalty, from definitions alone."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from tests.theory.penalised.oracles import CASES, D, K, matrices, value_of
from theory.penalised import (
    BlockSparse,
    ClusteredPenalty,
    Dirty,
    SquaredTraceNorm,
    TensorTraceNorm,
    TraceNorm,
)
from theory.penalised.penalty import HalfSquared, Norm, RowSparse

NAMES = list(CASES)
SPLIT = "tensor"  # its prox and polar have no closed form
CLOSED = [name for name in NAMES if name != SPLIT]
# A general solver's last digits.
SOLVER = 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_that_of_the_definition(name):
    penalty, oracle = CASES[name]
    for W in matrices(0, 10):
        assert value_of(penalty, W) == pytest.approx(oracle(W.T), rel=SOLVER, abs=1e-8)


@pytest.mark.parametrize("name", CLOSED)
def test_no_point_is_below_the_prox(name):
    """The prox against a direct search from it and from the point itself."""
    penalty, _ = CASES[name]
    value = jax.jit(lambda X: penalty.value(X))
    for W in matrices(1, 5):
        t = 0.8

        def objective(x, W=W, t=t):
            X = x.reshape(K, D)
            return 0.5 * np.sum((X - W) ** 2) + t * float(value(X))

        found = np.asarray(penalty.proximal(jnp.asarray(W), jnp.asarray(t))).ravel()
        least = objective(found)
        rng = np.random.default_rng(2)
        # Strong convexity: every other point is higher by ½ the squared distance.
        for size in 10.0 ** rng.uniform(-6, 1, 60):
            other = found + size * rng.normal(size=found.size)
            distance = np.sum((other - found) ** 2)
            assert objective(other) >= least + distance / 2 - 1e-12 * (1 + least)
        searched = minimize(objective, W.ravel(), method="Powell")
        assert searched.fun >= least - 1e-9


@pytest.mark.parametrize("name", CLOSED)
def test_the_polar_or_conjugate_is_the_largest_of_its_definition(name):
    """A search for `max ⟨V, W⟩` over `Ω(W) ≤ 1`, or of `⟨V, W⟩ − R(W)`."""
    penalty, _ = CASES[name]
    value = jax.jit(lambda X: penalty.value(X))
    rng = np.random.default_rng(3)
    for V in list(matrices(4, 4))[:3]:

        def score(x, V=V):
            W = x.reshape(K, D)
            inner, r = np.sum(V * W), float(value(W))
            # The best multiple of W in either case.
            if isinstance(penalty, HalfSquared):
                return -(max(inner, 0) ** 2) / (4 * max(r, 1e-300))
            return -inner / max(r, 1e-300)

        assert isinstance(penalty, HalfSquared | Norm)
        squared = isinstance(penalty, HalfSquared)
        star = penalty.conjugate if squared else penalty.polar
        claimed = float(star(jnp.asarray(V)))
        tried = [*rng.normal(size=(200, K * D)), *(atom.ravel() for atom in _atoms(V))]
        best = min(tried, key=score)
        found = minimize(score, best, method="Powell").fun
        assert -min(found, score(best)) == pytest.approx(claimed, rel=1e-4)
        assert -min(found, score(best)) <= claimed * (1 + 1e-12)


def _atoms(V: np.ndarray) -> Iterator[np.ndarray]:
    """Where maxima are: an entry, a row or its signs, a singular pair."""
    for row in range(D):
        here = np.arange(D) == row
        yield np.where(here, V, 0)
        yield np.where(here, np.sign(V), 0)
        for task in range(K):
            yield np.where(here & (np.arange(K) == task)[:, None], V, 0)
    left, _, right = np.linalg.svd(V)
    yield np.outer(left[:, 0], right[0])
    yield V


@pytest.mark.parametrize("name", CLOSED)
def test_moreau_ties_prox_and_polar(name):
    """`(W − prox)/t` is a subgradient: `R(X) + R*(U) = ⟨X, U⟩`, and `Ω°(U) ≤ 1`."""
    penalty, _ = CASES[name]
    for W in matrices(5, 5):
        t = jnp.asarray(0.3)
        X = penalty.proximal(jnp.asarray(W), t)
        U = jnp.asarray(W - X) / t
        inner, value = float(jnp.sum(X * U)), float(penalty.value(X))
        star = 0.0
        if isinstance(penalty, HalfSquared):
            star = float(penalty.conjugate(U))
        else:
            assert isinstance(penalty, Norm)
            assert float(penalty.polar(U)) <= 1 + 1e-12
        assert value + star == pytest.approx(inner, rel=1e-11, abs=1e-12)


def test_splits_bound_the_polar_of_a_tensor():
    penalty, oracle = CASES[SPLIT]
    assert isinstance(penalty, TensorTraceNorm)
    rng = np.random.default_rng(6)
    for V in matrices(6, 5):
        claimed = float(penalty.polar(jnp.asarray(V)))
        for _ in range(100):
            W = rng.normal(size=(K, D))
            assert np.sum(V * W) <= claimed * oracle(W.T) * (1 + 1e-12)


def test_folding_undoes_unfolding():
    penalty = TensorTraceNorm([1.0, 1.0, 1.0], (3, 2))
    W = np.random.default_rng(0).normal(size=(6, 5))
    for mode, rows in enumerate((5, 3, 2)):
        matrix = penalty.unfold(jnp.asarray(W), mode)
        assert matrix.shape == (rows, 30 // rows)
        np.testing.assert_array_equal(penalty.fold(matrix, mode), W)


@pytest.mark.parametrize("name", ["l1", "l1/l2", "l1/linf", "dirty"])
def test_a_row_polar_moves_no_more_than_the_radius(name):
    penalty = CASES[name][0]
    assert isinstance(penalty, RowSparse)
    rng = np.random.default_rng(7)
    curvature = rng.uniform(0, 3, (K, D))
    radius, reached = np.asarray(penalty.row_radius(jnp.asarray(curvature))), 0.0
    x = rng.normal(size=(2000, K, 1))
    corners = np.sqrt(curvature)[None] / np.sqrt(curvature.sum(0))
    x = np.concatenate(
        [x / np.linalg.norm(x, axis=1, keepdims=True), np.eye(K)[..., None]]
    )
    moves = np.concatenate([x * np.sqrt(curvature), corners * np.sqrt(curvature)])
    polars = np.asarray(jax.vmap(lambda V: penalty.row_polar(V))(jnp.asarray(moves)))
    assert (polars <= radius * (1 + 1e-12)).all()
    reached = (polars / radius).max(axis=0)
    assert (reached > 1 - 1e-9).all()


def test_dirty_is_one_of_its_parts_at_the_ends():
    for W in matrices(8, 5):
        assert value_of(Dirty(1.0, 1.5), W) == pytest.approx(
            value_of(BlockSparse(1.0, np.inf), W), abs=1e-13
        )
        assert value_of(Dirty(K * 0.5, 0.5), W) == pytest.approx(
            value_of(BlockSparse(0.5, 1), W), abs=1e-13
        )


def _partitions(k: int):
    if k == 1:
        yield (0,)
        return
    for labels in _partitions(k - 1):
        for label in range(max(labels) + 2):
            yield (*labels, label)


def test_learnt_clusters_cost_no_more_than_known_ones():
    mean, between, within = 0.2, 0.5, 2.0
    W = next(matrices(9, 1))
    for labels in _partitions(K):
        r = max(labels) + 1
        member = np.eye(r)[list(labels)]
        centres = (member / member.sum(0)).T @ W
        common = W.mean(axis=0)
        known = (
            mean * K * np.sum(common**2)
            + between * np.sum((centres[list(labels)] - common) ** 2)
            + within * np.sum((W - centres[list(labels)]) ** 2)
        ) / 2
        for most in range(r, K + 1):
            learnt = value_of(ClusteredPenalty(most, mean, between, within), W)
            assert learnt <= known + 1e-12
        if r in (1, K):
            ours = value_of(ClusteredPenalty(r, mean, between, within), W)
            assert ours == pytest.approx(known, rel=1e-12)


def test_one_task_turns_the_trace_norm_into_a_norm():
    w = np.array([[3.0, 0.0, 4.0]])
    assert value_of(TraceNorm(2.0), w) == pytest.approx(10)
    prox = TraceNorm(2.0).proximal(jnp.asarray(w), jnp.asarray(1.0))
    np.testing.assert_allclose(prox, w * 3 / 5, rtol=1e-14)
    assert value_of(SquaredTraceNorm(2.0), w) == pytest.approx(25)
