"""Alignment on BERT and GLUE: `python -m paper_checks.bert --help`."""

import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from paper_checks.bert import plan, results, similarity, speed
from paper_checks.bert.problem import load_problem
from paper_checks.bert.run import Machine, Protocol, Run, runs
from paper_checks.bert.sharding import Hosts
from paper_checks.bert.train import train
from paper_checks.studies.bert_alignment import COMMITTED
from simulations.engine.process import share_cpu


@dataclass(frozen=True, kw_only=True)
class Leave:
    """What a run leaves besides its scores.

    Args:
        sampled: Rows of a task that eq 5 is taken from, before and after a run of
            several tasks, and put into its result; not at all if 0.
        keep: Keep the checkpoints of a run that has its result.
    """

    sampled: int = 0
    keep: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            ValueError: The message names the field.
        """
        if self.sampled < 0:
            raise ValueError(f"sampled must be >= 0, got {self.sampled}")


@dataclass(frozen=True, kw_only=True)
class One:
    """Train one model and score it; a run that was cut short goes on.

    Args:
        run: What is trained.
        machine: How.
        hosts: On which machines.
        leave: What a run leaves besides its scores.
        data: Folder of real data.
        out: Folder of results and checkpoints.
    """

    data: Path
    run: Annotated[Run, tyro.conf.arg(name="")] = field(default_factory=Run)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    hosts: Annotated[Hosts, tyro.conf.arg(name="")] = field(default_factory=Hosts)
    leave: Annotated[Leave, tyro.conf.arg(name="")] = field(default_factory=Leave)
    out: Path = Path("results/bert")

    def __call__(self) -> None:
        """Do it."""
        _done(self.run, self, self.hosts.join() == 0)


@dataclass(frozen=True, kw_only=True)
class Every:
    """Do all runs of the study that have no result yet, a seed at a time.

    Args:
        protocol: Which runs.
        machine: How.
        hosts: On which machines.
        leave: What a run leaves besides its scores.
        data: Folder of real data.
        out: Folder of results and checkpoints.
        minutes: Begin no run after so long.
    """

    data: Path
    protocol: Annotated[Protocol, tyro.conf.arg(name="")] = field(
        default_factory=Protocol
    )
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    hosts: Annotated[Hosts, tyro.conf.arg(name="")] = field(default_factory=Hosts)
    leave: Annotated[Leave, tyro.conf.arg(name="")] = field(default_factory=Leave)
    out: Path = Path("results/bert")
    minutes: float | None = None

    def __call__(self) -> None:
        """Do them."""
        first = self.hosts.join() == 0
        started, listed = time.monotonic(), runs(self.protocol)
        for number, run in enumerate(listed, start=1):
            if self.minutes and time.monotonic() - started > 60 * self.minutes:
                print(f"time is up: {number - 1} of {len(listed)} runs are done")
                return
            print(f"run {number} of {len(listed)}: {run.name}", flush=True)
            _done(run, self, first)


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Put all results of a folder into one file, and print their means.

    Args:
        out: Folder of results.
        into: The file; the ledger reads the default one.
    """

    out: Path = Path("results/bert")
    into: Path = COMMITTED

    def __call__(self) -> None:
        """Do it."""
        found = results.collect(self.out / "runs", self.into)
        drawn = Table(title="Mean GLUE score of the tasks, in percent")
        for column in ("tasks", "alignment", "mean", "standard error", "seeds"):
            drawn.add_column(column)
        for name, how, scores in results.table(found):
            count = len(scores)
            error = np.std(scores, ddof=1) / count**0.5 if count > 1 else np.nan
            drawn.add_row(
                name, how, f"{np.mean(scores):.2f}", f"{error:.2f}", str(count)
            )
        Console().print(drawn, f"Written: {self.into}")


COMMANDS = {
    "run": One,
    "study": Every,
    "collect": Collect,
    "similarity": similarity.Command,
    "plan": plan.Command,
    "speed": speed.Command,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 done, 2 it could not be."""
    share_cpu(batched_lapack=False)
    jax.config.update("jax_enable_x64", True)
    try:
        asked: Any = tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="python -m paper_checks.bert", args=arguments
        )
        asked()
    except (ValueError, OSError, RuntimeError) as error:
        print(f"paper_checks.bert: {error}", file=sys.stderr)
        return 2
    return 0


def _done(run: Run, asked: One | Every, writes: bool) -> None:
    folder, checkpoints = asked.out / "runs", asked.out / "checkpoints" / run.name
    if results.is_done(folder, run):
        print(f"{run.name}: has a result")
        return
    if asked.leave.sampled and jax.process_count() > 1:
        raise ValueError("sampled: similarity is measured on one machine alone")
    problem = load_problem(run, asked.data)
    report = (lambda text: print(text, flush=True)) if writes else (lambda _: None)
    started = time.monotonic()
    done = train(run, problem, asked.machine, checkpoints, report)
    if done is None or not writes:
        return
    about: dict[str, Any] = {
        "checksums": problem.checksums,
        "notes": problem.notes,
        "parameters": problem.config.parameters,
        "seconds": time.monotonic() - started,
        "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "jax": metadata.version("jax"),
        "python": platform.python_version(),
    }
    if asked.leave.sampled and len(run.tasks) > 1:
        rows = asked.leave.sampled
        measured = similarity.before_and_after(run, problem, done.model, rows)
        about["similarity"] = similarity.by_pair(run.tasks, measured)
    path = results.write_result(folder, run, asked.machine, done, about)
    if not asked.leave.keep:
        shutil.rmtree(checkpoints)
    said = ", ".join(f"{task} {one['score']:.2f}" for task, one in done.scores.items())
    report(f"{run.name}: {said}; written: {path}")


if __name__ == "__main__":
    sys.exit(main())
