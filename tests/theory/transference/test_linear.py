"""Closed forms at a point against look-ahead by autograd, and invariances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.strategies import unchecked
from tests.theory.transference.look_ahead import (
    KINDS,
    RULES,
    D,
    K,
    R,
    displaced,
    instance,
    look_ahead,
    losses_and_slopes,
    rule_of,
)
from theory.tasks import TaskStatistics
from theory.transference import (
    SGD,
    Adam,
    Momentum,
    linear_transference,
    subset_transference,
)

CLOSE = 1e-10


def assert_close(found, expected):
    """To 1e-10 of the larger of 1, which a share is measured in, and the value."""
    np.testing.assert_allclose(found, expected, rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("heads_rate", [None, 0.03])
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_closed_form_is_look_ahead(kind, name, heads_rate):
    data, statistics, shared, heads = instance(len(kind), kind)
    rule = rule_of(name, 1, rate=0.3)
    found = linear_transference(statistics, shared, heads, rule, heads_rate=heads_rate)
    expected = look_ahead(
        data, shared, heads, lambda g: displaced(name, rule, g), heads_rate
    )
    assert_close(found.value, expected)


@pytest.mark.long
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(40))
def test_closed_form_is_look_ahead_on_many_instances(seed, name):
    kind, rate = KINDS[seed % len(KINDS)], 10 ** (seed % 7 - 4)
    data, statistics, shared, heads = instance(seed, kind)
    rule, heads_rate = rule_of(name, seed, rate), [None, rate][seed % 2]
    found = linear_transference(statistics, shared, heads, rule, heads_rate=heads_rate)
    assert_close(
        found.value,
        look_ahead(data, shared, heads, lambda g: displaced(name, rule, g), heads_rate),
    )


def test_losses_cosines_and_first_order():
    data, statistics, shared, heads = instance(0)
    losses, slopes, _ = losses_and_slopes(data, shared, heads)
    found = linear_transference(statistics, shared, heads, SGD(0.1), heads_rate=1.0)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-12)
    inner = slopes.reshape(K, -1) @ slopes.reshape(K, -1).T
    size = np.sqrt(np.diag(inner))
    np.testing.assert_allclose(found.cosine, inner / np.outer(size, size), rtol=1e-10)
    np.testing.assert_allclose(found.first_order, 0.1 * inner / losses, rtol=1e-10)


@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_the_error_of_the_first_order_is_quadratic_and_never_positive(name):
    _, statistics, shared, heads = instance(1)
    rates = np.geomspace(1e-4, 1e-1, 7)
    errors = []
    for rate in rates:
        found = linear_transference(statistics, shared, heads, rule_of(name, 0, rate))
        errors.append(np.asarray(found.first_order - found.value))
    assert (np.array(errors) >= 0).all()
    slope = np.polyfit(np.log(rates), np.log(np.reshape(errors, (7, -1))), 1)[0]
    np.testing.assert_allclose(slope, 2, atol=1e-6)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_sets_of_tasks_are_looked_ahead(name, mean):
    data, statistics, shared, heads = instance(2)
    before, slopes, _ = losses_and_slopes(data, shared, heads)
    members = (np.arange(1, 2**K)[:, None] >> np.arange(K) & 1).astype(bool)
    rule = rule_of(name, 4)
    expected = []
    for own in members:
        gradient = slopes[own].mean(0) if mean else slopes[own].sum(0)
        moved = shared - displaced(name, rule, gradient)
        expected.append(1 - losses_and_slopes(data, moved, heads)[0] / before)
    found = subset_transference(statistics, shared, heads, members, rule, mean=mean)
    assert_close(found, expected)


def test_sets_are_quadratic_under_sgd():
    _, statistics, shared, heads = instance(3)
    members = (np.arange(1, 8)[:, None] >> np.arange(3) & 1).astype(bool)
    a, b, ab, c, ac, bc, abc = subset_transference(
        statistics, shared, heads, members, SGD(0.2)
    )
    np.testing.assert_allclose(abc, ab + ac + bc - a - b - c, rtol=1e-10)
    single = linear_transference(statistics, shared, heads, SGD(0.2)).value
    np.testing.assert_allclose([a, b, c], single, rtol=1e-12)


def test_scaling_a_loss_scales_the_rate_of_its_source_and_nothing_of_its_target():
    """`L_i → cL_i` by weighting the rows of task 0 by `√c`."""
    _, statistics, shared, heads = instance(4)
    c = jnp.array([7.0, 1, 1])
    loud = TaskStatistics(
        statistics.gram * c[:, None, None],
        statistics.moment * c[:, None],
        statistics.energy * c,
        statistics.samples,
    )
    plain = linear_transference(statistics, shared, heads, SGD(0.1)).value
    found = linear_transference(loud, shared, heads, SGD(0.1)).value
    np.testing.assert_allclose(found[1:], plain[1:], rtol=1e-10)
    faster = linear_transference(statistics, shared, heads, SGD(0.7)).value
    np.testing.assert_allclose(found[0], faster[0], rtol=1e-10)
    zero = {"first": jnp.zeros((D, R)), "second": jnp.zeros((D, R)), "count": 0}
    adam = Adam(0.1, **zero, epsilon=0)
    np.testing.assert_allclose(
        linear_transference(loud, shared, heads, adam).value,
        linear_transference(statistics, shared, heads, adam).value,
        rtol=1e-10,
    )


@pytest.mark.parametrize(("name", "same"), [("sgd", True), ("adam", False)])
def test_turns_of_the_inner_units_change_nothing_but_under_adam(name, same):
    _, statistics, shared, heads = instance(5)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(R, R)))[0]
    zero = {"first": jnp.zeros((D, R)), "second": jnp.zeros((D, R)), "count": 0}
    rule = SGD(0.1) if name == "sgd" else Adam(0.1, **zero)
    plain = linear_transference(statistics, shared, heads, rule).value
    turned = linear_transference(statistics, shared @ turn, heads @ turn, rule).value
    assert np.allclose(turned, plain, rtol=1e-9) == same


def test_the_gauge_divides_the_first_order_and_leaves_the_cosine():
    _, statistics, shared, heads = instance(6)
    plain = linear_transference(statistics, shared, heads, SGD(0.1))
    found = linear_transference(statistics, 3 * shared, heads / 3, SGD(0.1))
    np.testing.assert_allclose(9 * found.first_order, plain.first_order, rtol=1e-10)
    np.testing.assert_allclose(found.cosine, plain.cosine, rtol=1e-10)


def test_asymmetry_is_that_of_losses_to_first_order():
    _, statistics, shared, heads = instance(7)
    found = linear_transference(statistics, shared, heads, SGD(0.1))
    decrease = found.first_order * found.losses
    np.testing.assert_allclose(decrease, decrease.T, rtol=1e-10)


def test_equal_tasks_have_equal_rows_and_columns_and_a_zero_head_helps_nobody():
    _, statistics, shared, heads = instance(8)
    same = jax.tree.map(lambda leaf: leaf.at[1].set(leaf[0]), statistics)
    heads = heads.at[1].set(heads[0]).at[2].set(0)
    found = linear_transference(same, shared, heads, SGD(0.1))
    np.testing.assert_array_equal(found.value[0], found.value[1])
    np.testing.assert_array_equal(found.value[:, 0], found.value[:, 1])
    np.testing.assert_array_equal(found.value[2], 0)
    assert np.isnan(found.cosine[2]).all()


def test_a_loss_of_zero_has_no_transference_and_an_infinite_one_is_minus_infinity():
    for seed in range(12):
        (x, y), _, shared, heads = instance(seed)
        # Predictions of task 0 without an error: its loss is what rounding leaves.
        exact = TaskStatistics.from_data(x, [x[0] @ (shared @ heads[0]), *y[1:]])
        found = linear_transference(exact, shared, heads, SGD(0.1))
        assert np.isnan(found.value[:, 0]).all()
        assert np.isfinite(found.value[:, 1:]).all()
        assert found.losses[0] == 0
        far = linear_transference(exact, shared, heads, SGD(1e200))
        assert (far.value[1:, 1:] == -np.inf).all()


def test_derivatives_and_batches():
    _, statistics, shared, heads = instance(10)

    def total(rate):
        return jnp.sum(linear_transference(statistics, shared, heads, SGD(rate)).value)

    slope = jax.grad(total)(0.1)
    np.testing.assert_allclose(slope, (total(0.1001) - total(0.0999)) / 2e-4, rtol=1e-6)
    many = jax.vmap(lambda b: linear_transference(statistics, b, heads, SGD(0.1)))(
        jnp.stack([shared, 2 * shared])
    )
    one = linear_transference(statistics, 2 * shared, heads, SGD(0.1))
    np.testing.assert_allclose(many.value[1], one.value, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shared": jnp.ones((3, 2))}, r"shared must be 4 x r, got shape \(3, 2\)"),
        ({"heads": jnp.ones((3, 3))}, r"heads must be 3 x 2, got shape \(3, 3\)"),
        ({"heads": jnp.full((3, 2), np.nan)}, r"heads\[0, 0\] must be finite, got nan"),
        ({"heads_rate": -0.1}, "heads_rate must be finite and >= 0, got -0.1"),
    ],
)
def test_bad_points_are_refused(change, message):
    _, statistics, shared, heads = instance(0)
    options = {"shared": shared, "heads": heads, "rule": SGD(0.1), **change}
    with pytest.raises(ValueError, match=message):
        unchecked(linear_transference)(statistics, **options)


def test_bad_rules_and_sets_are_refused():
    _, statistics, shared, heads = instance(0)
    with pytest.raises(ValueError, match="rate must be finite and >= 0, got nan"):
        SGD(np.nan)
    with pytest.raises(ValueError, match="decay must be finite and >= 0, got -1"):
        Momentum(0.1, decay=-1, velocity=shared)
    with pytest.raises(ValueError, match=r"second\[0, 0\] must be .*>= 0, got -1"):
        Adam(0.1, first=shared, second=-jnp.ones((D, R)), count=1)
    none = np.zeros((1, K), bool)
    with pytest.raises(ValueError, match=r"members\[0\] must be sets of one task"):
        subset_transference(statistics, shared, heads, none, SGD(0.1))
