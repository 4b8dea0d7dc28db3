"""Every task trained alone."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from theory.task_checks import check_statistics
from theory.tasks import TaskStatistics


class Spectrum(NamedTuple):
    """Eigenvalues of `H = D G D`, `D_jj = G_jj^(-1/2)`, and what they say of `G`."""

    scale: Float[Array, " d"]
    value: Float[Array, " d"]
    vector: Float[Array, "d d"]
    seen: Bool[Array, " d"]

    @property
    def inverse(self) -> Float[Array, " d"]:
        """`1/λ_j`, and 0 where `λ_j` is rounding."""
        return jnp.where(self.seen, 1 / jnp.where(self.seen, self.value, 1), 0)

    @property
    def inverse_root(self) -> Float[Array, " d"]:
        """`1/√λ_j`, and 0 where `λ_j` is rounding."""
        root = jnp.sqrt(jnp.where(self.seen, self.value, 1))
        return jnp.where(self.seen, 1 / root, 0)


def equilibrated_spectrum(gram: Float[Array, "d d"]) -> Spectrum:
    """Eigendecomposition after scaling every column of `X` to unit norm.

    The scaling makes rank and accuracy independent of the columns' units: `H` is
    within a factor `d` of the best conditioned `D G D` (van der Sluis 1969).
    Eigenvalues below `4 d ε` of the largest are rounding and count as zero. Columns of
    zeros get eigenvalue −1, which keeps their unit vectors apart from the other
    eigenvectors of eigenvalue 0.
    """
    diagonal = jnp.diag(gram)
    scale = jnp.where(
        diagonal > 0, 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1)), 0
    )
    absent = jnp.diag((diagonal <= 0).astype(gram.dtype))
    value, vector = jnp.linalg.eigh(gram * scale[:, None] * scale - absent)
    d, eps = gram.shape[0], jnp.finfo(gram.dtype).eps
    return Spectrum(scale, value, vector, value > 4 * d * eps * value[-1])


def minimum_norm_solution(
    gram: Float[Array, "d d"], moment: Float[Array, " d"]
) -> Float[Array, " d"]:
    """The least-norm minimiser `θ̂ = G⁺g` of `‖Xθ − y‖²`.

    With `H = DGD = VΛVᵀ`: `φ = V Λ⁺ VᵀDg` solves the scaled equations, `Dφ` the
    unscaled ones, and what `Dφ` has in the null space of `G`, spanned by the columns
    of `D V` with eigenvalue 0, is taken off. A step of refinement with the residual
    `g − Gθ` follows. It also carries the derivative, `dθ = G⁺(dg − dG θ)`, around
    the eigenvectors, which have none where eigenvalues meet; it is the derivative
    of `θ̂` where `X` has full rank.

    Derived here.
    """
    spectrum = equilibrated_spectrum(lax.stop_gradient(gram))
    scale, inverse = spectrum.scale, spectrum.inverse
    null = _null_space(spectrum)
    small = null.T @ null
    # Columns that are not null are zero; a one on their diagonal keeps this regular.
    small += jnp.diag((jnp.diag(small) == 0).astype(gram.dtype))

    def solve(right: Float[Array, " d"]) -> Float[Array, " d"]:
        scaled = spectrum.vector @ (inverse * (spectrum.vector.T @ (scale * right)))
        solution = scale * scaled
        return solution - null @ jnp.linalg.solve(small, null.T @ solution)

    first = lax.stop_gradient(solve(moment))
    return first + solve(moment - gram @ first)


def _null_space(spectrum: Spectrum) -> Float[Array, "d d"]:
    """Unit vectors that span the null space, and zero columns for the others.

    Empty columns of `X` are in the null space too, but solutions are zero there.
    """
    dependent = ~spectrum.seen & (spectrum.value > -0.5)
    null = jnp.where(dependent, spectrum.scale[:, None] * spectrum.vector, 0)
    norm = jnp.sqrt(jnp.sum(null**2, axis=0))
    return null / jnp.where(norm > 0, norm, 1)


def single_task_optimum(statistics: TaskStatistics) -> Float[Array, "k d"]:
    """Least squares for every task alone, `θ̂_i = G_i⁺g_i`.

    Where `X_i` has rank below `d` (few rows, equal columns) the solution of least
    norm is returned. Works in 32 bits too, to that precision.

    Raises:
        ValueError: Shapes do not fit, or a value is not finite.

    Source: W §2.1; normal equations.
    """
    check_statistics(statistics, certificate=False)
    return _solutions(statistics)


@jax.jit
def _solutions(statistics: TaskStatistics) -> Float[Array, "k d"]:
    # lax.map, not vmap: one eigendecomposition's workspace at a time.
    return lax.map(
        lambda task: minimum_norm_solution(*task), (statistics.gram, statistics.moment)
    )


@jax.jit
def task_ranks(statistics: TaskStatistics) -> Float[Array, " k"]:
    """Numerical rank of every `X_i`, as floats so that the result can be vmapped."""
    return lax.map(
        lambda gram: jnp.sum(equilibrated_spectrum(gram).seen).astype(gram.dtype),
        statistics.gram,
    )
