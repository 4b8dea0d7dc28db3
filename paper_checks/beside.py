"""Sweeps in a process of their own, while the claims without sweeps are measured."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

from paper_checks.settings import Profile, Settings
from paper_checks.studies import simulated
from simulations.engine.process import share_cpu


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Run the sweeps that claims and figures rest on, and keep them in their stores.

    Args:
        results: Folder of the stores; those that are there are kept.
        profile: As of `python -m paper_checks`.
        seed: Of every random draw.
        all_figures: Studies as well that only figures need and that take minutes.
    """

    results: Path = Path("results")
    profile: Profile = "quick"
    seed: int = 0
    all_figures: bool = False


@contextmanager
def sweeping(settings: Settings, *, all_figures: bool) -> Iterator[subprocess.Popen]:
    """Start the process; it is gone when the block ends, however that is.

    What it did not finish, or failed at, is done by who asks for the sweep: stores are
    written whole or not at all.
    """
    command = [
        *(sys.executable, "-m", "paper_checks.beside"),
        *("--results", str(settings.results), "--profile", settings.profile),
        *("--seed", str(settings.seed)),
        "--all-figures" if all_figures else "--no-all-figures",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
    asked = tyro.cli(Arguments, prog="python -m paper_checks.beside", args=arguments)
    settings = Settings(profile=asked.profile, seed=asked.seed, results=asked.results)
    for sweep in simulated.all_sweeps(everything=asked.all_figures).values():
        sweep(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
