"""Run a study and keep its data: `python -m simulations transfer --out results`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
import xarray as xr
from rich.console import Console
from rich.progress import Progress as Bar

from simulations import store
from simulations.advice.advise import Advice
from simulations.advice.group import Grouping
from simulations.advice.group import command as group
from simulations.advice.report import command as advise
from simulations.engine.cell_store import CellStore
from simulations.engine.commands import (
    COMMANDS,
    SUFFIX,
    Machines,
    run_command,
    run_spec,
)
from simulations.engine.in_memory import Progress
from simulations.engine.process import prepare_process
from simulations.engine.run import Choices, StoppedError, load_columns
from simulations.experiments.registry import EXPERIMENTS

# What a shell expects of a process that Ctrl-C ended.
STOPPED = 130


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the data goes.

    Args:
        out: Folder of the stores; this one is called by the experiment's name.
        rewrite: Replace a store of another spec or version instead of refusing.
    """

    out: Path = Path("results")
    rewrite: bool = False


@dataclass(frozen=True, kw_only=True)
class CellOutput(Output, Machines):
    """Where the data goes, and where its cells are computed.

    Args:
        out: Folder of the store; beside it, called NAME.cells, is that of the cells.
        rewrite: Replace stores of another spec or version instead of refusing.
        resume: Let axes grow: keep the cells that are there and add the new ones.
        workers: Worker processes on this machine, one a device; without it cells are
            computed in this process, on all its devices.
        scheduler: Address of a Dask scheduler, tcp://... or tls://..., whose workers
            see the folder of the store.
        mixed: Go on with cells of another version of code or jax, or from another
            platform.
        cells_only: Make no Dataset of the whole, which must fit into memory.
    """

    resume: bool = False
    cells_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where an answer goes.

    Args:
        out: Folder of the store and the picture, both called by the command's name.
        overwrite: Replace an answer that is there already instead of refusing.
    """

    out: Path = Path("results")
    overwrite: bool = False

    def free(self, name: str) -> Path:
        """Return the folder, if no answer of this name is in it or may be replaced.

        Raises:
            ValueError: There is one.
        """
        path = self.out / f"{name}.zarr"
        if path.exists() and not self.overwrite:
            raise ValueError(
                f"{path} is there already: replace it with --overwrite, or name "
                "another folder with --out"
            )
        return self.out


@dataclass(frozen=True)
class Nothing:
    """What a command has that names its own files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 and one line of text if it cannot be."""
    prepare_process()
    console = Console(stderr=True)
    try:
        spec, output = _parse(arguments)
        print(_done(spec, output, console))
    except StoppedError as stopped:
        print(f"simulations: {stopped}", file=sys.stderr)
        return STOPPED
    except (ValueError, OSError, RuntimeError) as error:
        print(f"simulations: {error}", file=sys.stderr)
        return 1
    return 0


def _done(spec: Any, output: Any, console: Console) -> str:
    """Do what is asked; what to print."""
    if isinstance(spec, Advice):
        return advise(spec, output.free("advice"))
    if isinstance(spec, Grouping):
        return group(spec, output.free("groups"))
    if isinstance(spec, tuple(COMMANDS.values())):
        kinds = {kind.__name__: kind for kind in EXPERIMENTS.values()}
        return run_command(spec, kinds, console)
    name = {kind: name for name, kind in EXPERIMENTS.items()}[type(spec)]
    cells = isinstance(output, CellOutput)
    if cells and output.cells_only:
        return f"{_cells(spec, output, name, console).path}: all cells are done"

    def run(wanted: Any) -> xr.Dataset:
        if cells:
            done = _cells(wanted, output, name, console)
            return wanted.assemble(load_columns(done, wanted.study()))
        with _progress(name, console) as progress:
            return wanted.run(progress)

    return store.load_or_run(
        spec,
        run,
        output.out / f"{name}.zarr",
        difference="rewrite"
        if output.rewrite or (cells and output.resume)
        else "refuse",
    ).message


def _cells(spec: Any, output: Any, name: str, console: Console) -> CellStore:
    choices = Choices(extend=output.resume, mixed=output.mixed, replace=output.rewrite)
    return run_spec(spec, output.out / f"{name}{SUFFIX}", output, choices, console)


def _parse(arguments: Sequence[str] | None) -> tuple[Any, Any]:
    commands = {
        name: _command(kind, CellOutput if hasattr(kind, "study") else Output)
        for name, kind in EXPERIMENTS.items()
    }
    commands["advise"] = _command(Advice, Folder)
    commands["group"] = _command(Grouping, Folder)
    commands |= {name: _command(kind, Nothing) for name, kind in COMMANDS.items()}
    chosen = tyro.extras.subcommand_cli_from_dict(
        commands,
        prog="python -m simulations",
        description=__doc__,
        args=arguments,
        config=(tyro.conf.OmitArgPrefixes,),
    )
    return chosen


def _command(kind: type, place: type) -> Callable[..., tuple[Any, Any]]:
    def command(spec: Any, output: Any) -> tuple[Any, Any]:
        return spec, output

    command.__annotations__.update(spec=kind, output=place)
    command.__doc__ = kind.__doc__
    return command


@contextmanager
def _progress(name: str, console: Console) -> Iterator[Progress | None]:
    """Show a bar on a terminal, nothing elsewhere."""
    if not console.is_terminal:
        yield None
        return
    with Bar(console=console, transient=True) as bar:
        task = bar.add_task(name)
        yield lambda done, total: bar.update(task, completed=done, total=total)


if __name__ == "__main__":
    sys.exit(main())
