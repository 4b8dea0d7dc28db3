"""Every study, by its name on the command line and of its store."""

from collections.abc import Callable
from typing import Any

import xarray as xr

from simulations.engine.in_memory import Progress
from simulations.experiments import (
    alignment,
    capacity,
    classification,
    gain_grid,
    phase_map,
    relu_capacity,
    risk_curves,
    risk_map,
    similarity,
    trained_gap,
    transfer,
    transfer_relu,
    weights,
)

# Spec, run.
EXPERIMENTS: dict[str, tuple[type, Callable[[Any, Progress | None], xr.Dataset]]] = {
    "transfer": (transfer.TransferSweep, transfer.run),
    "capacity": (capacity.CapacitySweep, capacity.run),
    "similarity": (similarity.SimilaritySweep, similarity.run),
    "weights": (weights.WeightsSweep, weights.run),
    "classification": (classification.ClassificationSweep, classification.run),
    "alignment": (alignment.AlignmentSweep, alignment.run),
    "phase_map": (phase_map.PhaseMap, phase_map.run),
    "trained_gap": (trained_gap.TrainedGap, trained_gap.run),
    "transfer_relu": (transfer_relu.TransferReluSweep, transfer_relu.run),
    "gain_grid": (gain_grid.GainGrid, gain_grid.run),
    "relu_capacity": (relu_capacity.ReluCapacity, relu_capacity.run),
    "risk_curves": (risk_curves.RiskCurves, risk_curves.run),
    "risk_map": (risk_map.RiskMap, risk_map.run),
}
