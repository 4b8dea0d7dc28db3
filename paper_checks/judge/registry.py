"""All claims, found by looking: every file of `paper_checks/claims` that has some."""

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from paper_checks import claims
from paper_checks.judge import faults
from paper_checks.judge.stated import Stated


@cache
def registered() -> dict[str, Stated]:
    """Every claim of this repository by its number, in the order of numbers.

    Raises:
        ValueError: Two claims have one number.
    """
    return _by_number(_modules(None))


def found_in(folder: Path) -> dict[str, Stated]:
    """The claims of all Python files in a folder outside the repository.

    Raises:
        ValueError: There is no such folder, none of its files has a claim, or two
            claims have one number.
    """
    if not folder.is_dir():
        raise ValueError(f"claims: no folder {folder}")
    found = _by_number(_modules(folder))
    if not found:
        raise ValueError(
            f"claims: no file of {folder} defines CLAIM, or a tuple CLAIMS"
        )
    return found


def known(folder: Path | None = None) -> dict[str, Stated]:
    """The claims of this repository, or of a folder outside of it."""
    return registered() if folder is None else found_in(folder)


def by_file(names: Sequence[str], folder: Path | None = None) -> list[list[str]]:
    """These claims, those of one file together: they share studies."""
    files = [[c.id for c in _claims_of(one)] for one in _modules(folder)]
    together = [[name for name in one if name in names] for one in files]
    return [one for one in together if one]


def files(folder: Path | None = None) -> dict[str, Path]:
    """The file of every claim, of this repository or of a folder outside of it."""
    return {
        claim.id: Path(str(module.__file__))
        for module in _modules(folder)
        for claim in _claims_of(module)
    }


def in_order(names: Iterable[str]) -> list[str]:
    """Numbers of claims in the order in which they are listed."""
    return sorted(names, key=_order)


def chosen(known: dict[str, Stated], only: Sequence[str]) -> dict[str, Stated]:
    """The claims asked for; all of them if none is named.

    Raises:
        ValueError: An unknown claim.
    """
    unknown = [name for name in only if name not in known]
    if unknown:
        raise ValueError(f"no claim {unknown}: there are {', '.join(known)}")
    return {name: one for name, one in known.items() if not only or name in only}


def _modules(folder: Path | None) -> list[ModuleType]:
    """Files that may define claims, imported."""
    if folder is not None:
        paths = sorted(folder.glob("*.py"))
        return [_loaded(path, path.stat().st_mtime_ns) for path in paths]
    walked = pkgutil.walk_packages(claims.__path__, f"{claims.__name__}.")
    return [importlib.import_module(one.name) for one in walked]


def _by_number(modules: Sequence[ModuleType]) -> dict[str, Stated]:
    found: dict[str, Stated] = {}
    where: dict[str, str] = {}
    for module in modules:
        for claim in _claims_of(module):
            if claim.id in found:
                raise ValueError(
                    f"claim {claim.id} is defined in {where[claim.id]} and in "
                    f"{module.__file__}: give one of them another number"
                )
            found[claim.id], where[claim.id] = claim, str(module.__file__)
    return {name: found[name] for name in in_order(found)}


def _claims_of(module: ModuleType) -> tuple[Stated, ...]:
    """`CLAIM` or `CLAIMS` of a module.

    Raises:
        ValueError: They are something else than a claim and a tuple of claims.
    """
    one, several = getattr(module, "CLAIM", None), getattr(module, "CLAIMS", ())
    if not isinstance(several, tuple | list):
        raise ValueError(
            f"{module.__file__}: CLAIMS must be a tuple of claims, got a "
            f"{type(several).__name__}"
        )
    named = (*((one,) if one is not None else ()), *several)
    for claim in named:
        if not isinstance(claim, Stated):
            raise ValueError(
                f"{module.__file__}: CLAIM must be a Claim or a StudyClaim, got a "
                f"{type(claim).__name__}"
            )
    return named


@cache
def _loaded(path: Path, modified: int) -> ModuleType:
    """Execute a file, once for each state of it."""
    del modified
    spec = importlib.util.spec_from_file_location(f"claims_of_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"claims: {path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        told = faults.told(error, path.parent)
        raise ValueError(f"claims: {path} cannot be imported: {told}") from error
    return module


def _order(number: str) -> tuple[str, ...]:
    """W before R before F before M, and then by letters and numbers."""
    source, _, rest = number.partition("-")
    place = "WRFM".find(source)
    parts = re.findall(r"\d+|\D+", rest)
    return (
        str(place if place >= 0 else 9),
        source,
        *(part.zfill(4) if part.isdigit() else part for part in parts),
    )
