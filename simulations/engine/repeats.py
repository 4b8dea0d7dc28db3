"""Studies whose cells are repeats, each with all points of the study."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import xarray as xr
from jaxtyping import Array, Key

from simulations.engine.axes import Axis
from simulations.engine.study import Study

# Those of the spec that the cells see; some specs refuse one, for it has no error.
REPEATS = 2


class Columns(Protocol):
    """A NamedTuple of arrays whose first axis is that of the repeats."""

    def _asdict(self) -> dict[str, Any]: ...


Result = TypeVar("Result", bound=Columns)


def study_of_repeats(
    spec: Any,
    cells: Callable[[Any, Key[Array, " n"]], Result],
    result: Callable[..., Result],
    assemble: Callable[[Any, Result], xr.Dataset],
    *,
    batch: int,
    compiled: bool = False,
) -> Study:
    """A study along the one axis `repeat`; its keys are `fold_in(key(seed), i)`.

    Args:
        spec: Of the study, with fields `repeats` and `seed`.
        cells: Takes a spec and keys. What it compiles depends on neither `repeats` nor
            `seed`, so the spec that it gets has others than that of the study.
        result: Type of what it gives; its fields are the columns of the store.
        assemble: Makes the Dataset of the spec and of all repeats.
        batch: Most repeats of a call.
        compiled: As in `Study`.
    """
    fixed = replace(spec, repeats=REPEATS, seed=0)
    return Study(
        spec,
        (Axis("repeat", range(spec.repeats), "repeats", drawn=True),),
        lambda keys, _: cells(fixed, keys)._asdict(),
        lambda columns: assemble(spec, result(**columns)),
        batch=min(batch, spec.repeats),
        compiled=compiled,
    )
