"""What every study is made of: a spec whose fields are checked, and a Dataset."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

import numpy as np
import xarray as xr
from jaxtyping import Array, Key

from simulations import store
from simulations.engine.in_memory import Progress, in_memory
from simulations.engine.study import Axis, Columns, Study
from simulations.intervals import check

SQUARED = "labels' units squared"
# Of programs that train in thousands of cells: LLVM's optimiser makes them faster, nine
# times at best, also where the rest is compiled without it (`make verify`).
OPTIMISED = {"xla_backend_optimization_level": 2}
# Axes with spaces between them, what the values are, their units.
Described = tuple[str, str, str]
Spec = TypeVar("Spec", bound="Experiment")


def setting(
    default: Any,
    within: str | Callable[[Any], str] = "",
    why: str = "",
    /,
    *,
    ends: bool = False,
    unit: str = "1",
    **axis: str,
) -> Any:
    """Field of a spec. Its help is in the docstring of the class, under `Args`.

    Args:
        default: A number or a string, or a tuple of them.
        within: Range such as `[1, inf)`, or a function of the spec that returns it.
        why: What goes wrong outside.
        ends: Whether the default is the two ends of a range, the least first.
        unit: Of the values, if the field is an axis of the Dataset.
        **axis: Name of that axis and what it is. A tuple holds the values of the axis,
            a whole number `n` stands for 0, ..., n − 1.
    """
    known = {"within": within, "why": why, "ends": ends, "unit": unit, "axis": axis}
    return field(default=default, metadata=known)


@dataclass(frozen=True, kw_only=True)
class Experiment(ABC):
    """A study: its fields are the command line, and are saved with the results.

    Attributes:
        QUICK: Fields of the quick profile.
        COLUMNS: Variables of the Dataset.
        COORDINATES: Coordinates that neither a field nor a constant holds.
        LABELS: Constant coordinates: values, and what they are.

    Args:
        seed: Repeat `i` uses the key `fold_in(key(seed), i)`.
    """

    QUICK: ClassVar[Mapping[str, Any]] = {}
    COLUMNS: ClassVar[Mapping[str, Described]] = {}
    COORDINATES: ClassVar[Mapping[str, Described]] = {}
    LABELS: ClassVar[Mapping[str, tuple[tuple[str, ...], str]]] = {}

    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run, before anything is computed."""
        ranges = [one for one in fields(self) if one.metadata.get("within")]
        # A range that depends on other fields follows the checks of those.
        for one in sorted(ranges, key=lambda one: callable(one.metadata["within"])):
            value, within = getattr(self, one.name), one.metadata["within"]
            interval = str(within(self) if callable(within) else within)
            check(one.name, value, interval, one.metadata["why"])
            if one.metadata["ends"] and not (len(value) == 2 and value[0] < value[1]):
                raise ValueError(f"{one.name} must be least < largest, got {value}")

    @classmethod
    def quick(cls: type[Spec]) -> Spec:
        """Return the spec of the quick profile: under half a minute on two cores."""
        return cls(**cls.QUICK)

    @abstractmethod
    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Run the study in memory."""

    def dataset(self, values: Mapping[str, Any]) -> xr.Dataset:
        """Make the Dataset of the study, with units and provenance.

        Args:
            values: By the names of `COLUMNS` and `COORDINATES`, and others that are
                ignored. The axes of a DataArray may have any order.
        """
        coordinates = {name: entry for name, _, entry in self._axes()} | {
            name: (name, list(labels), what, "1")
            for name, (labels, what) in self.LABELS.items()
        }
        variables, others = (
            {name: _entry(*table[name], values[name]) for name in table}
            for table in (self.COLUMNS, self.COORDINATES)
        )
        return store.dataset(self, variables, coordinates | others)

    def _axes(self) -> list[tuple[str, str, store.Entry]]:
        """Name, field and entry of each axis that is a field."""
        found = []
        for one in fields(self):
            value, unit = getattr(self, one.name), one.metadata.get("unit", "1")
            values = range(value) if isinstance(value, int) else value
            for name, what in one.metadata.get("axis", {}).items():
                found.append((name, one.name, (name, list(values), what, unit)))
        return found


@dataclass(frozen=True, kw_only=True)
class CellExperiment(Experiment):
    """A study that the engine runs, cell by cell along `CELLS` and the repeats.

    Attributes:
        CELLS: Axes of the cells before that of the repeats, which alone is drawn.
        BATCH: Most cells of a call; found from memory if None.
        COMPILED: As in `simulations.engine.study.Study`.

    Args:
        repeats: Independent draws of tasks and data.
    """

    CELLS: ClassVar[tuple[str, ...]] = ()
    BATCH: ClassVar[int | None] = None
    COMPILED: ClassVar[bool] = False

    repeats: int = setting(100, "[1, inf)", repeat="independent draw")

    @abstractmethod
    def _cells(self, keys: Key[Array, " n"], points: Columns) -> Columns:
        """Compute a batch of cells: the kernel of the engine's `Study`.

        The fields of the axes of the cells, and the seed, are empty here.
        """

    def _derived(self, found: dict[str, Any]) -> dict[str, Any]:
        """Compute what `COLUMNS` and `COORDINATES` have and the kernel does not give.

        Args:
            found: Columns of all cells. Those of `COLUMNS` are DataArrays.
        """
        return {}

    def _batch(self) -> int | None:
        return self.BATCH

    def study(self) -> Study:
        """Return axes and kernel, for the engine."""
        fixed, axes, batch = copy.copy(self), [], self._batch()
        known = {name: field for name, field, _ in self._axes()}
        # What is compiled depends on neither the axes nor the seed.
        object.__setattr__(fixed, "seed", 0)
        for name in (*self.CELLS, "repeat"):
            value = getattr(self, known[name])
            whole = isinstance(value, int)
            values = range(value) if whole else value
            axes.append(Axis(name, values, known[name], drawn=name == "repeat"))
            object.__setattr__(fixed, known[name], 0 if whole else ())
        return Study(
            self,
            tuple(axes),
            fixed._cells,
            self.assemble,
            batch=None if batch is None else min(batch, self.repeats),
            compiled=self.COMPILED,
        )

    def run(self, progress: Progress | None = None) -> xr.Dataset:
        """Compute all cells in memory."""
        return in_memory(self.study(), progress)

    def assemble(self, columns: Mapping[str, Any]) -> xr.Dataset:
        """Make the Dataset of the columns of all cells.

        Axes of the cells come first in a column, then those of `COLUMNS` in their
        order. A variable without one of the axes of the cells is the mean over it.
        """
        cells, found = (*self.CELLS, "repeat"), dict(columns)
        for name in columns.keys() & self.COLUMNS.keys():
            axes = self.COLUMNS[name][0].split()
            inner = [axis for axis in axes if axis not in cells]
            array = xr.DataArray(np.asarray(columns[name]), dims=[*cells, *inner])
            gone = [axis for axis in cells if axis not in axes]
            found[name] = array.mean(gone) if gone else array
        return self.dataset(found | self._derived(found))


def _entry(axes: str, what: str, unit: str, values: Any) -> store.Entry:
    order = tuple(axes.split())
    if isinstance(values, xr.DataArray):
        values = values.transpose(*order)
    return order, np.asarray(values), what, unit


def gains(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `risk_joint` is below `risk_alone`, and relative to their sum.

    Where both risks are 0 neither is better, and the relative gain is 0.
    """
    alone, joint = found["risk_alone"], found["risk_joint"]
    both = alone + joint
    return {
        "gain": alone - joint,
        "relative_gain": (alone - joint) / (both + (both == 0)),
    }
