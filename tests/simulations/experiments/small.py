"""Every study of the registry as small as it can be, and solvers that do not train."""

import dataclasses
from importlib import import_module
from typing import Any

import pytest

from simulations.experiments.registry import EXPERIMENTS
from simulations.training.solver_choice import SOLVERS
from tests.simulations.experiments.stay import Stay

# Two repeats of as few points as show which axis is which. Where there is a solver, a
# field has a value that no other test gives it: programs may be kept by their specs.
SMALL: dict[str, dict[str, Any]] = {
    "transfer": {
        **{"dimension": 6, "samples_target": 4, "samples_source": (12, 1_000)},
    },
    "capacity": {
        **{"tasks": 2, "dimension": 4, "samples": 8, "true_rank": 1, "past": 1},
    },
    "weights": {
        **{"dimension": 4, "samples": 8, "tasks": 3, "corrupted": 1},
        **{"ratios": (0.1, 10.0), "shares": (0.5,), "loudness": (1.0, 2.0)},
    },
    "classification": {
        **{"samples_target": (5, 7), "samples_source": 6, "angles": (0.0, 8.0, 20.0)},
        **{"shown": (8.0, 7), "starts": 1, "flips": 0.123},
    },
    "alignment": {
        **{"dimension": 4, "samples_target": 8, "samples_source": 20},
        **{"samples_validation": 9, "angles": (0.0, 90.0), "ridges": (0.1,)},
        **{"checkpoints": (0, 2)},
    },
    "phase_map": {
        **{"samples": 6, "angles": (0.0, 150.0), "conditions": (1.0, 10.0, 100.0)},
        **{"solvers": ("adam", "levenberg-marquardt"), "starts": 3},
    },
    "trained_gap": {
        **{"tasks": 2, "dimension": 3, "samples": 8, "past": 0, "starts": 3},
        **{"conditions": (1.0, 10.0), "angles": (0.0,), "shown": (1, 1.0, 0.0)},
        **{"solvers": ("adam", "l-bfgs")},
    },
    "transfer_relu": {
        **{"dimension": 2, "samples_target": 4, "samples_source": (3, 6)},
        **{"starts": 1, "noise": 0.123},
    },
    "relu_capacity": {
        **{"tasks": 2, "dimension": 2, "samples": 6, "past": 0, "starts": 2},
    },
    "risk_curves": {
        **{"dimension": 3, "samples_target": 9, "samples_source": (2, 20)},
        **{"points": 4},
    },
    "gain_grid": {
        **{"turns": (0.0, 1.0), "cosines": (0.9,), "samples_source": (6, 20)},
        **{"weights": (1.0,), "dimension": 4, "samples_target": 2},
    },
    "similarity": {
        **{"dimension": 4, "samples_target": 2, "samples_source": (6, 20)},
        **{"turns": (0.0, 1.0)},
    },
    "risk_map": {"dimension": 4, "samples_target": 6, "side": 3},
}


def spec(name: str) -> Any:
    """The small spec of a study; two repeats where it has any."""
    kind = EXPERIMENTS[name]
    drawn = {field.name for field in dataclasses.fields(kind)} & {"repeats"}
    return kind(**SMALL[name], **dict.fromkeys(drawn, 2), seed=3)


def train_nothing(name: str, patch: pytest.MonkeyPatch) -> None:
    """Leave starts where they are: a solver takes seconds to compile."""
    module = import_module(EXPERIMENTS[name].__module__)
    for solver in SOLVERS:
        patch.setitem(SOLVERS, solver, Stay())
    if hasattr(module, "SOLVER"):
        patch.setattr(module, "SOLVER", Stay())
