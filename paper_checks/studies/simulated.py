"""The sweeps that verdicts and figures rest on, kept in stores."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import xarray as xr

from paper_checks.settings import Settings
from paper_checks.studies import theorem_2_regions as regions
from paper_checks.studies import theorem_2_threshold as threshold
from paper_checks.studies import theorem_2_tightness as tightness
from paper_checks.studies.stores import kept
from simulations.experiments import (
    alignment,
    capacity,
    classification,
    phase_map,
    relu_capacity,
    risk_curves,
    risk_map,
    similarity,
    trained_gap,
    transfer_relu,
    weights,
)
from simulations.experiments import transfer as transfers

Regime = Literal["rotated", "as written", "ample"]
STORES: dict[Regime, str] = {
    "rotated": "transfer",
    "as written": "transfer-as-written",
    "ample": "transfer-ample",
}


def transfer(settings: Settings, regime: Regime) -> xr.Dataset:
    """W-F3's sweep: rotated, with Q as the paper writes it, or with ample targets.

    All have one grid of source sizes, and so share a compiled program.
    """
    quick = settings.profile == "quick"
    spec = transfers.TransferSweep.quick() if quick else transfers.TransferSweep()
    spec = replace(spec, seed=settings.seed)
    if regime == "as written":
        spec = replace(spec, reading="as written")
    if regime == "ample":
        spec = replace(spec, samples_target=2 * spec.dimension)
    return kept(settings, STORES[regime], spec, transfers.run)


def transfer_relu_sweep(
    settings: Settings, sources: Literal["related", "unrelated"]
) -> xr.Dataset:
    """W-F3r's sweep: tasks of Fig 3, or tasks where a source is known to hurt.

    Those are isotropic tasks with orthogonal parameters, little noise and many rows.
    With Fig 3's covariances an unrelated source is no control: at `d = 10` and
    `m_target = 2d` it was seen to help; why was not looked into.
    """
    kind = transfer_relu.TransferReluSweep
    spec = kind.quick() if settings.profile == "quick" else kind()
    spec = replace(spec, seed=settings.seed)
    if sources == "related":
        return kept(settings, "transfer_relu", spec, transfer_relu.run)
    spec = replace(
        spec,
        cosine=0.0,
        condition=1.0,
        noise=0.1,
        samples_target=6 * spec.dimension,
        samples_source=(10 * spec.dimension,),
        repeats=20,
    )
    return kept(settings, "transfer_relu-unrelated", spec, transfer_relu.run)


def capacity_sweep(settings: Settings) -> xr.Dataset:
    """Excess risk against the width r."""
    return _sweep(settings, "capacity", capacity.CapacitySweep, capacity.run)


def similarity_sweep(settings: Settings) -> xr.Dataset:
    """Gain against the similarity of covariances."""
    return _sweep(settings, "similarity", similarity.SimilaritySweep, similarity.run)


def weights_sweep(settings: Settings) -> xr.Dataset:
    """Gain against weights, and Algorithm 2 under label noise."""
    return _sweep(settings, "weights", weights.WeightsSweep, weights.run)


def classification_sweep(settings: Settings) -> xr.Dataset:
    """Three tasks in the plane: two sources with one boundary and other inputs."""
    kind = classification.ClassificationSweep
    return _sweep(settings, "classification", kind, classification.run)


def alignment_sweep(settings: Settings) -> xr.Dataset:
    """Algorithm 1 against the angle by which a source is turned."""
    return _sweep(settings, "alignment", alignment.AlignmentSweep, alignment.run)


def phase_map_sweep(settings: Settings) -> xr.Dataset:
    """Where training a ReLU unit misses the optimum."""
    return _sweep(settings, "phase_map", phase_map.PhaseMap, phase_map.run)


def trained_gap_sweep(settings: Settings) -> xr.Dataset:
    """How far training ends above the optimum of linear models."""
    return _sweep(settings, "trained_gap", trained_gap.TrainedGap, trained_gap.run)


def relu_capacity_sweep(settings: Settings) -> xr.Dataset:
    """Risk of ReLU models against the width r."""
    kind = relu_capacity.ReluCapacity
    return _sweep(settings, "relu_capacity", kind, relu_capacity.run)


def risk_curves_sweep(settings: Settings) -> xr.Dataset:
    """Risk on a target against the size of a source."""
    return _sweep(settings, "risk_curves", risk_curves.RiskCurves, risk_curves.run)


def risk_map_sweep(settings: Settings) -> xr.Dataset:
    """Where sharing pays in the limit, and every crossing."""
    return _sweep(settings, "risk_map", risk_map.RiskMap, risk_map.run)


def theorem_2_threshold_sweep(settings: Settings) -> xr.Dataset:
    """How many rows of the source Theorem 2's conclusion takes."""
    kind = threshold.Theorem2Threshold
    return _sweep(settings, "theorem_2_threshold", kind, threshold.run)


def theorem_2_regions_sweep(settings: Settings) -> xr.Dataset:
    """Where sharing helps, and where it is known to."""
    kind = regions.Theorem2Regions
    return _sweep(settings, "theorem_2_regions", kind, regions.run)


def theorem_2_tightness_sweep(settings: Settings) -> xr.Dataset:
    """How much of the right side of Theorem 2 is used."""
    kind = tightness.Theorem2Tightness
    return _sweep(settings, "theorem_2_tightness", kind, tightness.run)


Sweeps = dict[str, Callable[[Settings], xr.Dataset]]

# Sweeps that have a figure but no claim of their own.
FOR_FIGURES: Sweeps = {
    "capacity": capacity_sweep,
    "similarity": similarity_sweep,
}
# Those that take too long to be run each time.
FOR_FIGURES_IN_FULL: Sweeps = {
    "phase_map": phase_map_sweep,
    "trained_gap": trained_gap_sweep,
    "relu_capacity": relu_capacity_sweep,
    "risk_curves": risk_curves_sweep,
    "risk_map": risk_map_sweep,
    "theorem_2_threshold": theorem_2_threshold_sweep,
    "theorem_2_regions": theorem_2_regions_sweep,
    "theorem_2_tightness": theorem_2_tightness_sweep,
}


# Those that a claim rests on.
FOR_CLAIMS: Sweeps = {
    "transfer": partial(transfer, regime="rotated"),
    "transfer-as-written": partial(transfer, regime="as written"),
    "transfer-ample": partial(transfer, regime="ample"),
    "weights": weights_sweep,
    "classification": classification_sweep,
    "alignment": alignment_sweep,
    "transfer_relu": partial(transfer_relu_sweep, sources="related"),
    "transfer_relu-unrelated": partial(transfer_relu_sweep, sources="unrelated"),
}


def for_figures(*, everything: bool) -> Sweeps:
    """What figures need beside the claims: what is quick, or everything."""
    return FOR_FIGURES | FOR_FIGURES_IN_FULL if everything else FOR_FIGURES


def all_sweeps(*, everything: bool) -> Sweeps:
    """What claims and figures need."""
    return FOR_CLAIMS | for_figures(everything=everything)


def _sweep(
    settings: Settings, name: str, kind: Any, run: Callable[..., xr.Dataset]
) -> xr.Dataset:
    spec = kind.quick() if settings.profile == "quick" else kind()
    return kept(settings, name, replace(spec, seed=settings.seed), run)
