"""A chunk computed: batches of cells spread over the devices of the process."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from jaxtyping import Array, Key, UInt32

from simulations.engine.points import Points
from simulations.engine.study import Columns, Kernel, Study, cell_keys

CELL = "cell"


class ChunkProgram:
    """Compute chunks of a study.

    Each device runs the kernel on `batch` cells a call, whatever the number of devices
    and the size of chunks: the same program, and so the same bits. A call ends before
    the next begins: see `simulations.engine.chunks.map_chunks` on deadlocks.
    """

    def __init__(self, study: Study, batch: int, devices: list[Any]) -> None:
        """Prepare; the first call compiles."""
        self._seed = jax.random.key(study.spec.seed)
        self.devices = devices if study.compiled else devices[:1]
        self.step = batch * len(self.devices)
        if study.compiled:
            mesh = jax.make_mesh(
                (len(devices),), (CELL,), (AxisType.Auto,), devices=devices
            )
            fixed = {k: v for k, v in study.fixed.items() if k != "seed"}
            program = _Kernel(type(study.spec), json.dumps(fixed), study.kernel)
            self._call = _spread(program, mesh)
            split = NamedSharding(mesh, PartitionSpec(CELL))
            one = len(devices) == 1
            # One device takes NumPy's arrays as they are, which is ten times faster.
            self._place = (
                (lambda leaf: leaf) if one else partial(jax.device_put, device=split)
            )
        else:
            self._call = partial(_plain, study)
            self._place = lambda leaf: leaf

    def __call__(self, points: Points) -> dict[str, np.ndarray]:
        """Columns of the cells, in memory."""
        count = len(points.words)
        parts = [self._batch(points, start) for start in range(0, count, self.step)]
        return {
            name: np.concatenate([part[name] for part in parts])[:count]
            for name in parts[0]
        }

    def compiled(self, points: Points) -> Any:
        """The compiled program for one call, to ask it for its memory."""
        return self._call.lower(*self._arguments(points, 0)).compile()  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]

    def _batch(self, points: Points, start: int) -> dict[str, np.ndarray]:
        return jax.device_get(self._call(*self._arguments(points, start)))

    def _arguments(self, points: Points, start: int) -> tuple[Any, Any, Any]:
        # The last batch repeats its last cell: one shape, one program.
        place = np.minimum(np.arange(start, start + self.step), len(points.words) - 1)
        cells = (points.words[place], {k: v[place] for k, v in points.values.items()})
        return (self._seed, *self._place(cells))


@dataclass(frozen=True)
class _Kernel:
    """A kernel, equal to others of its spec's class and fixed fields but the seed."""

    kind: type
    fixed: str
    function: Kernel = field(compare=False)


@lru_cache(maxsize=16)
def _spread(kernel: _Kernel, mesh: jax.sharding.Mesh) -> Callable[..., Any]:
    whole, split = PartitionSpec(), PartitionSpec(CELL)

    def cells(
        seed: Key[Array, ""], words: UInt32[Array, "n w"], values: Columns
    ) -> Columns:
        return dict(kernel.function(cell_keys(seed, words), values))

    # Some of jax's own loops do not say on which axes their carry varies.
    return jax.jit(
        jax.shard_map(
            cells,
            mesh=mesh,
            in_specs=(whole, split, split),
            out_specs=split,
            check_vma=False,
        )
    )


def _plain(
    study: Study,
    seed: Key[Array, ""],
    words: UInt32[np.ndarray, "n w"],
    values: Columns,
) -> Columns:
    return dict(study.kernel(cell_keys(seed, jnp.asarray(words)), values))
