import dataclasses

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from simulations.engine.in_memory import repeat_keys
from simulations.experiments import classification
from simulations.experiments.classification import (
    SOURCES,
    ClassificationSweep,
)

SMALL = ClassificationSweep(
    samples_target=(40, 150),
    angles=(0.0, 25.0),
    samples_source=80,
    shown=(25.0, 40),
    repeats=5,
)


@pytest.fixture(scope="module")
def data():
    return SMALL.run()


def test_axes_gains_and_sources(data):
    axes = ("angle", "source", "samples_target", "repeat")
    assert data["gain"].dims == data["accuracy_joint"].dims == axes
    assert data["accuracy_alone"].dims == axes[2:]
    assert data["source"].values.tolist() == list(SOURCES)
    gain = data["accuracy_joint"].values - data["accuracy_alone"].values
    assert np.array_equal(data["gain"], gain)
    assert (np.abs(data["accuracy_joint"] - 0.5) <= 0.4).all()
    assert data["converged_alone"].min() > 0.9


def drawn(repeat: int, angle: float):
    key = jax.random.split(repeat_keys(SMALL.seed, SMALL.repeats)[repeat])[0]
    return classification._drawn(key, np.deg2rad(angle), SMALL)


def test_alone_is_logistic_regression(data):
    for repeat in range(3):
        target, _ = drawn(repeat, 25.0)
        for index, m in enumerate(SMALL.samples_target):
            x, y = np.asarray(target.inputs)[:m], np.asarray(target.labels)[:m]
            peer = LogisticRegression(
                C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-10
            ).fit(x, y)
            turn = np.rad2deg(np.arctan2(*peer.coef_[0][::-1]))
            found = data["turn_alone"][index, repeat]
            # Trained until the gradient is 1e-6; curvatures are above 1e-2.
            assert float(found) == pytest.approx(turn, abs=0.01)


def test_joint_is_the_best_common_direction(data):
    """For a direction the heads are found one by one: a search over one angle."""
    repeat, m = 1, SMALL.samples_target[0]
    target, sources = drawn(repeat, 25.0)

    def least(x, y, angle):
        along = x @ [np.cos(angle), np.sin(angle)]
        peer = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8)
        head = peer.fit(along[:, None], y).coef_[0, 0]
        loss = np.sum(np.logaddexp(0, -np.where(y > 0, 1, -1) * head * along))
        return loss, head

    for source in range(2):
        tasks = [
            (np.asarray(target.inputs)[:m], np.asarray(target.labels)[:m]),
            (np.asarray(sources.inputs)[source], np.asarray(sources.labels)[source]),
        ]
        angles = np.deg2rad(np.arange(-90, 90, 1.0))
        losses = [sum(least(x, y, angle)[0] for x, y in tasks) for angle in angles]
        best = angles[np.argmin(losses)]
        x, y = tasks[0]
        head = least(x, y, best)[1]
        turn = np.rad2deg(best) + (180 if head < 0 else 0)
        found = float(data["turn_joint"].sel(angle=25.0)[source, 0, repeat])
        # The grid's step.
        assert abs((found - turn + 180) % 360 - 180) <= 1.0


def test_accuracy_is_that_on_a_large_test_sample(data):
    test, _ = classification._drawn(
        jax.random.key(9), 0.0, dataclasses.replace(SMALL, samples_target=(40, 400_000))
    )
    x, y = np.asarray(test.inputs), np.asarray(test.labels)
    for repeat in range(3):
        turn = np.deg2rad(float(data["turn_joint"][1, 1, 0, repeat]))
        said = x @ [np.cos(turn), np.sin(turn)] > 0
        share = float(data["accuracy_joint"][1, 1, 0, repeat])
        # Five standard errors of a share near 0.85.
        assert np.mean(said == y) == pytest.approx(share, abs=5 * 0.36 / 400_000**0.5)


def test_sources_have_one_boundary_and_other_inputs():
    spec = dataclasses.replace(SMALL, samples_source=100_000)
    normal = np.array([np.cos(np.deg2rad(25)), np.sin(np.deg2rad(25))])
    along = np.array([-normal[1], normal[0]])
    _, sources = classification._drawn(jax.random.key(2), np.deg2rad(25), spec)
    for index, stretch in enumerate((1, spec.stretch, 1)):
        x = np.asarray(sources.inputs)[index]
        side = x @ normal > 0
        flipped = np.mean(side != (np.asarray(sources.labels)[index] > 0))
        # Five standard errors, of a share and of a standard deviation.
        assert flipped == pytest.approx(spec.flips, abs=5 * 0.3 / 100_000**0.5)
        assert np.std(x @ normal) == pytest.approx(1, rel=5 / 200_000**0.5)
        assert np.std(x @ along) == pytest.approx(stretch, rel=5 / 200_000**0.5)


def test_the_control_is_source_3_with_other_inputs():
    _, sources = drawn(0, 25.0)
    assert np.array_equal(sources.labels[1], sources.labels[2])
    assert not np.array_equal(sources.labels[0], sources.labels[2])


@pytest.mark.long
def test_the_grid_does_not_change_what_is_drawn():
    target, sources = drawn(0, 25.0)
    short = dataclasses.replace(SMALL, samples_target=(40,), samples_source=30)
    key = jax.random.split(repeat_keys(SMALL.seed, SMALL.repeats)[0])[0]
    few, some = classification._drawn(key, np.deg2rad(25.0), short)
    assert np.array_equal(few.inputs, target.inputs[:40])
    assert np.array_equal(few.labels, target.labels[:40])
    assert np.array_equal(some.labels, sources.labels[:, :30])


def test_the_picture_is_of_one_draw(data):
    repeat = int(data["shown_repeat"])
    target, sources = drawn(repeat, 25.0)
    np.testing.assert_array_equal(data["shown_inputs"][0, :40], target.inputs[:40])
    assert np.isnan(data["shown_inputs"][0, 40:]).all()
    for index in (1, 2):
        wanted = sources.inputs[index - 1]
        np.testing.assert_allclose(data["shown_inputs"][index], wanted, rtol=1e-12)
    cell = data.sel(angle=25.0, samples_target=40).isel(repeat=repeat)
    turns = [cell["turn_alone"], *cell["turn_joint"][:2]]
    assert data["shown_turn"].values.tolist() == [float(turn) for turn in turns]
