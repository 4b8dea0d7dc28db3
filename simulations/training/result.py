"""What training returns: the best start, and what became of the others."""

from enum import IntEnum

import equinox as eqx
from jaxtyping import Array, Float, Int


class Status(IntEnum):
    """How a start ended.

    `DIVERGED`: the loss or its gradient was not finite; the point before that is
    kept. `DEAD`: units of a ReLU module are zero on every row, so that no gradient
    moves them, and a loss is left: all units are, or some are and the others have
    converged. `STALLED`: neither the loss nor the
    gradient gets smaller, and the gradient is not small: by rounding, by too long a
    step, or at a kink of a ReLU, where a minimum has no gradient.
    """

    CONVERGED = 0
    OUT_OF_STEPS = 1
    DIVERGED = 2
    DEAD = 3
    STALLED = 4


class Parameters(eqx.Module):
    """A point of the model: `B`, the heads `A_i`, and biases where it has them."""

    shared: Float[Array, "*batch d r"]
    heads: Float[Array, "*batch k r"]
    bias: Float[Array, "*batch k"] | None = None


class Trained(eqx.Module):
    """The best of `n` starts, and what the others reached.

    `losses`, `steps`, `status` (of `Status`) and `dead`, the number of units that are
    zero on every row, have one entry a start; `loss` and the parameters are those of
    the least loss among starts that did not diverge. A start has dead units whatever
    its status: one that ran out of steps may, and so may one that fits all labels.
    `gradient` is the norm of the gradient there, in the coordinates that are trained:
    columns of `X` of unit size, labels of unit size, and `f` as a share of its value
    where all outputs are zero; of a smoothed loss, where the solver smooths kinks.
    A grid puts its axes first.
    """

    shared: Float[Array, "*batch d r"]
    heads: Float[Array, "*batch k r"]
    loss: Float[Array, "*batch"]
    losses: Float[Array, "*batch n"]
    gradient: Float[Array, "*batch"]
    steps: Int[Array, "*batch n"]
    status: Int[Array, "*batch n"]
    dead: Int[Array, "*batch n"]
    bias: Float[Array, "*batch k"] | None = None
