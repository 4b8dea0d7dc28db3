import jax
import numpy as np

from simulations.engine.in_memory import map_chunks, repeat_keys


def test_repeats_do_not_depend_on_their_number_or_on_chunks():
    sizes = []

    @jax.vmap
    def draw(key):
        return {"a": jax.random.normal(key, (2,)), "b": jax.random.uniform(key)}

    def function(keys):
        sizes.append(len(keys))
        return draw(keys)

    few, many = repeat_keys(3, 5), repeat_keys(3, 7)
    told = []
    in_chunks = map_chunks(function, many, 3, lambda *now: told.append(now))
    assert sizes == [3, 3, 3], "another size would be compiled anew"
    assert told == [(3, 7), (6, 7), (7, 7)]
    at_once = map_chunks(draw, few, 100)
    for name in ("a", "b"):
        assert np.array_equal(in_chunks[name][:5], at_once[name])
        assert len(in_chunks[name]) == 7
