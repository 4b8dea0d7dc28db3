"""The trainer of Algorithm 1 against NumPy on the rows, and against closed forms."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.training import Status
from simulations.training.alignment import (
    Rounds,
    check_checkpoints,
    initial_point,
    train_alignment,
)
from tests import strategies
from tests.strategies import unchecked
from theory.alignment import AlignmentPoint, check_words
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics

K, D = 3, 4
KEY = jax.random.key(1)
ALPHA = np.array([0.5, 1.0, 2.0])
FEW = (0, 1, 7)
LONG = (0, 2_000, 20_000)


@pytest.fixture(scope="module")
def rows():
    return strategies.rows(1, K, D)


@pytest.fixture(scope="module")
def tasks(rows) -> TaskStatistics:
    return TaskStatistics.from_data(*rows)


@pytest.fixture(scope="module")
def alone(rows) -> float:
    fits = [
        np.sum((x @ np.linalg.lstsq(x, y, rcond=None)[0] - y) ** 2)
        for x, y in zip(*rows, strict=True)
    ]
    return float(ALPHA @ np.array(fits))


def plain_rounds(rows, start, ridge: float, rate: float, count: int):
    """Algorithm 1 on scaled rows, in NumPy; `B` moves."""
    xs, ys = rows
    grams = [x.T @ x for x in xs]
    size = np.sqrt(np.trace(sum(a * g for a, g in zip(ALPHA, grams, strict=True))) / D)
    label = np.sqrt(sum(a * y @ y for a, y in zip(ALPHA, ys, strict=True)))
    xs, ys = [x / size for x in xs], [y / label for y in ys]
    shared = np.array(start.shared) * size / label
    heads, maps = np.array(start.heads), np.array(start.maps)
    total = sum(a * np.linalg.norm(x.T @ x) for a, x in zip(ALPHA, xs, strict=True))

    def slope(i: int) -> np.ndarray:
        error = xs[i] @ maps[i] @ shared @ heads[i] - ys[i]
        return 2 * ALPHA[i] * xs[i].T @ error

    for _ in range(count):
        for i, (x, y) in enumerate(zip(xs, ys, strict=True)):
            length = rate / (ALPHA[i] * np.linalg.norm(x.T @ x))
            heads[i] = heads[i] - length * shared.T @ maps[i].T @ slope(i)
            stiff = 2 * length * ridge * ALPHA[i] * (y @ y)
            moved = maps[i] - length * np.outer(slope(i), shared @ heads[i])
            maps[i] = (moved + stiff * np.eye(D)) / (1 + stiff)
        change = sum(np.outer(maps[i].T @ slope(i), heads[i]) for i in range(K))
        shared = shared - rate / total * change
    return shared * label / size, heads, maps


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_rounds_are_those_of_the_rows(rows, tasks, ridge):
    rounds = Rounds(checkpoints=FEW, rate=0.2)
    run = train_alignment(tasks, 2, ALPHA, KEY, rounds=rounds, ridge=ridge)
    start = initial_point(tasks, 2, KEY, ALPHA)
    np.testing.assert_allclose(run.at(0).heads, start.heads, rtol=1e-14)
    for place, count in enumerate(FEW):
        expected = plain_rounds(rows, start, ridge, 0.2, count)
        found = run.at(place)
        for mine, theirs in zip(
            (found.shared, found.heads, found.maps), expected, strict=True
        ):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
        error = [
            a * np.sum((x @ theta - y) ** 2)
            for a, x, y, theta in zip(
                ALPHA, *rows, np.array(found.parameters), strict=True
            )
        ]
        np.testing.assert_allclose(run.losses[place], sum(error), rtol=1e-10)
    assert run.status == Status.OUT_OF_STEPS


def test_without_alignment_it_reaches_the_shared_optimum(tasks, alone):
    rounds = Rounds(maps="held", checkpoints=LONG, rate=0.3)
    run = train_alignment(tasks, 1, ALPHA, KEY, rounds=rounds)
    best = shared_optimum(tasks, 1, ALPHA)
    assert run.status == Status.CONVERGED
    np.testing.assert_allclose(run.losses[-1], best.loss, rtol=1e-10)
    assert float(best.loss) > 1.1 * alone


@pytest.mark.parametrize("reading", ["fixed", "moving"])
@pytest.mark.parametrize("maps", ["free", "orthogonal"])
def test_aligned_to_the_end_every_task_is_alone_at_width_one(
    tasks, alone, maps, reading
):
    start = initial_point(tasks, 1, KEY)
    start = AlignmentPoint(10 * start.shared, start.heads, start.maps)
    rounds = Rounds(maps=maps, reading=reading, checkpoints=LONG, rate=0.1)
    run = train_alignment(tasks, 1, ALPHA, KEY, rounds=rounds, start=start)
    np.testing.assert_allclose(run.losses[-1], alone, rtol=1e-9)
    if reading == "fixed":
        np.testing.assert_allclose(run.at(-1).shared, start.shared, rtol=1e-14)


@pytest.mark.long
def test_units_of_inputs_and_labels_change_nothing_else(rows, tasks):
    rounds = Rounds(checkpoints=FEW)
    first = train_alignment(tasks, 1, ALPHA, KEY, rounds=rounds, ridge=0.1)
    other = TaskStatistics.from_data(
        [10 * x for x in rows[0]], [3 * y for y in rows[1]]
    )
    second = train_alignment(other, 1, ALPHA, KEY, rounds=rounds, ridge=0.1)
    np.testing.assert_allclose(second.losses, 9 * first.losses, rtol=1e-10)
    np.testing.assert_allclose(second.path.maps, first.path.maps, rtol=1e-9, atol=1e-12)


def test_a_task_of_weight_zero_changes_nothing(tasks):
    rounds = Rounds(checkpoints=FEW)
    alpha = np.array([1.0, 0.0, 2.0])
    first = train_alignment(tasks, 1, alpha, KEY, rounds=rounds)
    wild = TaskStatistics(
        tasks.gram.at[1].multiply(1e6),
        tasks.moment.at[1].set(7.0),
        tasks.energy,
        tasks.samples,
    )
    second = train_alignment(wild, 1, alpha, KEY, rounds=rounds)
    np.testing.assert_array_equal(first.path.parameters[:, ::2],
                                  second.path.parameters[:, ::2])  # fmt: skip
    np.testing.assert_array_equal(second.path.maps[:, 1], first.path.maps[:, 1])


def test_a_batch_is_its_runs(tasks):
    rounds = Rounds(checkpoints=FEW)
    keys = jax.random.split(KEY, 2)
    ridges = jnp.array([0.0, 1.0])
    batch = jax.vmap(
        lambda key, ridge: train_alignment(
            tasks, 1, ALPHA, key, rounds=rounds, ridge=ridge
        )
    )(keys, ridges)
    for i in range(2):
        one = train_alignment(tasks, 1, ALPHA, keys[i], rounds=rounds, ridge=ridges[i])
        np.testing.assert_allclose(batch.losses[i], one.losses, rtol=1e-10)


@pytest.mark.long
def test_too_long_a_step_diverges_at_a_point_that_is_finite(tasks):
    rounds = Rounds(rate=1e6, checkpoints=(0, 1, 100))
    run = train_alignment(tasks, 1, ALPHA, KEY, rounds=rounds)
    assert run.status == Status.DIVERGED
    assert np.isinf(run.change)
    for leaf in (run.losses, *jax.tree.leaves(run.path)):
        assert np.isfinite(leaf).all()
    np.testing.assert_array_equal(run.losses[-1], run.losses[-2])


def test_bad_arguments_are_named(tasks):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"rate": 0.0}, "rate must be finite and above 0"),
        ({"tolerance": np.inf}, "tolerance must be finite"),
        ({"checkpoints": (3, 1)}, "checkpoints must ascend"),
        ({"checkpoints": ()}, "checkpoints must ascend"),
    ]
    for words, message in wrong:
        with pytest.raises(ValueError, match=message):
            Rounds(**words)
    with pytest.raises(ValueError, match="checkpoints must be whole"):
        unchecked(check_checkpoints)((0, 1.5))
    for words, message in ((("loose", "fixed"), "maps"), (("free", "no"), "reading")):
        with pytest.raises(ValueError, match=f"{message} must be one of"):
            unchecked(check_words)(*words, 0.0)
    train = unchecked(train_alignment)
    start = initial_point(tasks, 1, KEY)
    lost = AlignmentPoint(start.shared * np.nan, start.heads, start.maps)
    for words, message in (
        ({"ridge": -1.0}, "ridge must be finite"),
        ({"ridge": 1.0, "rounds": Rounds(maps="held")}, "ridge is for free maps"),
        ({"width": 0}, "width must be an integer >= 1, got 0"),
        ({"weights": np.array([1.0, 1.0])}, "weights must be a list"),
        ({"weights": np.array([1.0, -1.0, 1.0])}, "task 1: weights"),
        ({"width": 2, "start": start}, "start.shared has shape"),
        ({"start": lost}, "start.shared has a NaN"),
    ):
        arguments = {"width": 1, "weights": None} | words
        with pytest.raises(ValueError, match=message):
            train(tasks, key=KEY, **arguments)


@pytest.mark.parametrize("none", [None, 0])
def test_a_run_without_a_key_says_that_it_needs_one(none, tasks):
    for one in (train_alignment, initial_point):
        with pytest.raises(ValueError, match=r"^key: one key of jax.random is needed"):
            unchecked(one)(tasks, 1, **{"weights": None, "key": none})
