"""The span of the shared module under one covariance, and weights from an SVD."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float
from numpy.typing import ArrayLike

from theory.arguments import (
    check_array,
    check_integer,
    check_magnitude,
    check_shape,
    check_weights,
    is_traced,
    refuse,
)
from theory.linear.single_task import equilibrated_spectrum, minimum_norm_solution
from theory.task_checks import check_gram


class SharedSpan(NamedTuple):
    """What Proposition 3 says the columns of the best module span.

    `basis` is orthonormal. `eigenvalues` are those of `Σ_i α_i Uᵀy_iy_iᵀU` that may
    differ from zero, descending. Where `gap`, `(λ_r − λ_(r+1))/λ_1`, is zero the
    span is not determined: several are optimal and `basis` spans one of them. A span
    moves by about `ε/gap` when the statistics move by a share `ε` (Davis-Kahan).
    """

    basis: Float[Array, "d r"]
    eigenvalues: Float[Array, " n"]
    gap: Float[Array, ""]


def proposition_3_span(
    gram: Float[Array, "d d"],
    moments: Float[Array, "k d"],
    rank: int,
    weights: ArrayLike | None = None,
) -> SharedSpan:
    """Span of the optimal module when all tasks have one `X = UDVᵀ`.

        span(B*) = span((XᵀX)⁻¹ V D Q_r),

    with `Q_rQ_rᵀ` the best approximation of rank `r` of `Σ_i α_i Uᵀy_iy_iᵀU`. Rows
    are not needed: `Uᵀy_i = D⁺Vᵀg_i`, and for any root `R` of the Gram matrix,
    `RᵀR = G`, it is `R = W D Vᵀ` with `W` orthogonal, so that `Q_r` may be taken as
    the top left singular vectors of `(√α_i (Rᵀ)⁺g_i)_i` and `V D Q_r` as `RᵀQ_r`.
    The root used is `Λ^½VᵀD⁻¹` of the Gram matrix with columns scaled to unit norm.

    The proposition takes `X` of rank `d`. For a lower rank the pseudo-inverse stands
    for the inverse: `B` then has nothing in directions that no row sees, and if `r`
    exceeds the rank of the `Uᵀy_i`, further columns are arbitrary and `gap` is zero.
    jit- and vmap-compatible; differentiable where `gap` and the gaps between
    eigenvalues are positive.

    Args:
        gram: `G = XᵀX`, the same for all tasks.
        moments: `g_i = Xᵀy_i`, one a row.
        rank: Number `r` of columns.
        weights: `α_i ≥ 0`, ones if not given.

    Raises:
        ValueError: Shapes do not fit, `rank` is outside 1..min(k, d), or, unless
            traced, a value is not finite, `G` is no Gram matrix, a weight is negative,
            all weights are zero, or the eigenvalues leave the range of the floats.

    Source: W-P3 (W Prop 3); statistics and rank-deficient `X` derived here.
    """
    moments = _check_moments(moments, rank)
    k, d = moments.shape
    gram = check_array("gram", gram, "d d", d=d)
    check_magnitude("gram", gram, terms=d)
    check_gram("gram", gram)
    alpha = check_weights(weights, k, moments.dtype)
    span, some = _span(gram, moments, alpha, rank)
    largest = span.eigenvalues[0]
    if not is_traced(largest) and some:
        limits = jnp.finfo(largest.dtype)
        bad = not limits.tiny <= largest <= limits.max
        rule = f"within the range of {largest.dtype}"
        hint = ": rescale the labels, and moments with them"
        refuse("the largest eigenvalue of moments", largest, bad, rule, hint)
    return span


def principal_angles(
    first: Float[Array, "d r"], second: Float[Array, "d s"]
) -> Float[Array, " n"]:
    """Principal angles between two spans, `min(r, s)` of them, ascending, in radians.

    With orthonormal bases `Q_1, Q_2` the cosines are the singular values of `Q_1ᵀQ_2`
    and the sines those of `(I − Q_1Q_1ᵀ)Q_2`. Each angle is taken from whichever is
    the smaller, so that it has an absolute error of a few `ε`; an angle of 1e-10 from
    its cosine would come out as 0 (Björck and Golub 1973).

    Args:
        first: Columns that span one space; they need not be orthonormal.
        second: Columns that span the other.

    Raises:
        ValueError: Another `d`, or, unless traced, a value that is not finite or
            columns that are linearly dependent.
    """
    check_shape("second", second, "d s", d=first.shape[0])
    if first.shape[1] < second.shape[1]:
        first, second = second, first
    one, other = (_orthonormal(columns) for columns in (first, second))
    return _angles(one, other)


@jax.jit
def _angles(one: Float[Array, "d r"], other: Float[Array, "d s"]) -> Float[Array, " s"]:
    inner = one.T @ other
    cosine = jnp.linalg.svd(inner, compute_uv=False)
    sine = jnp.linalg.svd(other - one @ inner, compute_uv=False)[::-1]
    by_sine, by_cosine = jnp.clip(sine, 0, 1), jnp.clip(cosine, 0, 1)
    return jnp.where(cosine**2 > 0.5, jnp.arcsin(by_sine), jnp.arccos(by_cosine))


def svd_weights(
    moments: Float[Array, "k d"],
    rank: int,
    *,
    standardise: bool = False,
    energies: Float[Array, " k"] | None = None,
) -> Float[Array, " k"]:
    """Task weights of Algorithm 2, for tasks with one `X`.

        θ_i = Xᵀy_i,  U_r the top r left singular vectors of (θ_1, ..., θ_k),
        α_i = ‖θ_iᵀU_r‖.

    As printed, weights grow with the scale of the labels: with `G = XᵀX` of `m` rows
    of covariance `s²I`, clean labels `Xθ` get about `m s²‖θ‖` and labels of pure noise
    `ε ~ N(0, σ²I)` get `σs√(rm)` if `U_r` does not follow them. They do take `U_r`
    over, and get `σs√(dm)`, once `σ√d > s‖θ‖√m`: loud noise outweighs a quiet task.

    With `standardise` and `energies`, labels are first scaled to `‖y_i‖ = 1`, that is
    `θ_i/√e_i`. Then `α_i ≤ σ_max(X)` whatever the labels are; for `X` as above clean
    labels get `s√m`, labels with noise `s√m √R²` with `R²` the share of `e_i` that `X`
    explains, and pure noise `s√r`, the share `√(r/m)` of a clean weight. These are
    weights for the loss of the scaled labels: with labels as they are, loud ones still
    lead, and the weights that give the same optimum are `α_i/e_i`.

    With `standardise` and no `energies`, the scale of the labels is not known, and
    the moments are scaled to unit norm instead: `α_i` is the cosine between `θ_i` and
    the span of `U_r`. No task can be loud then either, but noise is as long as
    signal when `U_r` is found (`√(d/m)` of it above), so one clean and one noisy
    task get equal weights at `r = 1`: give `energies` where they are known.

    A task whose moment is zero gets weight 0. Weights are not determined where
    singular values `r` and `r + 1` are equal.

    Args:
        moments: `θ_i = g_i = Xᵀy_i`, one a row.
        rank: Number `r` of singular vectors.
        standardise: Take the scale of the labels out.
        energies: `e_i = ‖y_i‖²`, positive.

    Raises:
        ValueError: `rank` is outside 1..min(k, d); `energies` without `standardise`
            or of the wrong length; or, unless traced, a value that is not finite, an
            energy that is not positive, or values so large or small that floats do
            not hold their norms.

    Source: W-A2 (W Algorithm 2); standardised weights derived here.
    """
    moments = _check_moments(moments, rank)
    k = len(moments)
    if energies is not None:
        if not standardise:
            raise ValueError("energies are only used with standardise=True")
        energies = check_array("energies", energies, "k", "finite and > 0", k=k)
        check_magnitude("energies", energies, terms=k, every=True)
        moments = moments / jnp.sqrt(energies)[:, None]
        name = "moments over the root of its energy"
        check_array(name, moments)
        check_magnitude(name, moments, terms=max(moments.shape))
    elif standardise:
        moments = _unit_columns(moments.T).T
    return _projected_norms(moments, rank)


@partial(jax.jit, static_argnames="rank")
def _projected_norms(moments: Float[Array, "k d"], rank: int) -> Float[Array, " k"]:
    moments, largest = moments / _largest(moments), _largest(moments)
    # Rows θ_i: right singular vectors are the left ones of (θ_1, ..., θ_k).
    top = jnp.linalg.svd(moments, full_matrices=False)[2][:rank]
    return largest * jnp.sqrt(jnp.sum((moments @ top.T) ** 2, axis=1))


@partial(jax.jit, static_argnames="rank")
def _span(
    gram: Float[Array, "d d"],
    moments: Float[Array, "k d"],
    alpha: Float[Array, " k"],
    rank: int,
) -> tuple[SharedSpan, Bool[Array, ""]]:
    """The span, and whether labels have anything in it."""
    # The span has no unit, and squares of entries up to 1 do not overflow.
    units = [_largest(part) for part in (gram, moments, alpha)]
    gram, moments, alpha = gram / units[0], moments / units[1], alpha / units[2]
    moments = moments * jnp.sqrt(alpha)[:, None]
    spectrum = equilibrated_spectrum(gram)
    root = jnp.sqrt(jnp.where(spectrum.seen, spectrum.value, 1))
    # (Rᵀ)⁺g_i for g_i in the range of G, one a column.
    labels = jnp.where(spectrum.seen, 1 / root, 0)[:, None] * (
        spectrum.vector.T @ (spectrum.scale[:, None] * moments.T)
    )
    q, size, _ = jnp.linalg.svd(labels, full_matrices=False)
    restored = jnp.where(spectrum.scale > 0, 1 / spectrum.scale, 0)
    seen = jnp.where(spectrum.seen, root, 0)[:, None] * q[:, :rank]
    right = restored[:, None] * (spectrum.vector @ seen)
    shared = jax.vmap(minimum_norm_solution, (None, 1), 1)(gram, right)
    unit = units[1] / jnp.sqrt(units[0]) * jnp.sqrt(units[2])
    span = SharedSpan(
        basis=jnp.linalg.qr(_unit_columns(shared))[0],
        eigenvalues=jnp.where(size > 0, unit * size, 0) ** 2,
        gap=_relative_gap(size**2, rank),
    )
    return span, size[0] > 0


def _largest(values: Float[Array, "..."]) -> Float[Array, ""]:
    """The largest magnitude, as a unit; 1 for zeros. It has no derivative."""
    largest = lax.stop_gradient(jnp.max(jnp.abs(values)))
    return jnp.where(largest > 0, largest, 1)


def _unit_columns(columns: Float[Array, "d r"]) -> Float[Array, "d r"]:
    columns = columns / jax.vmap(_largest, 1)(columns)
    square = jnp.sum(columns**2, axis=0)
    return columns / jnp.sqrt(jnp.where(square > 0, square, 1))


def _orthonormal(columns: Float[Array, "d r"]) -> Float[Array, "d r"]:
    d, r = columns.shape
    check_array("columns", columns)
    check_magnitude("columns", columns)
    columns = _unit_columns(columns)
    if not is_traced(columns):
        size = np.linalg.svd(np.asarray(columns), compute_uv=False)
        if r > d or size[-1] <= d * np.finfo(size.dtype).eps * size[0]:
            raise ValueError(
                f"the {r} columns of a span in d = {d} are linearly dependent: its "
                "dimension is not their number"
            )
    return jnp.linalg.qr(columns)[0]


def _relative_gap(eigenvalues: Float[Array, " n"], rank: int) -> Float[Array, ""]:
    following = eigenvalues[rank] if rank < len(eigenvalues) else 0.0
    largest = eigenvalues[0]
    gap = (eigenvalues[rank - 1] - following) / jnp.where(largest > 0, largest, 1)
    return jnp.where(largest > 0, gap, 0)


def _check_moments(moments: ArrayLike, rank: int) -> Float[Array, "k d"]:
    moments = check_array("moments", moments, "k d")
    check_integer("rank", rank, 1, min(moments.shape))
    check_magnitude("moments", moments, terms=max(moments.shape), tasks=True)
    return moments
