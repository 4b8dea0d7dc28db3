"""What the linear half of the paper says of one real data set."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr

from paper_checks.benchmarks.cross_validation import (
    by_width,
    cross_validate,
    default_widths,
)
from paper_checks.benchmarks.folds import standardised_whole
from paper_checks.benchmarks.label_noise import LabelNoise, label_noise
from paper_checks.data.benchmark import LinearBenchmark
from simulations.provenance import attributes
from theory.covariance import similarity_matrix
from theory.linear import shared_optimum
from theory.linear.single_task import equilibrated_spectrum
from theory.weighting import principal_angles, proposition_3_span


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """What is done to a benchmark; saved with the results."""

    widths: tuple[int, ...] | None = None  # None: `default_widths`
    folds: int = 5
    energy: float = 0.99  # share of the trace that eq 5 keeps
    noise: LabelNoise | None = field(default_factory=LabelNoise)  # None: left out
    seed: int = 0


def study(
    benchmark: LinearBenchmark, spec: StudySpec | None = None
) -> dict[str, xr.Dataset]:
    """Optima, cross-validated error, similarity, span and label noise.

    Args:
        benchmark: The tasks.
        spec: What is done; the defaults if not given.

    Returns:
        Datasets `optima`, `cross_validation`, `similarity`, `label_noise` unless left
        out, and `span` if the covariates are common. Each has the data's name, source,
        licence and checksum, the spec and the versions as attributes.
    """
    spec = StudySpec() if spec is None else spec
    widths = default_widths(benchmark) if spec.widths is None else spec.widths
    found = {
        "optima": optima(benchmark, widths),
        "cross_validation": cross_validate(
            benchmark, widths=widths, folds=spec.folds, seed=spec.seed
        ),
        "similarity": similarity(benchmark, energy=spec.energy),
    }
    if spec.noise is not None:
        noise = replace(spec.noise, seed=spec.seed)
        found["label_noise"] = label_noise(benchmark, noise)
    if benchmark.common_covariates:
        found["span"] = span(benchmark, widths)
    common = attributes(spec) | benchmark.provenance()
    return {name: data.assign_attrs(common) for name, data in found.items()}


def optima(benchmark: LinearBenchmark, widths: Sequence[int]) -> xr.Dataset:
    """Least loss on all rows at each width, with its bracket.

    Returns:
        `loss`, `lower_bound`, `certified` and `route` (width), `rank` (task), the
        numerical rank of each centred `X_i`. Labels have unit variance, so a loss is
        a sum of `m_i` times shares of variance.
    """
    statistics = standardised_whole(benchmark).statistics
    found = [shared_optimum(statistics, width) for width in widths]
    return xr.Dataset(
        {
            **by_width(found, "loss"),
            "rank": ("task", np.asarray(found[0].rank)),
            "samples": ("task", np.asarray(statistics.samples)),
        },
        coords={"width": list(widths), "task": list(benchmark.task_names)},
    )


def similarity(benchmark: LinearBenchmark, *, energy: float = 0.99) -> xr.Dataset:
    """Covariance similarity of every pair of tasks (W-E5), centred and scaled columns.

    Returns:
        `printed` and `normalised` (task, other). With common covariates all entries
        of either are equal, and the normalised ones are 1.
    """
    statistics = standardised_whole(benchmark).statistics
    scores = {
        name: np.asarray(
            similarity_matrix(statistics, energy=energy, normalised=normalised)
        )
        for name, normalised in (("printed", False), ("normalised", True))
    }
    names = list(benchmark.task_names)
    return xr.Dataset(
        {name: (("task", "other"), score) for name, score in scores.items()},
        coords={"task": names, "other": names},
    )


def span(benchmark: LinearBenchmark, widths: Sequence[int]) -> xr.Dataset:
    """The best module's span against that of Proposition 3 (W-P3), on all rows.

    Returns:
        `angle` (width), the largest principal angle between the two in radians, `gap`
        (width), the relative gap of eigenvalues on which the span depends, and
        `condition`, that of `XᵀX` with columns of unit norm, on its range. Widths
        from `min(k, d)` on, where every span that holds the solutions will do, are
        left out.

    Raises:
        ValueError: The covariates are not common.
    """
    if not benchmark.common_covariates:
        raise ValueError(f"{benchmark.name}: Proposition 3 needs one X for all tasks")
    statistics = standardised_whole(benchmark).statistics
    narrow = [w for w in widths if w < min(benchmark.count, benchmark.dimension)]
    angles, gaps = [], []
    for width in narrow:
        said = proposition_3_span(statistics.gram[0], statistics.moment, width)
        module = shared_optimum(statistics, width).shared
        angles.append(float(principal_angles(said.basis, module)[-1]))
        gaps.append(float(said.gap))
    spectrum = equilibrated_spectrum(statistics.gram[0])
    kept = np.asarray(spectrum.value)[np.asarray(spectrum.seen)]
    return xr.Dataset(
        {
            "angle": ("width", np.asarray(angles)),
            "gap": ("width", np.asarray(gaps)),
            "condition": ((), float(kept.max() / kept.min())),
        },
        coords={"width": narrow},
        attrs={"dimension": benchmark.dimension},
    )
