"""Run a study and keep its data: `python -m simulations transfer --out results`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import tyro
import xarray as xr
from rich.console import Console
from rich.progress import Progress as Bar

from simulations import store
from simulations.advice.advise import Advice
from simulations.advice.command import command as advise
from simulations.chunks import Progress
from simulations.cpu_threads import share_cpu
from simulations.experiments import (
    alignment,
    capacity,
    classification,
    phase_map,
    relu_capacity,
    similarity,
    trained_gap,
    transfer,
    transfer_relu,
    weights,
)

# Name on the command line and of the store: spec, run.
EXPERIMENTS: dict[str, tuple[type, Callable[[Any, Progress | None], xr.Dataset]]] = {
    "transfer": (transfer.TransferSweep, transfer.run),
    "capacity": (capacity.CapacitySweep, capacity.run),
    "similarity": (similarity.SimilaritySweep, similarity.run),
    "weights": (weights.WeightsSweep, weights.run),
    "classification": (classification.ClassificationSweep, classification.run),
    "alignment": (alignment.AlignmentSweep, alignment.run),
    "phase_map": (phase_map.PhaseMap, phase_map.run),
    "trained_gap": (trained_gap.TrainedGap, trained_gap.run),
    "transfer_relu": (transfer_relu.TransferReluSweep, transfer_relu.run),
    "relu_capacity": (relu_capacity.ReluCapacity, relu_capacity.run),
}


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
class Folder:
    """Where advice goes.

    Args:
        out: Folder of the store and the picture, both called advice.
    """

    out: Path = Path("results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 and one line of text if it cannot be."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
    console = Console(stderr=True)
    try:
        spec, output = _parse(arguments)
        if isinstance(spec, Advice):
            print(advise(spec, output.out))
            return 0
        name, run = _experiment(spec)
        result = store.load_or_run(
            spec,
            lambda wanted: _run(run, wanted, name, console),
            output.out / f"{name}.zarr",
            difference="rewrite" if output.rewrite else "refuse",
        )
    except (ValueError, OSError) as error:
        print(f"simulations: {error}", file=sys.stderr)
        return 1
    print(result.message)
    return 0


def _parse(arguments: Sequence[str] | None) -> tuple[Any, Any]:
    commands = {name: _command(kind, Output) for name, (kind, _) in EXPERIMENTS.items()}
    commands["advise"] = _command(Advice, Folder)
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


def _experiment(spec: Any) -> tuple[str, Callable[..., xr.Dataset]]:
    for name, (kind, run) in EXPERIMENTS.items():
        if isinstance(spec, kind):
            return name, run
    raise ValueError(f"no experiment has a spec {type(spec).__name__}")


def _run(
    run: Callable[..., xr.Dataset], spec: Any, name: str, console: Console
) -> xr.Dataset:
    with _progress(name, console) as progress:
        return run(spec, progress)


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
