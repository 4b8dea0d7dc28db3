"""Units of a layer, and second derivatives of a loss that is a sum over rows."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from simulations.training.model import Blocks
from simulations.training.result import Parameters
from simulations.training.rows import Rows


class Kink(NamedTuple):
    """What a smoothed kink adds to the derivatives of a unit.

    `∂g/∂B` has the term `g_B B`, and

        ∂²g/∂B² = c_xx xxᵀ + c_xB(xBᵀ + Bxᵀ) + c_BB BBᵀ + g_B I.
    """

    radial: Float[Array, "r n"]
    rows: Float[Array, "r n"]
    cross: Float[Array, "r n"]
    column: Float[Array, "r n"]


class Unit(NamedTuple):
    """`g` at `z = xᵀB` for every row `x` and column `B`, with `∂g/∂B = g_z x + g_B B`.

    Without a smoothed kink `g_B` and the second derivative are zero.
    """

    value: Float[Array, "r n"]
    along: Float[Array, "r n"]
    kink: Kink | None = None


def linear_unit(units: Float[Array, "r n"]) -> Unit:
    """`g(z) = z`."""
    return Unit(units, jnp.ones_like(units))


def relu_unit(units: Float[Array, "r n"]) -> Unit:
    """`g(z) = max(z, 0)`, of slope 0 at the kink."""
    return Unit(jax.nn.relu(units), (units > 0).astype(units.dtype))


def smooth_relu_unit(
    units: Float[Array, "r n"],
    square: Float[Array, "r 1"],
    smoothing: Float[Array, "*draws"],
) -> Unit:
    """`g = (z + ρ)/2` with `ρ = √(z² + s²‖B‖²)`; zero for a column of zeros.

    `g_z = (1 + z/ρ)/2` and `g_B = s²/(2ρ)`. With `c = s²/(2ρ³)` the second derivative
    has `c_xx = c‖B‖²`, `c_xB = −cz` and `c_BB = −cs²`.
    """
    # A column of zeros is masked, and its unit must stay zero.
    some = square > 0
    squared = smoothing**2
    root = jnp.sqrt(units**2 + squared * jnp.where(some, square, 1))
    radial = jnp.where(some, squared / (2 * root), 0)
    bend = radial / root**2
    return Unit(
        jnp.where(some, (units + root) / 2, 0),
        jnp.where(some, (1 + units / root) / 2, 0),
        Kink(radial, bend * square, -bend * units, -bend * squared),
    )


class Terms(NamedTuple):
    """What the matrices are made of, by row; `first` is zero for Gauss-Newton.

    `first` and `second` are the derivatives of a row's loss in its output, times the
    weight of its task. `head` is `A_s` of the row's task, and `ahead` the derivative
    of its output in the entries of that head.
    """

    unit: Unit
    first: Float[Array, " n"]
    second: Float[Array, " n"]
    head: Float[Array, "r n"]
    ahead: Float[Array, "h n"]


def row_blocks(
    rows: Rows,
    point: Parameters,
    unit: Unit,
    first: Float[Array, " n"],
    second: Float[Array, " n"],
) -> Blocks:
    """`Σ_n L_n'' ∇u_n∇u_nᵀ + L_n' ∇²u_n`.

    The derivative of `u_n` in `B_s` is `A_s(g_z x_n + g_B B_s)`. So every pair of
    columns needs one weight a row for each of `xxᵀ`, `xBᵀ` and `BBᵀ`, and the second
    term costs no product over rows of its own.

    Args:
        rows: Of all tasks.
        point: Where.
        unit: At that point.
        first: `L_n'`, times the weight of its task; zeros for Gauss-Newton.
        second: `L_n''`, times the weight of its task.
    """
    ahead = unit.value
    if point.bias is not None:
        ahead = jnp.concatenate([ahead, jnp.ones_like(ahead[:1])])
    terms = Terms(unit, first, second, point.heads.T @ rows.owner, ahead)
    pairs = second * ahead[:, None] * ahead
    heads = jnp.einsum("stn,kn->kst", pairs, rows.owner)
    x = rows.covariates
    weights = [
        x[:, None, None] * _pair_weights(terms),
        _head_weights(rows, point, terms, unit.along),
    ]
    if unit.kink is None:
        shared, mixed = _products(x, weights)
        return Blocks(jnp.moveaxis(shared, 0, 2), mixed, heads)
    shared, mixed, turned = _products(x, [*weights, _cross_weights(terms, unit.kink)])
    inward = jnp.sum(_head_weights(rows, point, terms, unit.kink.radial), axis=-1)
    return Blocks(
        jnp.moveaxis(shared, 0, 2)
        + _column_terms(point.shared, turned, terms, unit.kink),
        mixed + point.shared[:, :, None, None] * inward,
        heads,
    )


def _pair_weights(terms: Terms) -> Float[Array, "r r n"]:
    """Weights of `xxᵀ` for the columns `s` and `t`."""
    along = terms.head * terms.unit.along
    found = terms.second * along[:, None] * along
    if terms.unit.kink is None:
        return found
    return found + _diagonal(terms.first * terms.head * terms.unit.kink.rows)


def _cross_weights(terms: Terms, kink: Kink) -> Float[Array, "r r n"]:
    """Weights of `xB_tᵀ` for the columns `s` and `t`."""
    along, radial = terms.head * terms.unit.along, terms.head * kink.radial
    found = terms.second * along[:, None] * radial
    return found + _diagonal(terms.first * terms.head * kink.cross)


def _column_terms(
    shared: Float[Array, "d r"],
    turned: Float[Array, "d r r"],
    terms: Terms,
    kink: Kink,
) -> Float[Array, "d r d r"]:
    """Terms in `xB_tᵀ`, `B_sxᵀ`, `B_sB_tᵀ` and the identity."""
    radial, first = terms.head * kink.radial, terms.first * terms.head
    column = jnp.einsum("n,sn,tn->st", terms.second, radial, radial)
    column = column + jnp.diag(jnp.sum(first * kink.column, axis=1))
    level = jnp.diag(jnp.sum(first * kink.radial, axis=1))
    every = jnp.eye(len(shared), dtype=shared.dtype)
    return (
        jnp.einsum("dst,et->dset", turned, shared)
        + jnp.einsum("ets,ds->dset", turned, shared)
        + jnp.einsum("ds,et,st->dset", shared, shared, column)
        + jnp.einsum("de,st->dset", every, level)
    )


def _head_weights(
    rows: Rows, point: Parameters, terms: Terms, slope: Float[Array, "r n"]
) -> Float[Array, "r k h n"]:
    """Weights of `x`, or of `B_s`, for the column `s` and an entry of a head."""
    found = terms.second * (terms.head * slope)[:, None] * terms.ahead
    # A column of zeros is masked: it has no second term.
    used = jnp.any(point.shared != 0, axis=0).astype(slope.dtype)
    same = jnp.eye(len(used), len(terms.ahead), dtype=slope.dtype) * used[:, None]
    found = found + same[:, :, None] * (terms.first * slope)[:, None]
    return found[:, None] * rows.owner[:, None]


def _diagonal(values: Float[Array, "r n"]) -> Float[Array, "r r n"]:
    return jnp.eye(len(values), dtype=values.dtype)[:, :, None] * values


def _products(columns: Float[Array, "d n"], weights: list[Array]) -> list[Array]:
    """`Σ_n x_n w_n` for weights of several shapes whose last axis is the rows'.

    One product for all: it is most of the work of a step. Rows run along memory in
    both of its factors, which is fastest on a CPU.
    """
    number = columns.shape[1]
    flat = [weight.reshape(-1, number) for weight in weights]
    product = columns @ jnp.concatenate(flat).T
    ends = np.cumsum([len(part) for part in flat])[:-1]
    return [
        part.reshape(len(columns), *weight.shape[:-1])
        for part, weight in zip(jnp.split(product, ends, axis=1), weights, strict=True)
    ]
