"""What rounding in the statistics may hide, and bounds that hold whatever it hides."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from theory.linear.single_task import equilibrated_spectrum
from theory.tasks import Tasks, TaskStatistics

# Errors of sums that are formed in blocks of some hundred terms walk over the blocks.
FEW_TERMS, BLOCK = 4, 16


def entry_rounding(samples: Float[Array, "*k"]) -> Float[Array, "*k"]:
    """`u_i`: rounding of the entries of one task, in units of what their terms hold.

        |ΔG_ab| ≤ u n_a n_b,   |Δg_a| ≤ u n_a √e,   |Δe| ≤ u e,   n_a = √G_aa,

    with `u = max(4, √m/16) ε`: rounding errors of a sum of `m` terms walk, and products
    of matrices sum blocks of 256 terms and more (Higham & Mary 2019, "A new approach to
    probabilistic rounding error analysis"). The sums of terms in `n_a n_b`, and not
    `G_ab` itself, are the scale: orthogonal columns round as well.
    """
    eps = jnp.finfo(samples.dtype).eps
    return jnp.maximum(FEW_TERMS, jnp.sqrt(samples) / BLOCK) * eps


def matrix_rounding(samples: Float[Array, "*k"], dimension: int) -> Float[Array, "*k"]:
    """`κ_i = 2(d + 1)u_i`: what rounding is, beside columns scaled to unit norm.

    All data within the rounding `u` of the statistics have, by Cauchy's inequality,

        ‖Xθ − y‖² ≥ e − 2gᵀθ + θᵀGθ − u (Σ_a n_a|θ_a| + √e)²
                  ≥ (1 − κ/2)e − 2gᵀθ + θᵀ(G − (κ/2)D²)θ,   D = diag(n),

    so an optimum of the shifted statistics is below that of all such data. The other
    half of `κ` is for factorisations, whose backward error has the same form
    (Higham 2002, Theorem 10.3).

    Derived here.
    """
    return 2 * (dimension + 1) * entry_rounding(samples)


def inherent_rounding(
    statistics: TaskStatistics,
    weights: Float[Array, " k"],
    parameters: Float[Array, "k d"],
) -> Float[Array, ""]:
    """What rounding of the statistics does to the loss at these parameters.

    `Σ_i α_i u_i (Σ_a n_a|θ_ia| + √e_i)²` with `u_i` of `entry_rounding`.
    """
    norm = jnp.sqrt(jnp.diagonal(statistics.gram, axis1=1, axis2=2))
    terms = jnp.sum(norm * jnp.abs(parameters), axis=1) + jnp.sqrt(statistics.energy)
    return jnp.sum(weights * entry_rounding(statistics.samples) * terms**2)


def rounding_of_rows(
    tasks: Tasks, weights: Float[Array, " k"], parameters: Float[Array, "k d"]
) -> Float[Array, ""]:
    """What rounding of the statistics does to the loss, measured on the rows.

    `Σ_i α_i u_i Σ_rows (Σ_a |x_a θ_ia| + |y|)²`: the sums of absolute terms that `G`,
    `g` and `e` are made of; no more than `inherent_rounding`.
    """
    terms = jnp.einsum("kmd,kd->km", jnp.abs(tasks.covariates), jnp.abs(parameters))
    terms += jnp.abs(tasks.labels)
    samples = jnp.sum(tasks.mask, axis=1).astype(terms.dtype)
    return jnp.sum(weights * entry_rounding(samples) * jnp.sum(terms**2, axis=1))


def used_columns(gram: Float[Array, "*k d d"]) -> Float[Array, "*k"]:
    """Number of columns of each `X_i` that are not zero, as a float."""
    diagonal = jnp.diagonal(gram, axis1=-2, axis2=-1)
    return jnp.sum(diagonal > 0, axis=-1).astype(gram.dtype)


def largest_ranks(
    statistics: TaskStatistics, ranks: Float[Array, " k"] | None = None
) -> Float[Array, " k"]:
    """What rank each `X_i` can have: that of its rows, if known; else rows, columns."""
    most = jnp.minimum(statistics.samples, used_columns(statistics.gram))
    return most if ranks is None else jnp.minimum(most, ranks)


class Alone(NamedTuple):
    """Bounds for every task alone, over all data within the rounding of statistics.

    `residual` is below `min_θ ‖X_iθ − y_i‖²`; `definite` says that `G_i − κ_iD_i²` is
    positive definite on the columns in use.
    """

    residual: Float[Array, " k"]
    definite: Bool[Array, " k"]


@jax.jit
def alone_bounds(
    statistics: TaskStatistics, ranks: Float[Array, " k"] | None = None
) -> Alone:
    """Bound the loss of every task alone from below.

    With `DHD = G`, `H = VΛVᵀ`, `D = diag(n)` and `p = VᵀD⁻¹g`, the shifted statistics
    of `matrix_rounding` give

        min_θ ‖Xθ − y‖² ≥ (1 − κ)e − Σ_j p_j²/(λ_j − κ)     over λ_j > 2κ

    if as many `λ_j` exceed `2κ` as `X` can have rank: then every `θ` differs by a null
    vector of `X` from one in the span of those `v_j`. Otherwise `X` may have a
    direction that rounding hides. It explains (moment)²/curvature with both below
    rounding, which may be all that is left: the bound is 0.

    Args:
        statistics: The tasks.
        ranks: Exact ranks of the `X_i`, where their rows told them.

    Derived here.
    """
    kappa = matrix_rounding(statistics.samples, statistics.dimension)
    most = largest_ranks(statistics, ranks)
    used = used_columns(statistics.gram)

    def one(task: tuple) -> tuple[Array, Array]:
        gram, moment, energy, shift, rank, columns = task
        spectrum = equilibrated_spectrum(gram)
        seen = spectrum.value > 2 * shift
        share = spectrum.vector.T @ (spectrum.scale * moment)
        room = jnp.where(seen, spectrum.value - shift, 1)
        explained = jnp.sum(jnp.where(seen, share**2 / room, 0))
        left = jnp.maximum((1 - shift) * energy - explained, 0)
        count = jnp.sum(seen)
        return jnp.where(count >= rank, left, 0), count >= columns

    # lax.map, not vmap: one eigendecomposition's workspace at a time.
    rows = (statistics.gram, statistics.moment, statistics.energy, kappa, most, used)
    return Alone(*lax.map(one, rows))


def shifted(statistics: TaskStatistics) -> TaskStatistics:
    """`(G − κD², g, (1 − κ)e)`: its losses are below those of all data within rounding.

    See `matrix_rounding`. The Gram matrix is positive definite only where
    `Alone.definite` says so.
    """
    kappa = matrix_rounding(statistics.samples, statistics.dimension)
    diagonal = jnp.diagonal(statistics.gram, axis1=1, axis2=2)
    shift = kappa[:, None, None] * diagonal[:, None, :]
    eye = jnp.eye(statistics.dimension, dtype=shift.dtype)
    return TaskStatistics(
        gram=statistics.gram - shift * eye,
        moment=statistics.moment,
        energy=(1 - kappa) * statistics.energy,
        samples=statistics.samples,
    )
