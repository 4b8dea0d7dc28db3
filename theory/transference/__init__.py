"""How a gradient step on one task changes the loss of another, in closed form.

Orientation is [source, target] everywhere, and losses are means over rows.
"""

from theory.transference.accounting import Progress, progress
from theory.transference.batch import batch_decrease
from theory.transference.flow import FlowTransference, flow_transference
from theory.transference.linear import (
    Transference,
    linear_transference,
    subset_transference,
)
from theory.transference.rules import SGD, Adam, Momentum, Rule

__all__ = [
    "SGD",
    "Adam",
    "FlowTransference",
    "Momentum",
    "Progress",
    "Rule",
    "Transference",
    "batch_decrease",
    "flow_transference",
    "linear_transference",
    "progress",
    "subset_transference",
]
