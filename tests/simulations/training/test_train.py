"""What holds for every model: starts, statuses, masked columns, grids, bad input."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.training import (
    LBFGS,
    Adam,
    GradientDescent,
    LevenbergMarquardt,
    LinearModel,
    Parameters,
    ReluModel,
    Status,
    train,
    train_grid,
)
from tests.simulations.training.problems import WEIGHTS, tasks

KEY = jax.random.key(3)
D = 3
TASKS = tasks(0, D)
LINEAR, RELU = LinearModel(TASKS.statistics()), ReluModel.from_tasks(TASKS)
QUICK = Adam(rate=3e-2, steps=200)
SOLVERS = [
    LevenbergMarquardt(),
    LBFGS(),
    GradientDescent(),
    Adam(rate=3e-2, tolerance=1e-7),
]


def in_32_bit(model):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), model)


@pytest.fixture(scope="module")
def best():
    return train(LINEAR, 1, WEIGHTS, KEY, starts=4)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: type(s).__name__)
def test_all_solvers_reach_one_linear_optimum(solver, best):
    found = train(LINEAR, 1, WEIGHTS, KEY, starts=4, solver=solver)
    assert float(found.loss) == pytest.approx(float(best.loss), rel=1e-9)
    assert (found.status == Status.CONVERGED).all()
    assert float(found.gradient) <= solver.tolerance


@pytest.mark.long
@pytest.mark.parametrize("solver", SOLVERS[:2], ids=lambda s: type(s).__name__)
def test_second_order_solvers_run_in_32_bit(solver, best):
    found = train(in_32_bit(LINEAR), 1, WEIGHTS, KEY, starts=4, solver=solver)
    assert found.loss.dtype == found.shared.dtype == jnp.float32
    # Statistics in 32 bits have lost 1e-7 of the label energy, and F* is above 0.1.
    assert float(found.loss) == pytest.approx(float(best.loss), rel=1e-4)


def test_a_start_that_diverges_is_told_and_disturbs_no_other():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(3, D, 1))
    heads = rng.normal(size=(3, 2, 1))
    shared[1] *= 1e200
    points = Parameters(jnp.asarray(shared), jnp.asarray(heads))
    others = jax.tree.map(lambda leaf: leaf[jnp.array([0, 2])], points)
    found = train(RELU, 1, None, KEY, solver=QUICK, initial=points)
    alone = train(RELU, 1, None, KEY, solver=QUICK, initial=others)
    assert found.status[1] == Status.DIVERGED
    assert (found.status[jnp.array([0, 2])] != Status.DIVERGED).all()
    np.testing.assert_allclose(
        found.losses[jnp.array([0, 2])], alone.losses, rtol=1e-12
    )
    assert float(found.loss) == float(found.losses[jnp.array([0, 2])].min())
    assert np.isfinite(found.shared).all()


def test_too_long_a_step_diverges_at_a_point_that_is_finite():
    found = train(RELU, 1, None, KEY, starts=2, solver=Adam(rate=1e200, steps=100))
    assert (found.status == Status.DIVERGED).all()
    for leaf in (found.shared, found.heads, found.losses, found.gradient):
        assert np.isfinite(leaf).all()


def test_steps_run_out_and_are_counted():
    found = train(LINEAR, 1, None, KEY, starts=2, solver=Adam(steps=7, block=5))
    assert (found.status == Status.OUT_OF_STEPS).all()
    assert (found.steps == 7).all()


def test_gradient_descent_never_goes_up():
    losses = [
        train(RELU, 1, None, KEY, starts=3, solver=GradientDescent(steps=n)).losses
        for n in (2, 50)
    ]
    assert (losses[1] < losses[0]).all()


@pytest.mark.parametrize(
    "solver",
    [QUICK, pytest.param(SOLVERS[0], marks=pytest.mark.long)],
    ids=["Adam", "second order"],
)
def test_masked_columns_stay_zero_and_change_nothing(solver):
    narrow = train(RELU, 2, WEIGHTS, KEY, starts=2, solver=solver)
    masked = train(RELU, 2, WEIGHTS, KEY, starts=2, solver=solver, columns=3)
    assert masked.shared.shape == (D, 3)
    assert (masked.shared[:, 2] == 0).all()
    assert (masked.heads[:, 2] == 0).all()
    # Sums over a longer axis round differently, and descents amplify that.
    np.testing.assert_allclose(masked.loss, narrow.loss, rtol=1e-6)


def test_a_grid_is_its_runs():
    draws = [tasks(seed, D) for seed in (0, 1)]
    models = jax.tree.map(
        lambda *leaves: jnp.stack(leaves), *(ReluModel.from_tasks(t) for t in draws)
    )
    alphas, keys = np.array([[1.0, 1.0], WEIGHTS]), jax.random.split(KEY, 3)
    grid = train_grid(models, [1, 2], alphas, keys, starts=2, solver=QUICK)
    assert grid.loss.shape == (2, 2, 2, 3)
    assert grid.shared.shape == (2, 2, 2, 3, D, 2)
    for at in [(0, 0, 0, 0), (1, 0, 1, 2), (1, 1, 0, 1)]:
        draw, width, alpha, seed = at
        one = train(
            ReluModel.from_tasks(draws[draw]),
            (1, 2)[width],
            alphas[alpha],
            keys[seed],
            starts=2,
            solver=QUICK,
            columns=2,
        )
        np.testing.assert_allclose(grid.losses[at], one.losses, rtol=1e-9)
        np.testing.assert_allclose(grid.shared[at], one.shared, rtol=1e-6, atol=1e-9)
    assert (grid.shared[:, 0, :, :, :, 1] == 0).all()


def test_a_batch_of_tasks_is_laid_out_like_single_ones():
    draws = [tasks(seed, D) for seed in (0, 1)]
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *draws)
    models = ReluModel.from_tasks(batch)
    for index, draw in enumerate(draws):
        one = ReluModel.from_tasks(draw).rows
        same = jax.tree.map(lambda leaf, i=index: leaf[i], models.rows)
        np.testing.assert_array_equal(same.covariates, one.covariates)
        np.testing.assert_array_equal(same.labels, one.labels)
        np.testing.assert_array_equal(same.owner, one.owner)


@pytest.mark.parametrize(("inputs", "labels"), [(1, 50), (1e87, 1e-91), (1e-88, 1e91)])
def test_units_of_rows_and_labels_do_not_matter(inputs, labels):
    x = TASKS.covariates * jnp.asarray([1e-3, 1.0, 1e4]) * inputs
    other = ReluModel.from_tasks(type(TASKS)(x, labels * TASKS.labels, TASKS.mask))
    first = train(RELU, 1, None, KEY, starts=2, solver=QUICK)
    second = train(other, 1, None, KEY, starts=2, solver=QUICK)
    expected = np.asarray(first.losses) * labels * labels
    np.testing.assert_allclose(second.losses, expected, rtol=1e-9)
    np.testing.assert_array_equal(second.status, first.status)


def test_a_loss_that_is_not_finite_has_not_converged():
    # Not by `from_tasks`, which refuses such labels, as it does where jax traces them.
    rows = RELU.rows
    loud = ReluModel(type(rows)(rows.covariates, 1e160 * rows.labels, rows.owner))
    found = train(loud, 1, None, KEY, starts=2, solver=QUICK)
    assert np.isinf(found.losses).all()
    assert (found.status == Status.DIVERGED).all()


STATISTICS = LINEAR.statistics


def changed(field, change):
    leaf = getattr(STATISTICS, field)
    return eqx.tree_at(lambda s: getattr(s, field), STATISTICS, change(leaf))


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        (changed("gram", lambda g: g[:1]), r"gram has shape \(1, 3, 3\); statistics"),
        (changed("energy", lambda e: e[:, None]), r"energy has shape \(2, 1\)"),
        (jax.tree.map(lambda leaf: leaf[None], STATISTICS), r"gram has shape \(1, 2,"),
        (
            changed("gram", lambda g: g.at[1, 0, 2].set(jnp.nan)),
            "task 1: gram has a NaN",
        ),
        (changed("moment", lambda g: g.at[0, 1].set(jnp.inf)), "task 0: moment has"),
        (changed("energy", lambda e: e.at[1].set(jnp.nan)), "task 1: energy is not"),
        (changed("energy", lambda e: -e), "task 0: energy is below zero"),
        (changed("gram", lambda g: -g), "task 0: gram has a square .* below zero"),
        (changed("gram", lambda g: 1e-300 * g), r"task \d: column 0 .* rescale"),
        (changed("energy", lambda e: 1e300 * e), r"task \d: labels .* rescale"),
    ],
)
def test_statistics_that_cannot_be_trained_on_are_refused(statistics, message):
    with pytest.raises(ValueError, match=message):
        train(LinearModel(statistics), 1, None, KEY)


@pytest.mark.parametrize("scale", [1e160, 1e150, 1e-150, 1e-170])
@pytest.mark.parametrize("field", ["covariates", "labels"])
def test_rows_out_of_range_are_refused(field, scale):
    scaled = eqx.tree_at(
        lambda t: getattr(t, field), TASKS, scale * getattr(TASKS, field)
    )
    with pytest.raises(ValueError, match=rf"task \d: {field}.* rescale"):
        ReluModel.from_tasks(scaled)
    # A column of zeros is allowed.
    none = eqx.tree_at(lambda t: t.covariates, TASKS, 0 * TASKS.covariates)
    assert ReluModel.from_tasks(none).count == 2


def test_a_model_needs_the_axes_of_its_trainer():
    batch = jax.tree.map(lambda leaf: leaf[None], (LINEAR, RELU))
    for one, many in zip((LINEAR, RELU), batch, strict=True):
        with pytest.raises(ValueError, match=r"ax[ei]s of draws"):
            train_grid(one, [1], None, KEY[None])
        with pytest.raises(ValueError, match=r"shape|axes of draws"):
            train(many, 1, None, KEY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width must be >= 1, got 0"),
        ({"width": 3, "columns": 2}, "width must be at most columns = 2"),
        ({"starts": 0}, "starts must be >= 1"),
        ({"weights": np.ones(1)}, "2 tasks, shape"),
        ({"weights": np.array([1.0, -1.0])}, "task 1: weights must be finite and >= 0"),
        ({"weights": np.array([np.nan, 1.0])}, "task 0: weights must be finite"),
        ({"weights": np.zeros(2)}, "weights are all zero"),
        ({"weights": np.array(["a", "b"])}, "task 0: weights must be numbers, got 'a'"),
        (
            {"weights": np.array([1.0, None])},
            "task 1: weights must be numbers, got None",
        ),
        ({"weights": np.array([1j, 1.0])}, "task 0: weights must be numbers, got 1j"),
        ({"weights": np.ones((3, 2))}, r"2 tasks, shape \(3, 2\)"),
        ({"weights": np.full(2, 1e-308)}, "task 0: the weight has .* rescale"),
        (
            {"initial": Parameters(jnp.ones((1, 4, 1)), jnp.ones((1, 2, 1)))},
            r"initial.shared has shape \(1, 4, 1\), wanted \(1, 3, 1\)",
        ),
        (
            {
                "initial": Parameters(
                    jnp.ones((2, 3, 1)), jnp.ones((2, 2, 1)).at[1].set(jnp.nan)
                )
            },
            "initial.heads has nan in start 1",
        ),
        (
            {
                "columns": 2,
                "initial": Parameters(jnp.ones((1, 3, 2)), jnp.ones((1, 2, 2))),
            },
            "initial.shared must be zero in columns from width = 1 on",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(change, message):
    arguments = {"width": 1, "weights": None, "key": KEY} | change
    with pytest.raises(ValueError, match=message):
        train(LINEAR, **arguments)


@pytest.mark.parametrize("none", [None, 0, np.zeros(2), jnp.zeros(2)])
def test_training_without_a_key_says_that_it_needs_one(none):
    # Past jaxtyping's check of arguments, which only tests have.
    one = getattr(train, "__wrapped__", train)
    many = getattr(train_grid, "__wrapped__", train_grid)
    for key in (none, KEY[None]):
        with pytest.raises(ValueError, match=r"^key: one key of jax.random is needed"):
            one(LINEAR, 1, None, key)
    for keys in (none, KEY):
        with pytest.raises(ValueError, match=r"^keys: an axis of keys of jax.random"):
            many(LINEAR, [1], None, keys)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(rate=-1.0), "Adam: rate must be finite and above 0, got -1"),
        (lambda: Adam(first_decay=1.0), r"first_decay must be in \[0, 1\)"),
        (lambda: LBFGS(steps=0), "LBFGS: steps must be"),
        (lambda: GradientDescent(tolerance=float("nan")), "tolerance must be"),
        (lambda: LevenbergMarquardt(smoothing=0.0), "smoothing must be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("kind", "field", "value", "message"),
    [
        (LBFGS, "history", 2.5, "LBFGS: history must be an integer above 0, got 2.5"),
        (LBFGS, "steps", 20.0, "LBFGS: steps must be an integer"),
        (LevenbergMarquardt, "steps", 1.5, "steps must be an integer above 0, got 1.5"),
        (GradientDescent, "block", None, "block must be an integer above 0, got None"),
        (Adam, "steps", True, "Adam: steps must be an integer above 0, got True"),
        (Adam, "rate", "a", "Adam: rate must be finite and above 0, got 'a'"),
        (Adam, "first_decay", None, r"first_decay must be in \[0, 1\), got None"),
    ],
)
def test_settings_of_another_type_are_refused(kind, field, value, message):
    # Past jaxtyping's check of the fields, which only tests have.
    solver = object.__new__(kind)
    object.__setattr__(solver, field, value)
    with pytest.raises(ValueError, match=message):
        solver.__post_init__()
