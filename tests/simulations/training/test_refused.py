"""What no trainer takes: problems, arguments and settings that are refused."""

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
    train,
    train_grid,
)
from tests.simulations.training.problems import tasks

KEY = jax.random.key(3)
TASKS = tasks(0, 3)
LINEAR, RELU = LinearModel(TASKS.statistics()), ReluModel.from_tasks(TASKS)
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
        ({"weights": np.ones(1)}, "weights must be a list of 2 numbers, got shape"),
        ({"weights": np.array([1.0, -1.0])}, "task 1: weights must be finite and >= 0"),
        ({"weights": np.array([np.nan, 1.0])}, "task 0: weights must be finite"),
        ({"weights": np.zeros(2)}, "weights are all zero"),
        (
            {"weights": np.array(["a", "b"])},
            "task 0: weights must be real numbers, got 'a'",
        ),
        (
            {"weights": np.array([1.0, None])},
            "task 1: weights must be real numbers, got None",
        ),
        (
            {"weights": np.array([1j, 1.0])},
            "task 0: weights must be real numbers, got 1j",
        ),
        ({"weights": np.ones((3, 2))}, r"weights must be a list .* shape \(3, 2\)"),
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
