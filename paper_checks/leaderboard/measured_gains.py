"""Advice from some rows of real tasks, and what became of it on the others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from paper_checks.data.benchmark import LinearBenchmark
from simulations.advice.leave_one_out import leave_one_out_gains
from simulations.advice.rows import Rows
from theory.risk.estimates import task_estimates
from theory.risk.gain_estimate import pairwise_gains
from theory.risk.source_weights import source_weights

# Of the mean diagonal: it makes columns of zeros solvable and changes nothing else.
RIDGE = 1e-9


class SplitResult(NamedTuple):
    """Of one split, source by target: predicted and measured relative gains.

    `predicted` is the estimate from (G, g, e) with its interval, `left_out` that by
    leaving rows out with its standard error. `cosine` is that of the tasks' own
    solutions. By target: `weighted` and `pooled_all` are the measured gains of the
    suggested weights and of pooling all tasks.
    """

    predicted: Float[np.ndarray, "k k"]
    low: Float[np.ndarray, "k k"]
    high: Float[np.ndarray, "k k"]
    left_out: Float[np.ndarray, "k k"]
    left_out_error: Float[np.ndarray, "k k"]
    measured: Float[np.ndarray, "k k"]
    cosine: Float[np.ndarray, "k k"]
    weighted: Float[np.ndarray, " k"]
    pooled_all: Float[np.ndarray, " k"]


class Part(NamedTuple):
    """Rows to train and to test with, centred with the moments of the first."""

    train: Rows
    covariates: list[Float[np.ndarray, "_ d"]]
    labels: list[Float[np.ndarray, " _"]]


def usable_tasks(benchmark: LinearBenchmark, most: int) -> list[int]:
    """Tasks with twice `d + 4` rows of their own at least; those with most rows."""
    rows = [len(own) for own in own_rows(benchmark, np.random.default_rng(0))]
    enough = [i for i, m in enumerate(rows) if m // 2 >= benchmark.dimension + 4]
    return sorted(sorted(enough, key=lambda i: -rows[i])[:most])


def own_rows(
    benchmark: LinearBenchmark, rng: np.random.Generator
) -> list[Int[np.ndarray, " _"]]:
    """Rows of every task, in random order.

    Rows that all tasks share are dealt out, each to one task: on the same rows the
    tasks' noise would be correlated, which the estimates do not allow for.
    """
    if benchmark.common_covariates:
        order = rng.permutation(len(benchmark.labels[0]))
        size = len(order) // benchmark.count
        return [order[i * size : (i + 1) * size] for i in range(benchmark.count)]
    return [rng.permutation(len(y)) for y in benchmark.labels]


def split(
    benchmark: LinearBenchmark,
    tasks: Sequence[int],
    rng: np.random.Generator,
    *,
    few: bool,
) -> Part:
    """Half of each task's rows to train; with `few` at most `2.5 (d+1)` of them.

    Labels are scaled by their training deviation where tasks have units of their own,
    which is where they share their rows.
    """
    dealt = own_rows(benchmark, rng)
    scale = np.concatenate([benchmark.covariates[i] for i in tasks]).std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    train_x, train_y, test_x, test_y = [], [], [], []
    for i in tasks:
        half = len(dealt[i]) // 2
        count = min(half, int(2.5 * (benchmark.dimension + 1))) if few else half
        x, y = benchmark.covariates[i] / scale, benchmark.labels[i]
        kept, rest = dealt[i][:count], dealt[i][half:]
        centre, level = x[kept].mean(axis=0), y[kept].mean()
        unit = y[kept].std() if benchmark.common_covariates else 1.0
        unit = unit if unit > 0 else 1.0  # a few rows may all have one label
        constant = x[kept].min(axis=0) == x[kept].max(axis=0)
        train_x.append(np.where(constant, 0, x[kept] - centre))
        test_x.append(x[rest] - centre)
        train_y.append((y[kept] - level) / unit)
        test_y.append((y[rest] - level) / unit)
    return Part(Rows(train_x, train_y, True), test_x, test_y)


def advise_and_measure(part: Part) -> SplitResult:
    """Predict from the training rows; train, and measure on the test rows.

    What is measured uses nothing of the prediction but the suggested weights.
    """
    statistics = part.train.statistics()
    estimates = task_estimates(statistics)
    gains = pairwise_gains(statistics, tasks=estimates).relative
    left_out = leave_one_out_gains(part.train)
    weights = np.asarray(source_weights(statistics, tasks=estimates).weights)
    gram, moment = np.asarray(statistics.gram), np.asarray(statistics.moment)
    k = len(gram)
    own = _solve(gram, moment)
    pairs = np.stack([_solve(gram + gram[t], moment + moment[t]) for t in range(k)])
    chosen = _solve(np.einsum("it,ide->tde", weights, gram), weights.T @ moment)
    whole = np.repeat(_solve(gram.sum(0)[None], moment.sum(0)[None]), k, axis=0)
    alone = _errors(part, own[:, None])[:, 0]

    def gain(parameters: Float[np.ndarray, "k n d"]) -> Float[np.ndarray, "k n"]:
        return 1 - _errors(part, parameters) / alone[:, None]

    length = np.linalg.norm(own, axis=1)
    length = np.where(length > 0, length, 1)
    return SplitResult(
        predicted=np.asarray(gains.gain),
        low=np.asarray(gains.low),
        high=np.asarray(gains.high),
        left_out=left_out.gain,
        left_out_error=left_out.error,
        measured=gain(pairs).T,
        cosine=own @ own.T / length[:, None] / length,
        weighted=gain(chosen[:, None])[:, 0],
        pooled_all=gain(whole[:, None])[:, 0],
    )


def _solve(
    gram: Float[np.ndarray, "n d d"], moment: Float[np.ndarray, "n d"]
) -> Float[np.ndarray, "n d"]:
    d = gram.shape[-1]
    ridge = RIDGE * np.trace(gram, axis1=1, axis2=2) / d
    regular = gram + ridge[:, None, None] * np.eye(d)
    return np.linalg.solve(regular, moment[..., None])[..., 0]


def _errors(
    part: Part, parameters: Float[np.ndarray, "k n d"]
) -> Float[np.ndarray, "k n"]:
    """Mean squares on the test rows of each task, of several parameters each."""
    return np.stack(
        [
            np.mean((y[:, None] - x @ theta.T) ** 2, axis=0)
            for x, y, theta in zip(
                part.covariates, part.labels, parameters, strict=True
            )
        ]
    )
