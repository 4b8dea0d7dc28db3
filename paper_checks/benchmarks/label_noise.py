"""Algorithm 2 on real tasks, one of which has some of its labels randomised."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Bool, Float

from paper_checks.benchmarks.folds import (
    Standardised,
    constant_columns,
    refuse_constant_labels,
    row_statistics,
    standardise,
)
from paper_checks.data.benchmark import LinearBenchmark
from theory.linear import shared_optimum
from theory.tasks import TaskStatistics
from theory.weighting import svd_weights


@dataclass(frozen=True, kw_only=True)
class LabelNoise:
    """The experiment; tasks take turns to be corrupted, in an order that is drawn."""

    share: float = 0.2  # of the corrupted task's training labels
    training: float = 0.7  # share of the rows
    width: int | None = None  # None: half as many columns as tasks
    repeats: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share of labels must be in [0, 1], got {self.share}")
        if not 0 < self.training < 1:
            raise ValueError(f"training share must be in (0, 1), got {self.training}")
        if self.repeats < 1:
            raise ValueError(f"repeats must be >= 1, got {self.repeats}")


def label_noise(
    benchmark: LinearBenchmark, spec: LabelNoise | None = None
) -> xr.Dataset:
    """Test error with uniform weights and with those of Algorithm 2 (W-A2, W-X2).

    In each repeat the rows are split anew; a share of one task's training labels is
    replaced by draws, with replacement, from that task's training labels, so that
    the labels' distribution stays and what they say of `x` goes. All schemes see the
    same rows and labels (paired). Test labels are clean.

    The weights of Algorithm 2 grow with the scale of the labels, so each of the two
    kinds is run on labels in the data's units and on centred labels of unit energy:
    `uniform` and `printed`, `uniform_standardised` and `standardised`. The algorithm
    is stated for one `X`; with own ones `θ_i = X_iᵀy_i` all the same.

    Returns:
        `test_error` (scheme, repeat, task) in units of the variance of the training
        labels, `weight` (scheme, repeat, task), of mean 1 over tasks, and
        `corrupted` (repeat), the number of the corrupted task.

    Raises:
        ValueError: A share out of range, a task without training or test rows, or
            one whose labels are constant in the training rows of a repeat.
    """
    spec = LabelNoise() if spec is None else spec
    width = max(1, benchmark.count // 2) if spec.width is None else spec.width
    # An entropy that no repeat below has: theirs is padded with zeros.
    order = np.random.default_rng([spec.seed, 0, 1]).permutation(benchmark.count)
    repeats = []
    for repeat in range(spec.repeats):
        rng = np.random.default_rng([spec.seed, repeat])
        training = _split(benchmark, spec.training, rng)
        task = int(order[repeat % benchmark.count])
        labels = list(benchmark.labels)
        labels[task] = randomised(labels[task], training[task], spec.share, rng)
        where = f"in the training rows of repeat {repeat}"
        mend = "use another seed or a larger training share"
        refuse_constant_labels(benchmark, labels, training, where, mend)
        rows = row_statistics(benchmark, training, labels)
        model = standardise(rows, constant_columns(benchmark, training))
        test = row_statistics(benchmark, [~mine for mine in training])
        repeats.append(_repeat(model, test, width).assign(corrupted=task))
    return (
        xr.concat(repeats, "repeat", join="exact")
        .assign_coords(task=list(benchmark.task_names), repeat=np.arange(spec.repeats))
        .assign_attrs(
            benchmark.provenance(),
            error_unit="variance of the task's training labels",
            noise_share=spec.share,
            training_share=spec.training,
            width=width,
            seed=spec.seed,
        )
        .transpose("scheme", "repeat", "task")
    )


def weighting_schemes(
    model: Standardised, rank: int
) -> Mapping[str, Float[Array, " k"]]:
    """Weights on the loss of labels of unit variance, for every scheme.

    The loss of labels in their own units with weights `α_i` is that of labels of unit
    variance with weights `α_i s_i²`, `s_i²` being their variance. That of labels of
    unit energy, `‖y_i‖ = 1`, has weights `α_i/e_i`, and `e_i = m_i` for unit variance:
    without it tasks of many rows would count for more.
    """
    tasks, variance = model.statistics, model.label_deviation**2
    own = tasks.moment * model.label_deviation[:, None]
    scaled = svd_weights(tasks.moment, rank, standardise=True, energies=tasks.energy)
    schemes = {
        "uniform": variance,
        "printed": variance * svd_weights(own, rank),
        "uniform_standardised": 1 / tasks.energy,
        "standardised": scaled / tasks.energy,
    }
    return {name: weights / jnp.mean(weights) for name, weights in schemes.items()}


def logistic_weights(model: Standardised, rank: int) -> Float[np.ndarray, "3 k"]:
    """Weights of mean 1 on logistic losses: uniform, as printed, and standardised.

    A logistic loss does not know the labels' scale, so that these are the weights of
    Algorithm 2 as they are, of labels in their own units and of unit energy.
    """
    tasks = model.statistics
    own = tasks.moment * model.label_deviation[:, None]
    scaled = svd_weights(tasks.moment, rank, standardise=True, energies=tasks.energy)
    found = (jnp.ones(len(scaled)), svd_weights(own, rank), scaled)
    return np.stack([np.asarray(weights / weights.mean()) for weights in found])


def randomised(
    labels: Float[np.ndarray, " m"],
    training: Bool[np.ndarray, " m"],
    share: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, " m"]:
    """Replace a share of the training labels by draws from all of them."""
    rows = np.flatnonzero(training)
    chosen = rng.choice(rows, round(share * len(rows)), replace=False)
    noisy = labels.copy()
    noisy[chosen] = rng.choice(labels[rows], len(chosen))
    return noisy


def _repeat(model: Standardised, test: TaskStatistics, width: int) -> xr.Dataset:
    schemes = weighting_schemes(model, width)
    optima = [
        shared_optimum(model.statistics, width, weights) for weights in schemes.values()
    ]
    errors = [np.asarray(model.error(found.parameters, test)) for found in optima]
    return xr.Dataset(
        {
            "test_error": (("scheme", "task"), np.stack(errors)),
            "weight": (("scheme", "task"), np.stack(list(schemes.values()))),
        },
        coords={"scheme": list(schemes)},
    )


def _split(
    benchmark: LinearBenchmark, share: float, rng: np.random.Generator
) -> list[Bool[np.ndarray, " _"]]:
    """Which rows train; one choice for all tasks if their covariates are common."""
    lengths = [len(y) for y in benchmark.labels]
    for name, length in zip(benchmark.task_names, lengths, strict=True):
        if not 0 < round(share * length) < length:
            raise ValueError(
                f"{benchmark.name}: {name} has {length} rows, and a training share of "
                f"{share} leaves none to train or none to test on"
            )
    distinct = lengths[:1] if benchmark.common_covariates else lengths
    masks = [rng.permutation(np.arange(n) < round(share * n)) for n in distinct]
    return masks * benchmark.count if benchmark.common_covariates else masks
