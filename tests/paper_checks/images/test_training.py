"""Training on images: what is learned, from which labels, and what is refused."""

import copy
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from paper_checks.images import training
from paper_checks.images.training import Fit, Training, fit, new_model
from paper_checks.networks.densenet import DenseNetConfig
from tests.paper_checks.images.made_up import labelled

NETWORK = DenseNetConfig(growth=4, blocks=(1,))
HOW = Training(network=NETWORK, batch=20, rate=0.02, passes=8)
DATA = labelled()
# Not divisible by the batch: ten images are left out of each pass.
ONES = np.ones(3)


@pytest.fixture(scope="module")
def learned() -> Fit:
    return fit(DATA, ONES, HOW, 0)


def test_what_is_in_the_images_is_learned_and_chance_is_not(learned: Fit):
    best = learned.test[learned.chosen]
    assert learned.test.shape == learned.dev.shape == (8, 3)
    assert best[:2].min() > 0.9
    assert 0.2 < best[2] < 0.8
    assert learned.loss[-1] < learned.loss[0]


def test_one_program_serves_all_weights_seeds_and_labels(learned: Fit):
    programs = training._step._cache_size  # pyright: ignore
    before = programs()
    said: list[str] = []
    again = fit(DATA, ONES, HOW, 0, report=said.append)
    np.testing.assert_array_equal(again.test, learned.test)
    assert len(said) == 8
    assert "pass 8 of 8" in said[7]
    other = fit(DATA, ONES, HOW, 1)
    assert np.any(other.test != learned.test)
    assert programs() == before


def test_a_task_without_weight_teaches_nothing_and_labels_are_the_ones_given():
    train = DATA.labels[DATA.part["train"]]
    first = fit(DATA, [2, 0, 0], HOW, 0)
    wrong = train.copy()
    wrong[:, 1:] = 1 - wrong[:, 1:]
    same = fit(DATA, [2, 0, 0], HOW, 0, labels=wrong)
    np.testing.assert_array_equal(first.test, same.test)
    turned = fit(DATA, [2, 0, 0], HOW, 0, labels=1 - train)
    assert first.test[-1, 0] > 0.9
    assert turned.test[-1, 0] < 0.1
    # Weights are shares of one sum: the same network learns the other task.
    second = fit(DATA, [0, 2, 0], HOW, 0)
    assert second.test[-1, 1] > 0.9
    assert second.test[-1, 0] < 0.9


def test_scores_of_an_image_do_not_depend_on_other_images_of_its_part(learned: Fit):
    pixels = DATA.pixels.copy()
    pixels[DATA.part["test"]] = 255 - pixels[DATA.part["test"]]
    found = fit(replace(DATA, pixels=pixels), ONES, HOW, 0)
    np.testing.assert_array_equal(found.dev, learned.dev)
    assert np.any(found.test != learned.test)


def test_the_pass_is_chosen_on_the_dev_part():
    dev = np.array([[0.5, 0.6, np.nan], [0.9, 0.8, np.nan], [0.95, 0.7, np.nan]])
    test = np.array([[0.9] * 3, [0.1] * 3, [0.8] * 3])
    assert Fit(np.zeros(3), dev, test).chosen == 1
    assert Fit(np.zeros(3), np.full((3, 3), np.nan), test).chosen == 2


def test_a_task_of_one_class_in_the_dev_part_is_known_and_not_used():
    labels = DATA.labels.copy()
    labels[DATA.part["dev"], 1] = 0
    data = replace(DATA, labels=labels)
    assert data.one_class("dev") == (1,)
    found = fit(data, ONES, replace(HOW, passes=1), 0)
    np.testing.assert_array_equal(np.isnan(found.dev[0]), [False, True, False])
    assert np.isfinite(found.test).all()


def test_a_shared_layer_has_its_capacity():
    how = replace(HOW, width=3)
    model = new_model(how, 5, np.random.default_rng(0))
    assert model.shared is not None
    assert model.shared.shape == (model.network.width, 3)
    assert model.heads.shape == (5, 3)
    wide = new_model(HOW, 5, np.random.default_rng(0))
    assert wide.shared is None
    assert wide.heads.shape == (5, model.network.width)


@pytest.mark.parametrize(
    ("weights", "fields", "labels", "message"),
    [
        ([1, 1], {}, None, r"weights must be a list of 3 numbers, got shape \(2,\)"),
        ([1, -1, 1], {}, None, "task 1: weights must be finite and >= 0, got -1"),
        ([0, 0, 0], {}, None, "weights are all zero"),
        (ONES, {"batch": 61}, None, "a batch of 61 images needs as many, .* has 60"),
        (ONES, {}, np.ones((60, 2)), r"labels must be 60 x 3 .* \(60, 2\)"),
        (ONES, {}, np.full((60, 3), 2), "left: labels to train on must be 0 or 1"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(weights, fields, labels, message):
    with pytest.raises(ValueError, match=message):
        fit(DATA, weights, replace(HOW, **fields), 0, labels=labels)


def test_scores_that_are_not_finite_are_named():
    model = new_model(HOW, 3, np.random.default_rng(0))
    model = replace(model, offset=model.offset.at[1].set(np.nan))
    with pytest.raises(ValueError, match="top: scores after pass 3 are not finite"):
        training._held(model, jnp.asarray(DATA.inputs()), DATA, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pixels": DATA.pixels[:, :8]}, "images must be square, got 8 x 16 pixels"),
        ({"labels": 2 * DATA.labels}, "left: labels must be 0 or 1, got 2"),
        ({"labels": DATA.labels[:, :2]}, r"shape \(120, 3\), got \(120, 2\)"),
        ({"labels": 0 * DATA.labels}, "left: all 60 labels of the train part are"),
        ({"part": DATA.part | {"dev": np.arange(0)}}, "the dev part has no image"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        replace(DATA, **changed)


@pytest.mark.parametrize("pixels", [DATA.pixels[..., None], DATA.pixels[0]])
def test_coloured_images_and_a_single_one_are_refused(pixels):
    # Past jaxtyping's check of shapes, which only tests have.
    one = copy.copy(DATA)
    object.__setattr__(one, "pixels", pixels)
    with pytest.raises(ValueError, match=r"grey, .*\(n, side, side\), got shape \("):
        one.__post_init__()
