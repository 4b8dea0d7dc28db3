"""Commands on stores of cells: run, status, resume, merge, export."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro
import xarray as xr
from rich.console import Console

from simulations import provenance, store
from simulations.engine.cell_store import CellStore, holder
from simulations.engine.export import export
from simulations.engine.merge import merge
from simulations.engine.place import Here, Place
from simulations.engine.run import Choices, load_columns, run_cells
from simulations.engine.store_files import open_store
from simulations.engine.study import Spec

# Of the store of cells beside that of the finished study.
SUFFIX = ".cells"

Store = Annotated[Path, tyro.conf.Positional]


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Where cells are computed; in this process, on all its devices, by default.

    Args:
        workers: Worker processes on this machine, one a device.
        scheduler: Address of a Dask scheduler, tcp://... or tls://..., whose workers
            see the folder of the store.
        mixed: Go on with a store of another version of code or jax, or from another
            platform; it remembers all of them.
    """

    workers: int = 0
    scheduler: str = ""
    mixed: bool = False


@dataclass(frozen=True)
class Status:
    """Say what a store of cells holds, how far it is, and who runs on it.

    Args:
        store: Such as results/transfer.cells.
        check: Compare every chunk with its checksum.
    """

    store: Store
    check: bool = False


@dataclass(frozen=True)
class Resume:
    """Go on with a store of cells; damaged chunks are computed again.

    Args:
        store: Such as results/transfer.cells.
        cells_only: Make no Dataset of the whole, which must fit into memory.
        machines: Where.
    """

    store: Store
    cells_only: bool = False
    machines: tyro.conf.OmitArgPrefixes[Machines] = Machines()


@dataclass(frozen=True)
class Merge:
    """Make one store of several that differ in the values of their axes.

    Args:
        stores: Such as a.cells b.cells.
        out: Of the new store.
        mixed: Allow parts of other versions or platforms.
    """

    stores: Annotated[tuple[Path, ...], tyro.conf.Positional]
    out: Path
    mixed: bool = False


@dataclass(frozen=True)
class Export:
    """Write a finished store of cells to a file.

    Args:
        store: Such as results/transfer.cells.
        out: Ends in .nc (netCDF) or .parquet (Parquet, one row a cell).
    """

    store: Store
    out: Path


COMMANDS = {"status": Status, "resume": Resume, "merge": Merge, "export": Export}


def run_command(command: Any, kinds: Mapping[str, type], console: Console) -> str:
    """Do what is asked; what to print.

    Args:
        command: One of `COMMANDS`.
        kinds: Specs by the names of their classes.
        console: For the bar.
    """
    if isinstance(command, Status):
        return describe(command.store, check=command.check)

    def spec_of(attributes: dict[str, Any]) -> Spec:
        return _spec(attributes, kinds)

    if isinstance(command, Merge):
        new, cells = merge(command.stores, command.out, spec_of, mixed=command.mixed)
        return f"{command.out}: {cells:,} of {new.layout.cells:,} cells merged"
    found = open_store(command.store, write=False)
    spec = spec_of(found.attributes)
    if isinstance(command, Export):
        export(found, spec.study(), command.out)
        return f"{command.out}: written"
    done = run_spec(spec, command.store, command.machines, Choices(), console)
    if command.cells_only or command.store.suffix != SUFFIX:
        return f"{command.store}: all cells are done"
    out = command.store.with_suffix(".zarr")
    store.save(spec.study().assemble(load_columns(done, spec.study())), out)
    return f"{out}: written"


def run_spec(
    spec: Spec, path: Path, machines: Machines, choices: Choices, console: Console
) -> CellStore:
    """Run a sweep in the store at `path`, where it is asked to."""
    with _stoppable(), _place(machines) as place:
        return run_cells(spec.study(), path, place, choices, console)


@contextmanager
def _place(machines: Machines) -> Iterator[Place]:
    if machines.workers and machines.scheduler:
        raise ValueError("give --workers or --scheduler, not both")
    if not machines.workers and not machines.scheduler:
        yield Here()
        return
    try:
        from simulations.engine import local_cluster
    except ImportError as error:
        raise ValueError(
            f"--workers and --scheduler need dask ({error}): "
            "pip install 'information-transfer[cluster]'"
        ) from None
    # The devices are the workers'.
    jax.config.update("jax_platforms", "cpu")
    with (
        local_cluster.started(machines.workers)
        if machines.workers
        else local_cluster.connected(machines.scheduler)
    ) as place:
        yield place


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM, with which batch systems stop a job, do what Ctrl-C does."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _spec(attributes: dict[str, Any], kinds: Mapping[str, type]) -> Spec:
    name = attributes["experiment"]
    if name not in kinds:
        raise ValueError(f"no experiment here has the spec {name}")
    # `read_spec` looks at attributes alone.
    return provenance.read_spec(xr.Dataset(attrs=attributes), kinds[name])


def describe(path: Path, *, check: bool = False) -> str:
    """Say what a store is of, how far it is, and who runs on it.

    Args:
        path: Of the store, whose cells are not written to.
        check: Compare every chunk with its checksum.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: It is no store of cells.
    """
    store = open_store(path, write=False)
    found, layout, done = store.attributes, store.layout, store.done()
    cells = store.cells_in(done)
    axes = " x ".join(f"{axis.name} {len(axis):,}" for axis in store.axes)
    origin = found["origins"][-1]
    lines = [
        f"{path}: {found['experiment']}, {axes}",
        f"{cells:,} of {layout.cells:,} cells done ({cells / layout.cells:.1%}), "
        f"{len(done):,} of {layout.chunks:,} chunks of up to {layout.size:,} cells",
        f"columns {', '.join(found['columns'])}; spec {found['spec']}",
        f"version {origin['version']}, code {origin['code'][:12]}, "
        f"jax {origin['jax']}, {origin['float_bits']} bits, {origin['backend']} "
        f"({origin['device']})"
        + (f", {len(found['origins'])} origins" if len(found["origins"]) > 1 else ""),
    ]
    if check:
        damaged = [chunk for chunk in sorted(done) if store.read(chunk) is None]
        lines.append(
            f"{len(damaged)} damaged chunks {damaged[:10]}: resume computes them again"
            if damaged
            else "every chunk is as it was written"
        )
    try:
        running = holder(path)
        lines += [f"in use by {running}"] if running else []
    except OSError as error:
        lines.append(f"whether a run holds it cannot be told: {error}")
    return "\n".join(lines)
