"""Newton ascent to the best multipliers of tasks that share one direction."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import block_diag, cho_solve, solve_triangular
from jaxtyping import Array, Bool, Float, Int

from theory.linear.skew_blocks import (
    Cell,
    cell_blocks,
    cell_derivatives,
    derivatives,
    off_diagonal,
    places,
    spread,
)
from theory.linear.skew_module import best_module, explained_by

# Weights of the barrier, in units of what the tasks explain apart.
FIRST, LAST = 1e-1, 1e-13
# The barrier's weight falls by this factor as soon as a Newton step is short.
DECREASE = 0.03
SHORT = 1.0
MOST_STEPS = 60
# Gap, in the same units, that counts as closed; a hundredth of what certificates allow.
CLOSED = 1e-11
# At a central point no multipliers are better by more than `μ` times the size of `N`.
# Where that is below this share of the gap, the rest is for branching to close.
NEGLIGIBLE, NEGLIGIBLE_IN_CELL = 1e-6, 1e-1
# Keeps the Hessian's factor definite at the smallest weights.
RIDGE = 1e-15
BISECTIONS = 40


class Ascent(NamedTuple):
    """Where the ascent is.

    Attributes:
        entries: The unknowns: entries of the `S_ij`, then of the `Z_j` of a cell.
        barrier: The weight `μ`.
        module: Best module of the points so far, after some alternating rounds.
        value: Upper bound `hᵀN⁻¹h` on what one module explains.
        gap: `value` less what `module`, or a better one, explains.
        steps: Newton steps so far.
        done: Whether the gap is closed, or will not be.
    """

    entries: Float[Array, " n"]
    barrier: Float[Array, ""]
    module: Float[Array, " d"]
    value: Float[Array, ""]
    gap: Float[Array, ""]
    steps: Int[Array, ""]
    done: Bool[Array, ""]


class _Problem(NamedTuple):
    gram: Float[Array, "k d d"]
    moment: Float[Array, "k d"]
    cell: Cell | None
    target: Float[Array, ""]


def ascend(
    gram: Float[Array, "k d d"],
    moment: Float[Array, "k d"],
    cell: Cell | None = None,
    target: Float[Array, ""] | float = 0.0,
) -> Ascent:
    """Minimise `hᵀN⁻¹h` over skew `S` and, on a cell, `Z ⪰ 0`, by a barrier.

    Damped Newton steps from `S = 0` and small `Z` on the convex

        φ = hᵀN⁻¹h − μ log det N − μ Σ_j log det Z_j,       N = N(S, Z) ≻ 0,

    for `μ = 10⁻¹ .. 10⁻¹³`, until the rank-one point of some step explains `hᵀN⁻¹h`
    but for `CLOSED`, or it is central and the gap is so large that it must stay. The
    minimum along a Newton direction `D` is found exactly: with `L⁻¹DL⁻ᵀ = QΔQᵀ`,
    `N = LLᵀ` and `c = QᵀL⁻¹h`,

        φ(S + tD) = Σ_j c_j²/(1 + tδ_j) − μ Σ_j log(1 + tδ_j) + const.,

    and the eigenvalues of `Z_j^(-½)D_jZ_j^(-½)` are further `δ` with `c = 0`.

    Args:
        gram: `H_i ≻ 0` of size about 1.
        moment: `h_i`, scaled so that `Σ h_iᵀH_i⁻¹h_i = 1`.
        cell: Bounds on the ratios of heads; none by default.
        target: What a known module explains, so that less needs no search.

    Returns:
        The last step; not finite where an `H_i` is not definite.
    """
    d, dtype = gram.shape[-1], gram.dtype
    problem = _Problem(gram, moment, cell, jnp.asarray(target, dtype))
    infinite = jnp.asarray(jnp.inf, dtype)
    start = Ascent(
        entries=start_entries(gram, cell),
        barrier=jnp.asarray(FIRST, dtype),
        module=jnp.ones(d, dtype),
        value=infinite,
        gap=infinite,
        steps=jnp.asarray(0),
        done=jnp.asarray(False),
    )
    return lax.while_loop(
        lambda at: ~at.done & (at.steps < MOST_STEPS),
        lambda at: _step(at, problem),
        start,
    )


def start_entries(gram: Float[Array, "k d d"], cell: Cell | None) -> Float[Array, " n"]:
    """`S = 0` and `Z_j = ζI`, `ζ` so small that `N` stays definite."""
    k, d, _ = gram.shape
    skew = jnp.zeros(k * (k - 1) // 2 * (d * (d - 1) // 2), gram.dtype)
    if cell is None:
        return skew
    # The least eigenvalue of ½(stᵀ + tsᵀ) is at least −(u − l)²/8 − .., above −2.
    least = jnp.min(jnp.linalg.eigvalsh(gram)) / (4 * (k - 1))
    a, b = jnp.triu_indices(d)
    unit = jnp.where(a == b, least / 2, 0)
    return jnp.concatenate([skew, jnp.tile(unit, k - 1)])


def _step(at: Ascent, problem: _Problem) -> Ascent:
    """One Newton step, unless the gap at its start is closed."""
    gram, moment, cell, target = problem
    k, d, _ = gram.shape
    matrix = block_diag(*gram) + off_diagonal(at.entries, cell, k, d)
    half = _inverse_factor(matrix)
    scaled = half @ moment.ravel()
    point = half.T @ scaled
    module = best_module(gram, moment, point.reshape(k, d), at.module)
    value = scaled @ scaled
    gap = value - jnp.maximum(explained_by(gram, moment, module), target)
    slope, curvature, halves = _newton(at, problem, half, point)
    direction = -_solve(curvature, slope)
    decrement = -slope @ direction / at.barrier
    changes = [half @ off_diagonal(direction, cell, k, d) @ half.T]
    if halves is not None:
        moved = halves @ cell_blocks(direction, k, d) @ jnp.swapaxes(halves, 1, 2)
        changes.append(moved)
    length = _exact_length(changes, scaled, at.barrier)
    short = decrement < SHORT
    share = NEGLIGIBLE if cell is None else NEGLIGIBLE_IN_CELL
    order = k * d if cell is None else (2 * k - 1) * d
    ended = short & (at.barrier <= jnp.maximum(LAST, share * gap / order))
    broken = ~jnp.isfinite(length) | ~jnp.isfinite(decrement)
    done = (gap <= CLOSED) | ended | broken
    return Ascent(
        entries=jnp.where(done, at.entries, at.entries + length * direction),
        barrier=jnp.where(short, DECREASE * at.barrier, at.barrier),
        module=module,
        value=value,
        gap=gap,
        steps=at.steps + 1,
        done=done,
    )


def _inverse_factor(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """`L⁻¹` for `LLᵀ`; not finite where the matrix is not definite."""
    factor = jnp.linalg.cholesky(matrix)
    return solve_triangular(factor, jnp.eye(len(matrix)), lower=True)


def _newton(
    at: Ascent,
    problem: _Problem,
    half: Float[Array, "kd kd"],
    point: Float[Array, " kd"],
) -> tuple[Float[Array, " n"], Float[Array, "n n"], Float[Array, "j d d"] | None]:
    """Gradient and Hessian of `φ`, and the `L⁻¹` of the `Z_j`."""
    k, d, _ = problem.gram.shape
    inverse, rows = half.T @ half, spread(problem.cell, k, d)
    if rows is not None:
        inverse, point = rows @ inverse @ rows.T, rows @ point
    found = places(k, d, cell=rows is not None)
    slope, curvature = derivatives(inverse, point, at.barrier, found)
    if rows is None:
        return slope, curvature, None
    halves = jax.vmap(_inverse_factor)(cell_blocks(at.entries, k, d))
    own = cell_derivatives(jnp.swapaxes(halves, 1, 2) @ halves, at.barrier)
    skew = len(slope) - len(own[0])
    slope = slope.at[skew:].add(own[0])
    return slope, curvature.at[skew:, skew:].add(own[1]), halves


def _solve(
    curvature: Float[Array, "n n"], slope: Float[Array, " n"]
) -> Float[Array, " n"]:
    size = jnp.sqrt(jnp.diag(curvature))
    unit = curvature / size[:, None] / size + RIDGE * jnp.eye(len(size))
    return cho_solve((jnp.linalg.cholesky(unit), True), slope / size) / size


def _exact_length(
    changes: list[Array], scaled: Float[Array, " n"], barrier: Float[Array, ""]
) -> Float[Array, ""]:
    """The `t > 0` at which `φ(S + tD)` is least, by bisection of its derivative."""
    value, vector = jnp.linalg.eigh(changes[0])
    squares = (vector.T @ scaled) ** 2
    if len(changes) > 1:
        others = jnp.linalg.eigvalsh(changes[1]).ravel()
        value = jnp.concatenate([value, others])
        squares = jnp.concatenate([squares, jnp.zeros_like(others)])
    # Where nothing limits the step, a thousand Newton steps are enough.
    most = 1 / jnp.maximum(-jnp.min(value), 1e-3)

    def halve(_: object, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        inner = 1 + middle * value
        slope = -jnp.sum(squares * value / inner**2) - barrier * jnp.sum(value / inner)
        rising = ~(slope < 0)
        return jnp.where(rising, low, middle), jnp.where(rising, middle, high)

    ends = (jnp.zeros_like(most), most)
    low, _ = lax.fori_loop(0, BISECTIONS, halve, ends)
    return jnp.where(jnp.all(jnp.isfinite(value)), low, jnp.nan)
