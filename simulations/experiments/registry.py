"""Every study, by its name on the command line and of its store."""

from simulations.experiments.alignment import AlignmentSweep
from simulations.experiments.capacity import CapacitySweep
from simulations.experiments.classification import ClassificationSweep
from simulations.experiments.experiment import Experiment
from simulations.experiments.gain_grid import GainGrid
from simulations.experiments.phase_map import PhaseMap
from simulations.experiments.relu_capacity import ReluCapacity
from simulations.experiments.risk_curves import RiskCurves
from simulations.experiments.risk_map import RiskMap
from simulations.experiments.similarity import SimilaritySweep
from simulations.experiments.trained_gap import TrainedGap
from simulations.experiments.transfer import TransferSweep
from simulations.experiments.transfer_relu import TransferReluSweep
from simulations.experiments.weights import WeightsSweep

EXPERIMENTS: dict[str, type[Experiment]] = {
    "transfer": TransferSweep,
    "capacity": CapacitySweep,
    "similarity": SimilaritySweep,
    "weights": WeightsSweep,
    "classification": ClassificationSweep,
    "alignment": AlignmentSweep,
    "phase_map": PhaseMap,
    "trained_gap": TrainedGap,
    "transfer_relu": TransferReluSweep,
    "gain_grid": GainGrid,
    "relu_capacity": ReluCapacity,
    "risk_curves": RiskCurves,
    "risk_map": RiskMap,
}
