"""Measure claims, compare their verdicts with those on record, and record them."""

import json
import multiprocessing
import platform
import signal
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from paper_checks.judge import faults, registry
from paper_checks.judge.finding import Finding
from paper_checks.judge.measurement import CheckError
from paper_checks.judge.stated import Stated
from paper_checks.judge.verdict import Verdict
from paper_checks.settings import Settings
from paper_checks.studies import simulated
from simulations.engine.process import share_cpu
from simulations.files import no_nan, write_whole

RECORD = Path(__file__).with_name("records") / "findings.json"
BUNDLED = "bundled data"
# What stands for a verdict that is not there.
NEW, GONE = "not on record", "nothing, as no file defines it"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Change:
    """A verdict that is not the one on record."""

    claim: str
    recorded: str
    measured: str


@dataclass(frozen=True)
class Fault:
    """A claim that could not be measured, and why, in one line."""

    claim: str
    text: str


@dataclass(frozen=True)
class Task:
    """What one process does at a time: claims that share a file, or one sweep."""

    name: str
    run: Callable[[], list[Finding | Fault]]


def tasks_of(
    claims: Sequence[str], settings: Settings, folder: Path | None = None
) -> list[Task]:
    """One task per file of claims, as claims of one file share studies.

    Those that took longest when they were recorded come first, so that processes that
    run side by side end at about the same time.
    """
    kept = recorded().get(BUNDLED, {"findings": {}})["findings"]

    def seconds(names: list[str]) -> float:
        return sum((kept[n].get("seconds", 0.0) for n in names if n in kept), 0.0)

    files = registry.by_file(claims, folder)
    return [
        Task(", ".join(names), partial(_found, names, settings, folder))
        for names in sorted(files, key=seconds, reverse=True)
    ]


def sweeps_of(settings: Settings, *, everything: bool) -> list[Task]:
    """One task per sweep that only figures need."""
    names = simulated.for_figures(everything=everything)
    return [Task(f"sweep: {one}", partial(_swept, one, settings)) for one in names]


def run(
    tasks: Sequence[Task], tell: Tell, processes: int = 1
) -> tuple[list[Finding], list[Fault]]:
    """Run tasks, and return their findings in the order of the claims' numbers.

    A claim at fault is returned apart, and costs no other claim its finding.

    Args:
        tasks: Of claims and sweeps.
        tell: Told how many are done, how long it took, and how long the rest may take.
        processes: How many run side by side, each with its own jax.

    Raises:
        ValueError: `processes` is below 1.
        CheckError: A process ended.
    """
    if processes < 1:
        raise ValueError(f"processes must be at least 1, got {processes}")
    start = time.monotonic()
    told: list[Finding | Fault] = []

    def report(done: int, name: str) -> None:
        passed = time.monotonic() - start
        left = (
            f", about {passed / done * (len(tasks) - done):.0f} s left" if done else ""
        )
        tell(f"{done} of {len(tasks)} done, {passed:.0f} s{left}: {name}")

    if processes == 1 or len(tasks) == 1:
        for done, task in enumerate(tasks):
            report(done, task.name)
            told += task.run()
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn, _start) as pool:
            running = {pool.submit(task.run): task.name for task in tasks}
            try:
                for done, future in enumerate(as_completed(running), start=1):
                    told += future.result()
                    report(done, running[future])
            except KeyboardInterrupt:
                for child in multiprocessing.active_children():
                    child.terminate()
                raise
            except BrokenProcessPool as error:
                left = [name for one, name in running.items() if _unfinished(one)]
                raise CheckError(
                    f"a process ended at once, maybe for want of memory, in one of: "
                    f"{'; '.join(left)}"
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)
    place = {
        name: i for i, name in enumerate(registry.in_order(one.claim for one in told))
    }
    told = sorted(told, key=lambda one: place[one.claim])
    findings = [one for one in told if isinstance(one, Finding)]
    return findings, [one for one in told if isinstance(one, Fault)]


def changes(
    findings: Sequence[Finding],
    settings: Settings,
    path: Path = RECORD,
    known: Collection[str] | None = None,
) -> list[Change]:
    """Verdicts that differ from those on record; a claim not on record differs.

    With a folder of data a claim that has no record of its own is held to the one
    without: it does not use the folder. A claim on record that is not among the known
    ones, if these are given, differs too.
    """
    kept, verdicts = recorded(path), {}
    for name in (BUNDLED, record_name(settings)):
        found = kept.get(name, {"findings": {}})["findings"]
        verdicts.update({claim: one["verdict"] for claim, one in found.items()})
    gone = [] if known is None else [name for name in verdicts if name not in known]
    return [
        Change(found.claim, verdicts.get(found.claim, NEW), found.verdict)
        for found in findings
        if verdicts.get(found.claim) != found.verdict
    ] + [Change(name, verdicts[name], GONE) for name in gone]


def record_name(settings: Settings) -> str:
    """Which record a run is held to: verdicts may depend on the data used."""
    return BUNDLED if settings.data is None else "with a data folder"


def record(
    findings: Sequence[Finding],
    settings: Settings,
    command: str,
    path: Path = RECORD,
    known: Collection[str] | None = None,
) -> dict[str, Any]:
    """Put findings on record, and return all that is; those not measured stay.

    Those that are not among the known ones go, if these are given.
    """
    kept = recorded(path)
    mine = kept.setdefault(record_name(settings), {"findings": {}})
    mine["about"] = about(settings, command)
    new = {found.claim: found.as_json() for found in findings}
    merged = {**mine["findings"], **new}
    merged = {n: one for n, one in merged.items() if known is None or n in known}
    mine["findings"] = {name: merged[name] for name in registry.in_order(merged)}
    write_whole(path, strict_json(kept))
    return json.loads(path.read_text(encoding="utf-8"))


def recorded(path: Path = RECORD) -> dict[str, Any]:
    """Everything on record: by record `about` and `findings` by claim.

    Raises:
        ValueError: The file holds something else; the message names it.
    """
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        for one in kept.values():
            for found in one["findings"].values():
                Verdict(found["verdict"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no record of findings: {error!r}") from error
    return kept


def ready(settings: Settings, path: Path) -> None:
    """Refuse before anything is measured a record or a folder that is of no use.

    Raises:
        ValueError: The record cannot be read.
        OSError: Nothing can be written to the folder of results.
    """
    recorded(path)
    settings.results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=settings.results):
        pass


def about(settings: Settings, command: str) -> dict[str, Any]:
    """What a run was: its command, settings and versions."""
    return {
        "command": command,
        "profile": settings.profile,
        "seed": settings.seed,
        "data": record_name(settings),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("jax", "numpy", "optimistix")},
    }


def save(findings: Sequence[Finding], settings: Settings, command: str) -> Path:
    """Write `ledger.json` to the results, whole or not at all."""
    settings.results.mkdir(parents=True, exist_ok=True)
    plain = [found.as_json() for found in findings]
    path = settings.results / "ledger.json"
    text = strict_json({"about": about(settings, command), "findings": plain})
    write_whole(path, text)
    return path


def strict_json(plain: Any) -> str:
    """JSON without NaN and infinity; they become null and a string."""
    strict = no_nan(plain, infinity_as_text=True)
    text = json.dumps(strict, indent=1, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def _found(
    names: Sequence[str], settings: Settings, folder: Path | None
) -> list[Finding | Fault]:
    known = registry.known(folder)
    return [_measured(known[name], settings, folder) for name in names]


def _measured(
    claim: Stated, settings: Settings, folder: Path | None
) -> Finding | Fault:
    """What is found on a claim; a fault of the claim is one line with its number."""
    start = time.monotonic()
    try:
        found = claim.find(settings)
    except Exception as error:
        # A fault of this repository keeps its traceback.
        if folder is None and not isinstance(error, ValueError | OSError | CheckError):
            raise
        said = faults.told(error, folder).removeprefix(f"{claim.id}: ")
        return Fault(claim.id, said)
    return replace(found, seconds=round(time.monotonic() - start, 1))


def _swept(name: str, settings: Settings) -> list[Finding | Fault]:
    simulated.for_figures(everything=True)[name](settings)
    return []


def _unfinished(task: Future[list[Finding | Fault]]) -> bool:
    return task.cancelled() or not task.done() or task.exception() is not None


def _start() -> None:
    """Set up a process as the command line sets up its own, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    share_cpu()
    jax.config.update("jax_enable_x64", True)
