"""What no public function takes: each call is refused by name and value."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.advice.advise import Advice
from simulations.draws.figure_3_tasks import figure_3_tasks
from simulations.engine.in_memory import map_chunks, repeat_keys
from simulations.engine.layout import whole
from simulations.engine.study import Axis
from simulations.sampling import sample_statistics, sample_tasks
from simulations.training import (
    LBFGS,
    Adam,
    GradientDescent,
    LevenbergMarquardt,
    LinearModel,
    LogisticModel,
    Parameters,
    ReluModel,
    train,
    train_grid,
)
from simulations.training.alignment import (
    Rounds,
    check_checkpoints,
    initial_point,
    train_alignment,
)
from tests.simulations.engine.toy import Toy
from tests.simulations.training.problems import tasks
from tests.strategies import unchecked
from theory.alignment import AlignmentPoint, check_words
from theory.tasks import Tasks

NAN, INF = float("nan"), float("inf")
KEY = jax.random.key(3)
D = 3
TASKS = tasks(0, D)
LINEAR, RELU = LinearModel(TASKS.statistics()), ReluModel.from_tasks(TASKS)
STATISTICS, START = LINEAR.statistics, initial_point(LINEAR.statistics, 1, KEY)
LOST = AlignmentPoint(START.shared * NAN, START.heads, START.maps)
NEEDS_KEY = "^key: one key of jax.random is needed"
CLASSES = r"task \d: labels must be two classes"


def trained(**change: Any) -> Any:
    return train(LINEAR, **({"width": 1, "weights": None, "key": KEY} | change))


def trained_on(field: str, change: Any) -> Any:
    leaf = change(getattr(STATISTICS, field))
    changed = eqx.tree_at(lambda s: getattr(s, field), STATISTICS, leaf)
    return train(LinearModel(changed), 1, None, KEY)


def starting(shared: Any, heads: Any, **change: Any) -> Any:
    return trained(initial=Parameters(shared, heads), **change)


def aligned(**change: Any) -> Any:
    words = {"width": 1, "weights": None, "key": KEY} | change
    return unchecked(train_alignment)(STATISTICS, **words)


def setting(kind: type, field: str, value: object) -> Any:
    """Past jaxtyping's check of the fields, which only tests have."""
    solver = object.__new__(kind)
    object.__setattr__(solver, field, value)
    solver.__post_init__()  # pyright: ignore[reportAttributeAccessIssue]


def classes(*labels: list[int]) -> Any:
    rows = [np.eye(3)] * 2
    return LogisticModel.from_tasks(
        Tasks.from_data(rows, [np.array(y, float) for y in labels])
    )


def one_class() -> Any:
    ones = jnp.ones_like(TASKS.labels)
    return LogisticModel.from_tasks(Tasks(TASKS.covariates, ones, TASKS.mask))


def drawn(**change: Any) -> Any:
    arguments = {"covariance_root": np.eye(4), "parameter": np.ones(4)}
    arguments |= {"noise": 0.7, "samples": 5}
    return sample_statistics(KEY, **(arguments | change))


def axis(*values: Any, **change: Any) -> Any:
    return Axis("turn", values, "turns", **change)


def study(**change: Any) -> Any:
    return dataclasses.replace(Toy().study(), **change)


TRAINING = [
    (lambda: trained_on("gram", lambda g: g[:1]), r"gram has shape \(1, 3, 3\); stat"),
    (lambda: trained_on("energy", lambda e: e[:, None]), r"energy has shape \(2, 1\)"),
    (
        lambda: trained_on("gram", lambda g: g.at[1, 0, 2].set(NAN)),
        "task 1: gram has a NaN",
    ),
    (lambda: trained_on("moment", lambda g: g.at[0, 1].set(INF)), "task 0: moment has"),
    (lambda: trained_on("energy", lambda e: e.at[1].set(NAN)), "task 1: energy is not"),
    (lambda: trained_on("energy", lambda e: -e), "task 0: energy is below zero"),
    (lambda: trained_on("gram", lambda g: -g), "task 0: gram has a square .* below"),
    (lambda: trained_on("gram", lambda g: 1e-300 * g), r"task \d: column 0 .* rescale"),
    (lambda: trained_on("energy", lambda e: 1e300 * e), r"task \d: labels .* rescale"),
    (lambda: trained(width=0), "width must be >= 1, got 0"),
    (lambda: trained(width=3, columns=2), "width must be at most columns = 2"),
    (lambda: trained(starts=0), "starts must be >= 1"),
    (
        lambda: trained(weights=np.ones(1)),
        r"weights must be a list of 2 numbers, got shape \(1,\)",
    ),
    (
        lambda: trained(weights=np.ones((3, 2))),
        r"list of 2 numbers, got shape \(3, 2\)",
    ),
    (lambda: trained(weights=np.array([1.0, -1.0])), "task 1: weights must be finite"),
    (lambda: trained(weights=np.array([NAN, 1.0])), "task 0: weights must be finite"),
    (lambda: trained(weights=np.zeros(2)), "weights are all zero"),
    (
        lambda: trained(weights=np.array(["a", "b"])),
        "task 0: weights must be real numbers, got 'a'",
    ),
    (
        lambda: trained(weights=np.array([1.0, None])),
        "task 1: weights must be real numbers, got None",
    ),
    (
        lambda: trained(weights=np.array([1j, 1.0])),
        "task 0: weights must be real numbers, got 1j",
    ),
    (lambda: trained(weights=np.full(2, 1e-308)), "task 0: the weight has .* rescale"),
    (
        lambda: starting(jnp.ones((1, 4, 1)), jnp.ones((1, 2, 1))),
        r"initial.shared has shape \(1, 4, 1\), wanted \(1, 3, 1\)",
    ),
    (
        lambda: starting(jnp.ones((2, 3, 1)), jnp.ones((2, 2, 1)).at[1].set(NAN)),
        "initial.heads has nan in start 1",
    ),
    (
        lambda: starting(jnp.ones((1, 3, 2)), jnp.ones((1, 2, 2)), columns=2),
        "initial.shared must be zero in columns from width = 1 on",
    ),
]
SETTINGS = [
    (lambda: Adam(rate=-1.0), "Adam: rate must be finite and above 0, got -1"),
    (lambda: Adam(first_decay=1.0), r"first_decay must be in \[0, 1\)"),
    (lambda: LBFGS(steps=0), "LBFGS: steps must be"),
    (lambda: GradientDescent(tolerance=NAN), "tolerance must be"),
    (lambda: LevenbergMarquardt(smoothing=0.0), "smoothing must be"),
    (
        lambda: setting(LBFGS, "history", 2.5),
        "LBFGS: history must be an integer above 0, got 2.5",
    ),
    (lambda: setting(LBFGS, "steps", 20.0), "LBFGS: steps must be an integer"),
    (
        lambda: setting(LevenbergMarquardt, "steps", 1.5),
        "steps must be an integer above 0, got 1.5",
    ),
    (
        lambda: setting(GradientDescent, "block", None),
        "block must be an integer above 0, got None",
    ),
    (lambda: setting(Adam, "steps", True), "steps must be an integer .*, got True"),
    (lambda: setting(Adam, "rate", "a"), "rate must be finite and above 0, got 'a'"),
    (lambda: setting(Adam, "first_decay", None), r"must be in \[0, 1\), got None"),
]
ALIGNMENT = [
    (lambda: Rounds(rate=0.0), r"rate must be in \(0, inf\), got 0"),
    (lambda: Rounds(tolerance=INF), r"tolerance must be in \(0, inf\), got inf"),
    (lambda: Rounds(checkpoints=(3, 1)), "checkpoints must ascend"),
    (lambda: Rounds(checkpoints=()), "checkpoints must ascend"),
    (lambda: unchecked(check_checkpoints)((0, 1.5)), "checkpoints must be whole"),
    (lambda: unchecked(check_words)("loose", "fixed", 0.0), "maps must be one of"),
    (lambda: unchecked(check_words)("free", "no", 0.0), "reading must be one of"),
    (lambda: aligned(ridge=-1.0), "ridge must be finite"),
    (lambda: aligned(ridge=1.0, rounds=Rounds(maps="held")), "ridge is for free maps"),
    (lambda: aligned(width=0), "width must be an integer >= 1, got 0"),
    (lambda: aligned(weights=np.ones(3)), r"list of 2 numbers, got shape \(3,\)"),
    (lambda: aligned(weights=np.array([1.0, -1.0])), "task 1: weights"),
    (lambda: aligned(width=2, start=START), "start.shared has shape"),
    (lambda: aligned(start=LOST), "start.shared has a NaN"),
    (lambda: aligned(key=None), NEEDS_KEY),
    (lambda: unchecked(initial_point)(STATISTICS, 1, 0), NEEDS_KEY),
]
ROWS = [
    (lambda: classes([0, 1, 1], [0, 1, 2]), f"{CLASSES}.*0, 1, 2"),
    (lambda: classes([-1, 0, 1], [0, 1, 1]), f"{CLASSES}.*-1, 0, 1"),
    (one_class, f"{CLASSES}.*got 1$"),
    (
        lambda: ReluModel.from_tasks(
            eqx.tree_at(
                lambda t: t.covariates, TASKS, TASKS.covariates.at[1, 2, 0].set(NAN)
            )
        ),
        "task 1: covariates has a NaN",
    ),
]
DRAWS = [
    (lambda: drawn(samples=0), "samples must be a whole number >= 1, got 0"),
    (lambda: drawn(samples=2.5), "samples must be a whole number >= 1, got 2.5"),
    (lambda: drawn(samples=INF), "samples must be a whole number >= 1, got inf"),
    (lambda: drawn(samples=np.array([1, 2])), "samples must be a number, got shape"),
    (lambda: drawn(noise=-0.1), "noise must be finite and >= 0, got -0.1"),
    (lambda: drawn(noise=NAN), "noise must be finite and >= 0, got nan"),
    (lambda: drawn(covariance_root=np.eye(3)), r"covariance_root has shape \(3, 3\)"),
    (lambda: drawn(covariance_root=np.full((4, 4), NAN)), r"covariance_root\[0, 0\]"),
    (lambda: drawn(parameter=np.zeros((1, 2, 4))), "parameter must be d or k x d"),
    (
        lambda: drawn(parameter=np.zeros((2, 4)), samples=np.array([3, -1])),
        r"samples\[1\] must be a whole number >= 1, got -1",
    ),
    (
        lambda: drawn(parameter=np.zeros((2, 4)), noise=np.zeros(3)),
        r"noise must be a number or one a task, \(2,\)",
    ),
    (
        lambda: unchecked(sample_tasks)(KEY, np.eye(4), np.ones(4), 1, 5, "cauchy"),
        "rows must be one of .* got 'cauchy'",
    ),
    (lambda: figure_3_tasks(KEY, 1), r"dimension must be in \[2, inf\), got 1"),
    (
        lambda: figure_3_tasks(KEY, 20, condition=0.0),
        r"condition must be in \(0, inf\), got 0",
    ),
    (
        lambda: figure_3_tasks(KEY, 20, cosine=1.5),
        r"cosine must be in \[-1, 1\], got 1.5",
    ),
]
ENGINE = [
    (axis, r"axis 'turn' is empty: give turns a value"),
    (lambda: axis(0.5, NAN), r"axis 'turn' has the value nan.*finite"),
    (lambda: axis(INF), r"has the value inf"),
    (lambda: axis(True), r"has the value True"),
    (lambda: axis("a"), r"has the value 'a'"),
    (lambda: axis(0.5, 1.0, 0.5), r"axis 'turn' has 0.5 twice"),
    (lambda: axis(0.0, -0.0), r"has -0.0 twice"),
    (lambda: axis(1, 1.0), r"has 1.0 twice"),
    (lambda: axis(-1, drawn=True), "axis 'turn' enters the cells' keys"),
    (lambda: axis(2**32, drawn=True), "axis 'turn' enters the cells' keys"),
    (lambda: study(axes=Toy().study().axes[:1] * 2), "different names"),
    (lambda: study(spec=object()), "no field seed"),
    (lambda: map_chunks(lambda keys: keys, repeat_keys(0, 0), 3), "0 and 3"),
    (lambda: map_chunks(lambda keys: keys, repeat_keys(0, 2), 0), "2 and 0"),
    (lambda: whole((5,), 3).places(2), "there are 2 chunks, and none is 2"),
    (lambda: whole((5,), 0), "size >= 1, got 0"),
]
ADVICE = [
    (lambda: Advice(data="x", confidence=1.0), r"confidence must be in \(0, 1\), got"),
    (lambda: Advice(data="x", energy=0.0), r"energy must be in \(0, 1\], got 0"),
    (lambda: Advice(data="x", folds=1), r"folds must be in \[2, inf\), got 1"),
]


@pytest.mark.parametrize(
    ("call", "message"),
    [*TRAINING, *SETTINGS, *ALIGNMENT, *ROWS, *DRAWS, *ENGINE, *ADVICE],
)
def test_it_is_refused_by_name_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_model_needs_the_axes_of_its_trainer():
    batch = jax.tree.map(lambda leaf: leaf[None], (LINEAR, RELU))
    for one, many in zip((LINEAR, RELU), batch, strict=True):
        with pytest.raises(ValueError, match=r"ax[ei]s of draws"):
            train_grid(one, [1], None, KEY[None])
        with pytest.raises(ValueError, match=r"shape|axes of draws"):
            train(many, 1, None, KEY)


@pytest.mark.parametrize("none", [None, 0, np.zeros(2), jnp.zeros(2)])
def test_training_without_a_key_says_that_it_needs_one(none):
    for key in (none, KEY[None]):
        with pytest.raises(ValueError, match=NEEDS_KEY):
            unchecked(train)(LINEAR, 1, None, key)
    for keys in (none, KEY):
        with pytest.raises(ValueError, match=r"^keys: an axis of keys of jax.random"):
            unchecked(train_grid)(LINEAR, [1], None, keys)
