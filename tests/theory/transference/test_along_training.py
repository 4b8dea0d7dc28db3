"""Flows against an ODE solver, batches against Monte Carlo, and the two identities."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from tests.strategies import statistics
from tests.theory.transference.look_ahead import D, K, R, instance
from theory.transference import (
    SGD,
    batch_decrease,
    flow_transference,
    linear_transference,
    progress,
)

RATE, WEIGHTS = 0.05, np.array([1.0, 0.5, 2.0])
TIMES = np.array([0.0, 0.02, 0.4, 3.0])
TIGHT = {"rtol": 1e-11, "atol": 1e-12, "method": "DOP853"}


def parts(found):
    """`H_i`, `g_i/m_i` and `e_i/m_i` in NumPy."""
    rows = np.asarray(found.samples)
    return (
        np.asarray(found.gram) / rows[:, None, None],
        np.asarray(found.moment) / rows[:, None],
        np.asarray(found.energy) / rows,
    )


def ode(found, start, weights):
    """Solve the flow with the two integrals as further unknowns."""
    hessians, moments, _ = parts(found)

    def terms(theta):
        u = 2 * (hessians @ theta - moments)
        inner = u @ u.T
        curved = np.einsum("id,jde,ie->ij", u, hessians, u)
        return u, inner, RATE * inner - RATE**2 * curved

    def slope(_, state):
        u, inner, decrease = terms(state[: len(start)])
        return np.concatenate([-weights @ u, decrease.ravel(), inner.ravel()])

    begin = np.concatenate([start, np.zeros(2 * K * K)])
    done = solve_ivp(slope, (0, TIMES[-1]), begin, t_eval=TIMES, **TIGHT).y.T
    theta, n = done[:, : len(start)], len(start)
    shape = (len(TIMES), K, K)
    return (
        theta,
        np.array([terms(one)[2] for one in theta]),
        done[:, n : n + K * K].reshape(shape),
        done[:, n + K * K :].reshape(shape),
    )


@pytest.mark.parametrize("weights", [WEIGHTS, np.array([1.0, 0.0, 1.0])])
@pytest.mark.parametrize("kind", ["plain", "condition", "few rows", "repeated"])
def test_flow_is_what_an_ode_solver_finds(kind, weights):
    found = statistics(3, K, D, kind)
    start = np.random.default_rng(0).normal(size=D)
    theta, decrease, integral, alignment = ode(found, start, weights)
    flow = flow_transference(
        found, weights, jnp.asarray(start), jnp.asarray(TIMES), rate=RATE
    )
    hessians, moments, energy = parts(found)
    curved = np.einsum("td,ide,te->ti", theta, hessians, theta)
    losses = curved - 2 * theta @ moments.T + energy
    for one, other in (
        (flow.decrease, decrease),
        (flow.integral, integral),
        (flow.alignment, alignment),
        (flow.losses, losses),
    ):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("kind", ["plain", "few rows"])
def test_long_after_convergence_integrals_grow_with_time(kind):
    """With few rows, task 0 leaves directions as they were, and others see them."""
    found, end = statistics(3, K, D, kind), 1e20
    start = np.ones(D)
    late = flow_transference(
        found, np.array([1.0, 0, 0]), jnp.asarray(start), jnp.array([end]), rate=RATE
    )
    hessians, moments, _ = parts(found)
    inverse = np.linalg.pinv(hessians[0], rcond=1e-10)
    last = start + inverse @ (moments[0] - hessians[0] @ start)
    u = 2 * (hessians @ last - moments)
    np.testing.assert_allclose(late.alignment[0] / end, u @ u.T, rtol=1e-6, atol=1e-8)


def test_inputs_of_units_far_apart_are_refused():
    with pytest.raises(ValueError, match="statistics have rank 4, of which eigenval"):
        flow_transference(
            statistics(0, K, D, "columns"), None, jnp.zeros(D), jnp.ones(1), rate=RATE
        )
    with pytest.raises(ValueError, match=r"times\[0\] must be finite and >= 0, got -1"):
        flow_transference(
            statistics(0, K, D), None, jnp.zeros(D), -jnp.ones(1), rate=RATE
        )


def test_fresh_batches_against_monte_carlo():
    rng = np.random.default_rng(0)
    k, d, batch, draws = 2, 3, 4, 200_000
    root = rng.normal(size=(k, d, d))
    sigma = root @ root.transpose(0, 2, 1)
    own, noise, point = (
        rng.normal(size=(k, d)),
        np.array([0.5, 2.0]),
        rng.normal(size=d),
    )
    found = batch_decrease(sigma, own, noise, point, rate=RATE, batch=batch)
    assert np.isnan(np.diag(found)).all()
    for i, j in ((0, 1), (1, 0)):
        x = rng.normal(size=(draws, batch, d)) @ root[i].T
        residual = x @ (point - own[i]) - noise[i] ** 0.5 * rng.normal(
            size=(draws, batch)
        )
        u = 2 * np.einsum("nbd,nb->nd", x, residual) / batch
        slope = 2 * sigma[j] @ (point - own[j])
        decrease = RATE * u @ slope - RATE**2 * np.sum(u @ sigma[j] * u, axis=1)
        error = decrease.std() / draws**0.5
        assert abs(decrease.mean() - found[i, j]) < 5 * error
        # The draws see what noise takes off: it is no part of the first order.
        without = batch_decrease(sigma, own, noise, point, rate=RATE, batch=10**9)
        assert without[i, j] - found[i, j] > 20 * error


def test_large_batches_are_the_population():
    """And only `Σ`, `θ` and `σ` of the source count, not its number of rows."""
    sigma, own = np.stack([np.eye(2), np.diag([1.0, 4])]), np.array([[1.0, 0], [0, 1]])
    point = np.array([0.5, 2.0])
    found = batch_decrease(sigma, own, [9.0, 9.0], point, rate=RATE, batch=10**9)
    u = 2 * np.einsum("ide,ie->id", sigma, point - own)
    plain = RATE * u @ u.T - RATE**2 * np.einsum("id,jde,ie->ij", u, sigma, u)
    np.testing.assert_allclose(found[0, 1], plain[0, 1], rtol=1e-6)
    np.testing.assert_allclose(found[1, 0], plain[1, 0], rtol=1e-6)
    bad = np.array([[1.0, 2], [2, 1]])
    with pytest.raises(ValueError, match="covariance has a negative eigenvalue"):
        batch_decrease([bad, bad], own, [1.0, 1.0], point, rate=RATE, batch=1)


def joint_flow(found, shared, heads, end: float):
    """The flow of all parameters, with the integrals of the terms of `progress`."""

    def terms(state):
        shared, heads = state[: D * R].reshape(D, R), state[D * R :].reshape(K, R)
        return progress(found, jnp.asarray(shared), jnp.asarray(heads), WEIGHTS)

    hessians, moments, _ = parts(found)

    def slope(_, state):
        state = state[: D * R + K * R]
        shared, heads = state[: D * R].reshape(D, R), state[D * R :].reshape(K, R)
        u = 2 * (np.einsum("kde,ke->kd", hessians, heads @ shared.T) - moments)
        rate = terms(state)
        return np.concatenate(
            [
                -np.ravel((WEIGHTS[:, None] * u).T @ heads),
                -np.ravel(WEIGHTS[:, None] * u @ shared),
                np.ravel(rate.shared),
                rate.own,
            ]
        )

    begin = np.concatenate([np.ravel(shared), np.ravel(heads), np.zeros(K * K + K)])
    last = solve_ivp(slope, (0, end), begin, **{**TIGHT, "rtol": 1e-9}).y[:, -1]
    n = D * R + K * R
    return last[: D * R], last[D * R : n], last[n:-K].reshape(K, K), last[-K:]


def test_terms_of_progress_add_up_and_without_the_heads_they_do_not():
    _, found, shared, heads = instance(11)
    last, last_heads, by_source, own = joint_flow(found, shared, heads, 0.5)
    losses = [
        linear_transference(
            found, jnp.asarray(s).reshape(D, R), jnp.asarray(h).reshape(K, R), SGD(0)
        ).losses
        for s, h in ((shared, heads), (last, last_heads))
    ]
    fallen = np.log(losses[0]) - np.log(losses[1])
    np.testing.assert_allclose(by_source.sum(0) + own, fallen, rtol=1e-7)
    # The mutant: the shared module's terms alone.
    assert (np.abs(by_source.sum(0) - fallen) > 0.01 * np.abs(fallen)).all()


def test_one_step_of_sgd_shares_out_progress_to_first_order():
    _, found, shared, heads = instance(12)
    rate = progress(found, shared, heads)
    errors = []
    for step in (1e-3, 1e-4):
        gradient = sum_of_gradients(found, shared, heads)
        moved = shared - step * gradient
        new = heads - step * head_gradients(found, shared, heads)
        before = linear_transference(found, shared, heads, SGD(0)).losses
        after = linear_transference(found, moved, new, SGD(0)).losses
        fallen = np.log(before / after) / step
        errors.append(np.abs(fallen - rate.shared.sum(0) - rate.own).max())
    assert errors[1] < 0.11 * errors[0]


def slopes_of(found, shared, heads):
    hessians, moments, _ = parts(found)
    return 2 * (np.einsum("kde,ke->kd", hessians, heads @ shared.T) - moments)


def sum_of_gradients(found, shared, heads):
    return slopes_of(found, shared, heads).T @ heads


def head_gradients(found, shared, heads):
    return slopes_of(found, shared, heads) @ shared


@pytest.mark.parametrize("seed", range(4))
def test_at_a_stationary_point_the_others_never_seem_to_help(seed):
    _, found, shared, heads = instance(seed)
    scale = 1 / np.asarray(parts(found)[2]).mean()

    def total(flat):
        b = flat.reshape(D, R)
        u = slopes_of(found, b, np.asarray(heads))
        theta = np.asarray(heads) @ b.T
        hessians, moments, energy = parts(found)
        value = np.einsum("kd,kde,ke->k", theta, hessians, theta) + energy
        value -= 2 * np.sum(moments * theta, axis=1)
        return scale * WEIGHTS @ value, scale * np.ravel(
            (WEIGHTS[:, None] * u).T @ np.asarray(heads)
        )

    best = minimize(
        total, np.ravel(shared), jac=True, method="BFGS", options={"gtol": 1e-11}
    ).x.reshape(D, R)
    rate = progress(found, jnp.asarray(best), heads, WEIGHTS)
    others = rate.shared.sum(0) - np.diag(rate.shared)
    own = np.diag(rate.shared)
    np.testing.assert_allclose(others, -own, rtol=1e-5)
    assert (others < 0).all()


def test_two_tasks_at_a_stationary_point_only_hurt_each_other():
    """For losses convex in the module, whatever the rate."""
    _, found, _, heads = instance(5)
    two, pair = found.select([0, 1]), heads[:2]
    hessians, moments, _ = parts(two)
    a = np.asarray(pair)
    system = sum(np.kron(h, np.outer(x, x)) for h, x in zip(hessians, a, strict=True))
    target = sum(np.kron(g, x) for g, x in zip(moments, a, strict=True))
    best = jnp.asarray(np.linalg.solve(system, target).reshape(D, R))
    for rate in (1e-3, 0.1, 10.0):
        value = np.asarray(linear_transference(two, best, pair, SGD(rate)).value)
        assert value[0, 1] < 0
        assert value[1, 0] < 0
