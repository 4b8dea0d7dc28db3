"""A sweep whose cells cost next to nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from simulations import store
from simulations.engine.study import Axis, Study


@dataclass(frozen=True, kw_only=True)
class Toy:
    """A normal number and two more a cell.

    Args:
        slow: Seconds of sleep a batch.
        hungry: A batch with this count takes 960 MB and a second.
    """

    shifts: tuple[float, ...] = (0.0, 0.5)
    counts: tuple[int, ...] = (1, 2, 3)
    repeats: int = 4
    scale: float = 1.0
    batch: int = 4
    slow: float = 0.0
    hungry: int = 0
    seed: int = 0

    def study(self) -> Study:
        fixed = replace(self, shifts=(0.0,), counts=(1,), repeats=1, seed=0)
        return Study(
            self,
            (
                Axis("shift", self.shifts, "shifts"),
                Axis("count", self.counts, "counts", drawn=True),
                Axis("repeat", range(self.repeats), "repeats", drawn=True),
            ),
            partial(_slowly if self.slow or self.hungry else _cells, fixed),
            partial(_dataset, self),
            self.batch,
            compiled=not (self.slow or self.hungry),
        )


def _slowly(spec, keys, points):
    time.sleep(spec.slow)
    if spec.hungry in points["count"]:
        taken = np.ones(120_000_000)
        time.sleep(1.0)
        del taken
    return jax.device_get(_cells(spec, keys, points))


@partial(jax.jit, static_argnums=0)
def _cells(spec, keys, points):
    def cell(key, shift, count):
        normal = spec.scale * jax.random.normal(key, (2,))
        return {"a": shift + normal[0] * count, "b": normal, "above": normal[0] > shift}

    return jax.vmap(cell)(keys, points["shift"], jnp.asarray(points["count"]))


def _dataset(spec: Toy, columns: Mapping[str, np.ndarray]) -> xr.Dataset:
    axes = ("shift", "count", "repeat")
    return store.dataset(
        spec,
        {
            "a": (axes, columns["a"], "a", "1"),
            "b": ((*axes, "two"), columns["b"], "b", "1"),
            "above": (axes, columns["above"], "above", "1"),
        },
        {
            "shift": ("shift", list(spec.shifts), "shift", "1"),
            "count": ("count", list(spec.counts), "count", "1"),
        },
    )
