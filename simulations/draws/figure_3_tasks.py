"""The four tasks of W's Figure 3, in both readings of its rotation."""

from typing import Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from simulations.draws.pairs import parameters_at
from simulations.intervals import check

SOURCES = ("same covariance", "other diagonal", "other rotation")
Reading = Literal["rotated", "as written"]


class Figure3Tasks(eqx.Module):
    """One target and three sources; sources are in the order of `SOURCES`."""

    target_parameter: Float[Array, " d"]
    source_parameter: Float[Array, " d"]
    target_root: Float[Array, "d d"]
    source_roots: Float[Array, "3 d d"]

    @property
    def target_covariance(self) -> Float[Array, "d d"]:
        """`Σ_1`, of one row of the target."""
        return self.target_root @ self.target_root.T


def figure_3_tasks(
    key: PRNGKeyArray,
    dimension: int,
    *,
    condition: float = 100.0,
    cosine: float = 0.96,
    reading: Reading = "rotated",
) -> Figure3Tasks:
    """Draw the parameters, rotations and covariance roots of Fig 3.

    `θ_1` (target) and `θ_2` (every source) are uniform on the unit sphere with
    `cos(θ_1, θ_2) = cosine`. `D_i` is diagonal: `condition` on `S_i`, 1 elsewhere;
    `S_1` is the first tenth of the coordinates (at least one), `S_2` the next, which
    is no loss: the law of `(θ_1, θ_2)` has no preferred coordinates. `Q_1`, `Q_2` are
    independent and Haar-distributed. With `R` standard normal:

    |                 | rotated: `X = R D Qᵀ` | as written: `X = R Q D` |
    |-----------------|-----------------------|-------------------------|
    | covariance      | `Q D² Qᵀ`             | `D²`, whatever `Q` is   |
    | target          | `R D_1 Q_1ᵀ`          | `R Q_1 D_1`             |
    | same covariance | `R D_1 Q_1ᵀ`          | `R Q_1 D_1`             |
    | other diagonal  | `R D_2 Q_1ᵀ`          | `R Q_1 D_2`             |
    | other rotation  | `R D_1 Q_2ᵀ`          | `R Q_2 D_1`             |

    As written `RQ` has the law of `R`, so that "other rotation" equals "same
    covariance" in law: there the rotation does nothing. `rotated` makes it real.

    Raises:
        ValueError: `dimension` below 2, `condition` not positive, `cosine` outside
            `[−1, 1]`, or an unknown reading.

    Source: W-F3 (Fig 3), in both readings.
    """
    check("dimension", dimension, "[2, inf)")
    check("condition", condition, "(0, inf)")
    check("cosine", cosine, "[-1, 1]")
    if reading not in get_args(Reading):
        raise ValueError(f"reading must be one of {get_args(Reading)}, got {reading!r}")
    theta_key, turn_key = jax.random.split(key)
    first, second = parameters_at(theta_key, dimension, cosine)
    # One batched call for both: jaxlib 0.10 can deadlock on two CPU cores when a graph
    # has two independent batched LAPACK calls, each holding a worker of one pool.
    q_1, q_2 = jax.random.orthogonal(turn_key, dimension, (2,))
    tenth = max(1, dimension // 10)
    place = jnp.arange(dimension)
    d_1 = jnp.where(place < tenth, condition, 1.0)
    d_2 = jnp.where((place >= tenth) & (place < 2 * tenth), condition, 1.0)
    # A row of R D Qᵀ is QDr; a row of R Q D is DQᵀr.
    if reading == "rotated":
        roots = [q_1 * d_1, q_1 * d_1, q_1 * d_2, q_2 * d_1]
    else:
        roots = [
            d[:, None] * q.T
            for d, q in ((d_1, q_1), (d_1, q_1), (d_2, q_1), (d_1, q_2))
        ]
    return Figure3Tasks(first, second, roots[0], jnp.stack(roots[1:]))
