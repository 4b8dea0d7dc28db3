"""Findings for readers: those of a run, and for the other claims those on record."""

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paper_checks import ledger
from paper_checks.judge import registry
from paper_checks.judge.finding import Finding

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A finding with what a reader asks about it.

    Attributes:
        finding: What was found.
        about: The command, settings and versions of the run that found it.
        recorded: The verdict on record; `ledger.NEW` if there is none.
        measured: Whether the run at hand measured it; else it is from the record.
        file: Path of the claim's file; empty if no file defines it.
        results: Folder of the run.
        claims: Folder of the claim, if it is not the repository's.
    """

    finding: Finding
    about: Mapping[str, str]
    recorded: str
    measured: bool
    file: str
    results: Path
    claims: Path | None = None

    @property
    def changed(self) -> bool:
        """Whether the verdict is not the one on record."""
        return self.recorded != self.finding.verdict


def answers(
    results: Path | None = None,
    record: Path = ledger.RECORD,
    claims: Path | None = None,
) -> list[Answer]:
    """Return what is known of every claim, in the order of the claims' numbers.

    Args:
        results: Folder of a run; its ledger.json comes before the record. A folder
            without that file is an error. `None` reads the record alone.
        record: Findings on record.
        claims: Folder of the claims, if it is not the repository's.

    Raises:
        ValueError: There is no finding at all, or a file holds something else; the
            message names it.
    """
    run = None if results is None else _run(results / "ledger.json")
    kept = _on_record(record, None if run is None else run[0].get("data"))
    files = {name: _shown(path) for name, path in registry.files(claims).items()}
    known = {name: (found, about, False) for name, (found, about) in kept.items()}
    if run is not None:
        known.update({one.claim: (one, run[0], True) for one in run[1]})
    if not known:
        raise ValueError(f"there is no finding to report: {record} does not exist")
    return [
        Answer(
            finding=known[name][0],
            about={key: str(value) for key, value in known[name][1].items()},
            recorded=str(kept[name][0].verdict) if name in kept else ledger.NEW,
            measured=known[name][2],
            file=files.get(name, ""),
            results=results or Path("results"),
            claims=claims,
        )
        for name in registry.in_order(known)
    ]


def _run(path: Path) -> tuple[dict[str, Any], list[Finding]]:
    """`about` and the findings of a run, which `ledger.save` wrote.

    Raises:
        ValueError: The file is not there or holds something else.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return dict(plain["about"]), _findings(plain["findings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no findings of a run: {error}") from error


def _on_record(path: Path, data: str | None) -> dict[str, tuple[Finding, Any]]:
    """Findings on record; a run with a data folder is held to that record first."""
    kept, found = ledger.recorded(path), {}
    names = (ledger.BUNDLED, *((data,) if data in kept else ()))
    for one in (kept[name] for name in names if name in kept):
        try:
            read = _findings(one["findings"].values())
            found.update({each.claim: (each, dict(one["about"])) for each in read})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no record of findings: {error}") from error
    return found


def _findings(plain: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [Finding.from_json(one) for one in plain]


def _shown(path: Path) -> str:
    """The path within the repository, or as it is outside of it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def command(answer: Answer) -> str:
    """The command that measures this claim again, with the settings it had."""
    about, words = answer.about, ["information-transfer", "verify"]
    words += [answer.finding.claim, "--explain"]
    for name, usual in (("profile", "quick"), ("seed", "0")):
        if about.get(name, usual) != usual:
            words += [f"--{name}", about[name]]
    if about.get("data", ledger.BUNDLED) != ledger.BUNDLED:
        words += ["--data", "FOLDER"]
    if answer.claims is not None:
        words += ["--claims", str(answer.claims)]
    return shlex.join(words)


def reload(answer: Answer) -> list[str]:
    """Lines of Python that put the worst instance to its statement again.

    There are three, and one more for a claim outside the repository; none if no
    instance was saved. They need 64-bit floats, as `JAX_ENABLE_X64=1` gives them.
    """
    found, folder = answer.finding, answer.claims
    if found.attack is None or not found.attack.worst.endswith(".npz"):
        return []
    path = answer.results / "worst_instances" / found.attack.worst
    known = "registered()" if folder is None else f"found_in(Path({str(folder)!r}))"
    first = [] if folder is None else ["from pathlib import Path"]
    return [
        *first,
        "from paper_checks.judge import instance_file, registry",
        f"statement = registry.{known}[{found.claim!r}].attacked",
        f"print(instance_file.reproduce({str(path)!r}, statement))",
    ]


def versions(about: Mapping[str, str]) -> str:
    """Python and the packages that a run had: `python 3.11.7, jax 0.10.2`."""
    settings = ("command", "profile", "seed", "data")
    return ", ".join(f"{n} {v}" for n, v in about.items() if n not in settings)
