import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulations.engine.study import Axis, cell_keys, points_of
from tests.simulations.engine.toy import Toy


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((), r"axis 'turn' is empty: give turns a value"),
        ((0.5, float("nan")), r"axis 'turn' has the value nan.*finite"),
        ((float("inf"),), r"has the value inf"),
        ((True,), r"has the value True"),
        (("a",), r"has the value 'a'"),
        ((0.5, 1.0, 0.5), r"axis 'turn' has 0.5 twice"),
        ((0.0, -0.0), r"has -0.0 twice"),
        ((1, 1.0), r"has 1.0 twice"),
    ],
)
def test_what_is_no_axis_is_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        Axis("turn", values, "turns")


def test_a_drawn_axis_of_whole_numbers_keeps_to_one_word():
    Axis("m", (-1, 2**40), "ms")
    for values in ((-1,), (2**32,)):
        with pytest.raises(ValueError, match=r"axis 'm' enters the cells' keys"):
            Axis("m", values, "ms", drawn=True)


def test_a_sweep_needs_axes_of_different_names_and_a_seed():
    study = Toy().study()
    with pytest.raises(ValueError, match="different names"):
        dataclasses.replace(study, axes=(study.axes[0], study.axes[0]))
    with pytest.raises(ValueError, match="no field seed"):
        dataclasses.replace(study, spec=object())


def words(axes, *places):
    return points_of(axes, np.array(places)[:, None]).words


def keys_of(words):
    return jax.random.key_data(cell_keys(jax.random.key(3), jnp.asarray(words)))


def test_with_repeats_alone_a_key_is_that_of_every_other_sweep():
    axes = (
        Axis("turn", (0.0, 0.5), "turns"),
        Axis("repeat", range(9), "n", drawn=True),
    )
    expected = jax.random.key_data(jax.random.fold_in(jax.random.key(3), 7))
    assert np.array_equal(keys_of(words(axes, 0, 7))[0], expected)
    assert np.array_equal(keys_of(words(axes, 1, 7))[0], expected), "not drawn: paired"


def test_a_key_depends_on_values_and_not_on_places():
    repeat = Axis("repeat", range(9), "n", drawn=True)
    short = (Axis("x", (0.25, 1.0), "xs", drawn=True), repeat)
    long = (Axis("x", (-2.0, 1.0, 0.75, 0.25), "xs", drawn=True), repeat)
    assert np.array_equal(words(short, 0, 4), words(long, 3, 4))
    found = {tuple(words(long, i, j)[0]) for i in range(4) for j in range(9)}
    assert len(found) == 36
    zeros = [Axis("x", (zero,), "xs", drawn=True) for zero in (0.0, -0.0)]
    assert np.array_equal(words(zeros[:1], 0), words(zeros[1:], 0))
