"""Measure claims, compare their verdicts with those on record, and record them."""

import json
import multiprocessing
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from paper_checks.judge import registry
from paper_checks.judge.finding import Finding
from paper_checks.settings import Settings
from paper_checks.studies import simulated
from simulations.engine.process import share_cpu
from simulations.files import no_nan, write_whole

RECORD = Path(__file__).with_name("records") / "findings.json"
BUNDLED = "bundled data"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Change:
    """A verdict that is not the one on record."""

    claim: str
    recorded: str
    measured: str


@dataclass(frozen=True)
class Task:
    """What one process does at a time: claims that share a file, or one sweep."""

    name: str
    run: Callable[[], list[Finding]]


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


def run(tasks: Sequence[Task], tell: Tell, processes: int = 1) -> list[Finding]:
    """Run tasks, and return their findings in the order of the claims' numbers.

    Args:
        tasks: Of claims and sweeps.
        tell: Told how many are done, how long it took, and how long the rest may take.
        processes: How many run side by side, each with its own jax.
    """
    start, found = time.monotonic(), []

    def report(done: int, name: str) -> None:
        passed = time.monotonic() - start
        left = (
            f", about {passed / done * (len(tasks) - done):.0f} s left" if done else ""
        )
        tell(f"{done} of {len(tasks)} done, {passed:.0f} s{left}: {name}")

    if processes == 1 or len(tasks) == 1:
        for done, task in enumerate(tasks):
            report(done, task.name)
            found += task.run()
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn, _start) as pool:
            running = {pool.submit(task.run): task.name for task in tasks}
            try:
                for done, future in enumerate(as_completed(running), start=1):
                    found += future.result()
                    report(done, running[future])
            finally:
                pool.shutdown(cancel_futures=True)
    place = {
        name: i for i, name in enumerate(registry.in_order(f.claim for f in found))
    }
    return sorted(found, key=lambda one: place[one.claim])


def changes(
    findings: Sequence[Finding], settings: Settings, path: Path = RECORD
) -> list[Change]:
    """Verdicts that differ from those on record; a claim not on record differs.

    With a folder of data a claim that has no record of its own is held to the one
    without: it does not use the folder.
    """
    kept, verdicts = recorded(path), {}
    for name in (BUNDLED, record_name(settings)):
        found = kept.get(name, {"findings": {}})["findings"]
        verdicts.update({claim: one["verdict"] for claim, one in found.items()})
    return [
        Change(found.claim, verdicts.get(found.claim, "not on record"), found.verdict)
        for found in findings
        if verdicts.get(found.claim) != found.verdict
    ]


def record_name(settings: Settings) -> str:
    """Which record a run is held to: verdicts may depend on the data used."""
    return BUNDLED if settings.data is None else "with a data folder"


def record(
    findings: Sequence[Finding], settings: Settings, command: str, path: Path = RECORD
) -> dict[str, Any]:
    """Put findings on record, and return all that is; those not measured stay."""
    kept = recorded(path)
    mine = kept.setdefault(record_name(settings), {"findings": {}})
    mine["about"] = about(settings, command)
    new = {found.claim: found.as_json() for found in findings}
    merged = {**mine["findings"], **new}
    mine["findings"] = {name: merged[name] for name in registry.in_order(merged)}
    write_whole(path, strict_json(kept))
    return json.loads(path.read_text(encoding="utf-8"))


def recorded(path: Path = RECORD) -> dict[str, Any]:
    """Everything on record: by record `about` and `findings` by claim."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


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
) -> list[Finding]:
    known = registry.known(folder)
    found = []
    for name in names:
        start = time.monotonic()
        one = known[name].find(settings)
        passed = round(time.monotonic() - start, 1)
        found.append(replace(one, seconds=passed))
    return found


def _swept(name: str, settings: Settings) -> list[Finding]:
    simulated.for_figures(everything=True)[name](settings)
    return []


def _start() -> None:
    """Set up a process as the command line sets up its own."""
    share_cpu()
    jax.config.update("jax_enable_x64", True)
