import jax
import jax.numpy as jnp
import numpy as np

from simulations.engine.study import Axis, cell_keys, points_of


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
