import dataclasses

import jax

from simulations.engine import program
from simulations.engine.program import FEW_CALLS, Sizes, measure_sizes
from tests.simulations.engine.toy import Toy


def test_a_kernel_that_is_not_compiled_is_called_with_whole_batches_and_once():
    study = Toy(slow=1e-9).study()
    called = []

    def kernel(keys, points):
        called.append({len(keys), *map(len, points.values())})
        return study.kernel(keys, points)

    watched = dataclasses.replace(study, kernel=kernel)
    assert measure_sizes(watched, jax.devices()[:1]) == Sizes(4, 4)
    for _ in range(2):
        shapes = {name: found.shape for name, found in watched.shapes.items()}
        assert shapes == {"a": (), "b": (2,), "above": ()}
    assert called == [{4}]


def test_many_calls_share_a_chunk(monkeypatch):
    # However slow the machine is at this moment.
    monkeypatch.setattr(program, "CHUNK_SECONDS", 1e9)
    # Six cells a repeat, four a call.
    few = Toy(repeats=FEW_CALLS * 4 // 6)
    assert measure_sizes(few.study(), jax.devices()[:1]) == Sizes(4, 4)
    more = Toy(repeats=few.repeats + 6)
    batch, chunk = measure_sizes(more.study(), jax.devices()[:1])
    assert (batch, chunk) == (4, 4 * -(-more.study().cells // 4))
