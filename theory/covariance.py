"""How alike covariances of tasks are, how well conditioned, and how to equal them."""

from functools import partial

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
    check_share,
    is_traced,
)
from theory.task_checks import check_gram
from theory.tasks import TaskStatistics

# A share of the spectrum this close to the one asked for, in units of `dε`, is that
# share: eigenvalues carry errors of a few ε of the largest, and d of them are summed.
ROUNDING = 4


def similarity(
    x1: ArrayLike, x2: ArrayLike, *, energy: float = 0.99, normalised: bool = False
) -> Float[Array, ""]:
    """Covariance similarity score of two tasks, from their rows.

    With `H_i = U_iD_iU_iᵀ` the best approximation of `X_iᵀX_i` of rank `ρ_i`, the
    least rank whose eigenvalues make up the share `energy` of the trace,

        score = ‖(U_1D_1^½)ᵀ U_2D_2^½‖_F / (‖U_1D_1^½‖_F ‖U_2D_2^½‖_F)
              = √( tr(H_1H_2) / (tr H_1 · tr H_2) ).

    The score is at most 1. Rotating both tasks' inputs by one orthogonal matrix
    leaves it alone, and so does a factor on either `X_i`. It depends on the units of
    single columns. `score(X, X) = √(Σw²)/Σw` with `w` the eigenvalues kept: that is
    1 only if one is kept, and `1/√ρ` if `ρ` equal ones are. The normalised score,

        score(X_1, X_2) / √(score(X_1, X_1) score(X_2, X_2))
              = √( tr(H_1H_2) / (‖H_1‖_F ‖H_2‖_F) ),

    is the square root of a cosine: by Cauchy-Schwarz it is 1 if and only if `H_1` and
    `H_2` are proportional. Both are 0 if and only if the kept directions of one task
    are orthogonal to those of the other.

    jit-, vmap- and grad-compatible; values are checked unless they are traced. The
    ranks are piecewise constant. Where eigenvalues `ρ_i` and `ρ_i + 1` are equal the
    best approximation is not unique, the score is that of one of them, and there is
    no derivative.

    Args:
        x1: Rows of one task (m_1 x d).
        x2: Rows of the other (m_2 x d).
        energy: Share of the trace to cover, in (0, 1]; a number, never traced.
        normalised: Divide by the scores of each task with itself.

    Raises:
        ValueError: Another `d`, no rows or columns, a value that is not a finite
            number, a matrix of zeros, or `energy` outside (0, 1].

    Source: W-E5 (W eq 5); the traces and the normalised score are derived here.
    """
    first, second = _matrix(x1, "x1"), _matrix(x2, "x2")
    check_shape("x2", second, "m d", d=first.shape[1])
    # The score has no unit, so this only keeps the squares from overflowing.
    rows = [x / jnp.max(jnp.abs(x)) for x in (first, second)]
    pair = jnp.stack([x.T @ x for x in rows])
    check_share("energy", energy, whole=True)
    return _scores(pair, energy=energy, normalised=normalised)[0, 1]


def gram_similarity(
    g1: ArrayLike,
    g2: ArrayLike,
    *,
    energy: float = 0.99,
    normalised: bool = False,
) -> Float[Array, ""]:
    """`similarity` from the Gram matrices `G_i = X_iᵀX_i` alone.

    Args:
        g1: `G_1` (d x d).
        g2: `G_2` (d x d).
        energy: As `similarity`.
        normalised: As `similarity`.

    Raises:
        ValueError: As `similarity`; also a matrix that is not square, or no Gram
            matrix: not symmetric, or with a negative eigenvalue.

    Source: W-E5 (W eq 5).
    """
    first, second = _matrix(g1, "g1", "d d"), _matrix(g2, "g2", "d d")
    check_shape("g2", second, "d d", d=len(first))
    check_gram("g1", first)
    check_gram("g2", second)
    check_share("energy", energy, whole=True)
    pair = jnp.stack([first, second])
    return _scores(pair, energy=energy, normalised=normalised)[0, 1]


def similarity_matrix(
    tasks: TaskStatistics | ArrayLike,
    *,
    energy: float = 0.99,
    normalised: bool = False,
) -> Float[Array, "k k"]:
    """`similarity` of every pair of tasks, by one eigendecomposition a task.

    The diagonal is `√(Σw²)/Σw`, and 1 if normalised.

    Args:
        tasks: Statistics of `k` tasks, or their Gram matrices (k x d x d).
        energy: As `similarity`.
        normalised: As `similarity`.

    Raises:
        ValueError: As `gram_similarity`; the message names the task.

    Source: W-E5 (W eq 5).
    """
    grams = jnp.asarray(tasks.gram if isinstance(tasks, TaskStatistics) else tasks)
    check_shape("gram", grams, "k d d")
    for task, gram in enumerate(grams):
        check_gram(f"task {task}: gram", _matrix(gram, f"task {task}: gram"))
    check_share("energy", energy, whole=True)
    return _scores(grams, energy=energy, normalised=normalised)


def condition_number(x: ArrayLike) -> Float[Array, ""]:
    """Condition number `κ(X) = σ_max(X)/σ_min(X)`, over all `d` columns.

    `κ(X)² = λ_max/λ_min` of `XᵀX`. It is infinite where some direction of the inputs
    is not seen: fewer rows than columns, a column of zeros, dependent columns, that
    is `σ_min ≤ max(m, d) ε σ_max` with `ε` the precision of the floats.

    Args:
        x: Rows (m x d). jit-, vmap- and grad-compatible where `κ` is finite.

    Raises:
        ValueError: No rows or columns, or a value that is not a finite number.

    Source: W §2.3 (κ of Theorem 2).
    """
    rows = _matrix(x, "x", zero=True)
    m, d = rows.shape
    if m < d:
        return jnp.asarray(jnp.inf, rows.dtype)
    size = jnp.linalg.svd(rows, compute_uv=False)
    regular = size[-1] > max(m, d) * jnp.finfo(rows.dtype).eps * size[0]
    return jnp.where(regular, size[0] / jnp.where(regular, size[-1], 1), jnp.inf)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def truncated_covariance(
    gram: Float[Array, "d d"], energy: float
) -> Float[Array, "d d"]:
    """Best approximation of `G` of the least rank that covers `energy` of its trace.

    With `G = UΛUᵀ` it is `H = Σ_{j ≤ ρ} λ_j u_ju_jᵀ`. Its derivative along `Ġ` is

        U (Δ ∘ UᵀĠU) Uᵀ,  Δ_ij = 1 if both are kept, 0 if neither is,
                                 λ_i/(λ_i − λ_j) if only i is,

    which needs the gap at `ρ` alone, not distinct eigenvalues (Daleckii-Krein).

    Source: W eq 5; derivative derived here.
    """
    value, vector, kept = _kept_spectrum(gram, energy)
    return (vector * jnp.where(kept, value, 0)) @ vector.T


@truncated_covariance.defjvp
def _truncated_covariance_jvp(
    energy: float,
    primals: tuple[Float[Array, "d d"]],
    tangents: tuple[Float[Array, "d d"]],
) -> tuple[Float[Array, "d d"], Float[Array, "d d"]]:
    value, vector, kept = _kept_spectrum(primals[0], energy)
    size = jnp.where(kept, value, 0)
    mixed = kept[:, None] != kept
    gap = jnp.where(mixed, value[:, None] - value, 1)
    both = kept[:, None] & kept
    divided = jnp.where(mixed, (size[:, None] - size) / gap, both.astype(value.dtype))
    change = (tangents[0] + tangents[0].T) / 2
    change = vector @ (divided * (vector.T @ change @ vector)) @ vector.T
    return (vector * size) @ vector.T, change


def _kept_spectrum(
    gram: Float[Array, "d d"], energy: float
) -> tuple[Float[Array, " d"], Float[Array, "d d"], Bool[Array, " d"]]:
    value, vector = jnp.linalg.eigh(gram)
    value = jnp.maximum(value, 0)
    # Ascending order: entry j of the running sum is what is lost without 0..j.
    lost = jnp.cumsum(value)
    allowed = (1 - energy) + ROUNDING * len(value) * jnp.finfo(value.dtype).eps
    return value, vector, lost > allowed * lost[-1]


@partial(jax.jit, static_argnames=("energy", "normalised"))
def _scores(
    grams: Float[Array, "k d d"], *, energy: float, normalised: bool
) -> Float[Array, "k k"]:
    # Scores have no unit, and so no derivative in it.
    largest = lax.stop_gradient(jnp.max(jnp.abs(grams), axis=(1, 2)))
    grams = grams / largest[:, None, None]
    trace = jnp.trace(grams, axis1=1, axis2=2)
    grams = grams / trace[:, None, None]
    kept = jax.vmap(lambda gram: truncated_covariance(gram, energy))(grams)
    size = jnp.trace(kept, axis1=1, axis2=2)
    if normalised:
        size = jnp.sqrt(jnp.sum(kept**2, axis=(1, 2)))
    # A trace of a product of semidefinite matrices; rounding can leave it below 0.
    product = jnp.maximum(jnp.einsum("ide,jde->ij", kept, kept), 0)
    share = product / (size[:, None] * size)
    # √0 has an infinite derivative, which would turn a zero tangent into a NaN.
    return jnp.where(share > 0, jnp.sqrt(jnp.where(share > 0, share, 1)), 0 * share)


def whitening_maps(
    covariances: Float[Array, "k d d"], reference: int = 0
) -> Float[Array, "k d d"]:
    """Maps that give every task the covariance of task `reference`.

        R_i = Σ_i^(-½) Σ_1^(½),   so that   R_iᵀ Σ_i R_i = Σ_1.

    The roots are the symmetric ones, so `R_i = I` where `Σ_i = Σ_1`. All such maps are
    `Σ_i^(-½) Q_i Σ_1^(½)` with `Q_i` orthogonal, and the covariances alone do not say
    which `Q_i` is right: if the inputs of a task are those of the reference turned by
    `U`, so that `Σ_i = UΣ_1Uᵀ` and `R_i = U` aligns the tasks themselves, then
    `Q_i = U`, and `Q_i = I` makes the covariances equal and not the tasks.

    jit- and vmap-compatible. Traced matrices are not checked: directions that one of
    them lacks (eigenvalues below `4dε` of the largest) are mapped to zero.

    Args:
        covariances: `Σ_i`, or `G_i` (a factor on one of them goes into `R_i`).
        reference: Number of the task whose covariance all get.

    Raises:
        ValueError: Not k x d x d, no such task, or a matrix that is known and not
            positive definite. The message names the task.

    Source: W-A1; derived here.
    """
    check_shape("covariances", covariances, "k d d")
    check_integer("reference", reference, 0, len(covariances) - 1)
    value, vector = jnp.linalg.eigh(covariances)
    least = 4 * covariances.shape[1] * jnp.finfo(value.dtype).eps * value[:, -1:]
    seen = value > least
    if not is_traced(seen) and not np.all(seen):
        task = int(np.argmin(np.all(seen, axis=1)))
        raise ValueError(
            f"task {task}: the covariance is not positive definite, so it cannot be "
            "whitened; give more rows than inputs, or add a ridge to it"
        )
    inverse = jnp.where(seen, 1 / jnp.sqrt(jnp.where(seen, value, 1)), 0)
    root = jnp.sqrt(jnp.where(seen[reference], value[reference], 0))
    target = (vector[reference] * root) @ vector[reference].T
    return jnp.einsum("kde,ke,kfe,fg->kdg", vector, inverse, vector, target)


def _matrix(
    values: ArrayLike, name: str, shape: str = "m d", *, zero: bool = False
) -> Float[Array, "m d"]:
    """Return a matrix whose entries, and their inverses, have all their digits."""
    matrix = check_array(name, values, shape)
    if not zero and not is_traced(matrix) and not np.any(np.asarray(matrix)):
        raise ValueError(
            f"{name} is a matrix of zeros: it has no covariance to compare"
        )
    check_magnitude(name, matrix)
    return matrix
