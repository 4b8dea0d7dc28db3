"""Gradient-trained optima of shared-module models: linear, ReLU and logistic."""

from simulations.training.descent import Solver
from simulations.training.first_order import Adam, GradientDescent
from simulations.training.linear import LinearModel
from simulations.training.result import Parameters, Status, Trained
from simulations.training.row_models import LogisticModel, ReluModel
from simulations.training.second_order import LBFGS, LevenbergMarquardt
from simulations.training.train import train, train_grid, train_linear

__all__ = [
    "LBFGS",
    "Adam",
    "GradientDescent",
    "LevenbergMarquardt",
    "LinearModel",
    "LogisticModel",
    "Parameters",
    "ReluModel",
    "Solver",
    "Status",
    "Trained",
    "train",
    "train_grid",
    "train_linear",
]
