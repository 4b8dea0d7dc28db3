"""Write what `shared_optimum` found as a certificate that can be checked exactly."""

import json
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from theory import check
from theory.arguments import check_weights
from theory.certificates.common_metric import best_metric
from theory.certificates.exact import (
    Exact,
    ExactProblem,
    exact,
    loss,
    moments_of_rows,
    moments_of_statistics,
    rows_sha256,
    text,
    texts,
    triangle,
)
from theory.certificates.metric import metric_evidence, single_evidence
from theory.certificates.skew import dual_blocks, pair_blocks, skew_evidence
from theory.tasks import TaskStatistics

if TYPE_CHECKING:
    from theory.linear.result import SharedOptimum

# Shares of the energy by which the bound may be lowered for a proof, in this order.
LOWERED = (0.0, 1e-11, 1e-10, 5e-10, 1e-9)
# How far apart, relative to their size, entries of covariances may be that are tried as
# proportional.
PROPORTIONAL = 1e-10
# Files hold the rows themselves up to this many numbers, and their moments otherwise.
MOST_ROWS = 2000


class NotProvenError(ValueError):
    """The bound has no exact proof of the kinds that a certificate can hold."""


def certificate(
    result: "SharedOptimum",
    covariates: Sequence[ArrayLike],
    labels: Sequence[ArrayLike],
    weights: ArrayLike | None = None,
) -> str:
    """Certificate of a result for the rows as given, in exact arithmetic.

    It claims `lower_bound ≤ f(Θ)` for every `Θ` of rank at most `r`, and that the
    result's own module has at most the loss that it states. Where no proof of
    `lower_bound` is found the claim is lowered by up to 1e-9 of the label energy, and
    `note` says so.

    Args:
        result: What `shared_optimum` returned for these rows.
        covariates: `X_i` (m_i x d), one a task.
        labels: `y_i` (m_i), one a task.
        weights: `α_i`, as given to `shared_optimum`.

    Returns:
        JSON for a file, which `python -m theory.check FILE` checks.

    Raises:
        NotProvenError: The bound is certified numerically at most.
        ValueError: The data do not fit the result.
    """
    if not len(covariates) == len(labels) == len(result.heads):
        raise ValueError(
            f"the result has {len(result.heads)} tasks, covariates {len(covariates)} "
            f"and labels {len(labels)}"
        )
    x = [np.asarray(block, dtype=float) for block in covariates]
    y = [np.asarray(block, dtype=float) for block in labels]
    for task, (block, label) in enumerate(zip(x, y, strict=True)):
        if block.shape != (len(label), len(result.shared)) or label.ndim != 1:
            raise ValueError(
                f"task {task}: covariates have shape {block.shape}, labels "
                f"{label.shape}, and the module {len(result.shared)} rows"
            )
        if not (np.isfinite(block).all() and np.isfinite(label).all()):
            raise ValueError(f"task {task}: rows must be finite")
    moments = [moments_of_rows(*rows) for rows in zip(x, y, strict=True)]
    tasks = [{"moments": triangle(m)} for m in moments]
    if sum(block.size + len(block) for block in x) <= MOST_ROWS:
        whole = [np.column_stack(rows) for rows in zip(x, y, strict=True)]
        tasks = [{"rows": texts(rows.tolist())} for rows in whole]
    return _write(result, moments, tasks, weights, rows_sha256(x, y))


def certificate_of_statistics(
    result: "SharedOptimum",
    statistics: TaskStatistics,
    weights: ArrayLike | None = None,
) -> str:
    """Certificate of a result for statistics, which are taken as exact numbers.

    Raises:
        NotProvenError: As `certificate`; also where a task is not of full rank, as
            then rounding decides whether its statistics are those of any rows.
    """
    for task, rank in enumerate(np.asarray(result.rank)):
        if rank < statistics.dimension:
            raise NotProvenError(
                f"task {task} has numerical rank {int(rank)} of {statistics.dimension}"
                ": certificates of singular tasks need the rows; certified numerically"
            )
    parts = [np.asarray(v) for v in (statistics.gram, statistics.moment)]
    energy = np.asarray(statistics.energy).tolist()
    moments = [
        moments_of_statistics(*part) for part in zip(*parts, energy, strict=True)
    ]
    return _write(
        result, moments, [{"moments": triangle(m)} for m in moments], weights, None
    )


def _write(
    result: "SharedOptimum",
    moments: list[Exact],
    tasks: list[dict[str, Any]],
    weights: ArrayLike | None,
    digest: str | None,
) -> str:
    alpha = exact(np.asarray(check_weights(weights, len(moments))))
    absorbed = [weight * m for weight, m in zip(alpha, moments, strict=True)]
    problem = ExactProblem(absorbed)
    rank = result.shared.shape[1]
    claim, lowered, evidence = _prove(problem, rank, float(result.lower_bound))
    shared, heads = np.asarray(result.shared), np.asarray(result.heads)
    value = loss(problem, exact(heads) @ exact(shared).T)
    most = float(value)
    if Fraction(most) < value:
        most = float(np.nextafter(most, np.inf))
    note = (
        f"lowered by {lowered:g} of the label energy for the proof" if lowered else ""
    )
    data = {
        "format": check.FORMAT,
        "version": check.VERSION,
        "note": note,
        "rank": rank,
        "weights": [text(v) for v in alpha],
        "rows_sha256": digest,
        "tasks": tasks,
        "claim": {"loss_at_least": text(claim), "loss_at_most": text(most)},
        "witness": {"shared": texts(shared.tolist()), "heads": texts(heads.tolist())},
        "evidence": evidence,
    }
    return json.dumps(data, indent=0, separators=(",", ":")) + "\n"


def _prove(
    problem: ExactProblem, rank: int, bound: float
) -> tuple[float, float, dict[str, Any]]:
    """The claim, by what share of the energy it is lowered, and its evidence."""
    energy = float(problem.energy)
    for attempt in _attempts(problem, rank):
        for lowered in LOWERED:
            claim = bound - lowered * energy
            evidence = attempt(Fraction(claim))
            if evidence is not None:
                return claim, lowered, evidence
    raise NotProvenError(
        f"no exact proof of the bound {bound:g} was found: it is certified numerically"
    )


def _attempts(
    problem: ExactProblem, rank: int
) -> Iterator[Callable[[Fraction], dict[str, Any] | None]]:
    """Ways to prove a claim, the simplest first."""
    yield lambda claim: single_evidence(problem, claim)
    grams = [problem.part(i)[0] for i in range(problem.count)]
    largest = max(grams, key=lambda gram: float(np.trace(gram)))
    if rank < problem.dimension and _proportional(grams, largest):
        yield lambda claim: metric_evidence(problem, rank, claim, largest)
    if rank == 1 and problem.count == 2:
        yield lambda claim: _by_pair(problem, claim)
    if rank == 1 and problem.count > 1:
        blocks = dual_blocks(problem)
        if blocks is not None:
            yield lambda claim: skew_evidence(problem, claim, blocks)
    metric = best_metric(problem, rank)
    if metric is not None and rank < problem.dimension:
        yield lambda claim: metric_evidence(problem, rank, claim, metric)


def _by_pair(problem: ExactProblem, claim: Fraction) -> dict[str, Any] | None:
    blocks = pair_blocks(problem, claim)
    return None if blocks is None else skew_evidence(problem, claim, blocks)


def _proportional(grams: list[Exact], metric: Exact) -> bool:
    """Whether covariances agree up to factors and rounding."""
    size = np.sqrt(np.diagonal(metric).astype(float))
    outer = np.outer(size, size)
    outer[outer == 0] = 1
    for gram in grams:
        part = gram.astype(float) / outer
        whole = metric.astype(float) / outer
        if np.abs(part * np.trace(whole) - whole * np.trace(part)).max() > (
            PROPORTIONAL * np.trace(whole) * np.trace(part)
        ):
            return False
    return True
