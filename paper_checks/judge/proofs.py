"""Optima behind a claim, proven by certificates that are checked exactly."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import jax
from jaxtyping import Array, Float

from paper_checks.judge.measurement import CheckError, Measurement, failure_rate
from simulations.files import write_whole
from theory import check
from theory.certificates import NotProvenError, certificate_of_statistics
from theory.linear import SharedOptimum
from theory.tasks import TaskStatistics

COUNT = 10  # of a kind of draws


class Optima(NamedTuple):
    """Optima of stacked problems, whose bounds are to be proven."""

    found: SharedOptimum
    statistics: TaskStatistics
    weights: Float[Array, "n k"]


def proven(optima: Iterable[Optima], folder: Path) -> Measurement:
    """Write certificates of the first problems, and check each in exact arithmetic.

    Args:
        optima: Of each kind of draws.
        folder: Where to write `0.json`, `1.json`, ...

    Returns:
        Share of certificates that could not be written, as their bound has no exact
        proof of a known kind.

    Raises:
        CheckError: The checker rejects a certificate; the message names the file.
    """
    count = missing = 0
    for kind in optima:
        for place in range(min(COUNT, len(kind.weights))):
            one = jax.tree.map(lambda leaf, i=place: leaf[i], kind)
            try:
                text = certificate_of_statistics(*one)
            except NotProvenError:
                missing += 1
            else:
                _check(text, folder / f"{count}.json")
            count += 1
    return failure_rate("optima without an exact proof", missing, count)


def _check(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    try:
        check.verify(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckError(f"{path} is rejected: {error}") from error
