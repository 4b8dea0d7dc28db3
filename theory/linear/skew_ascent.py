"""Newton ascent to the best skew multipliers of tasks that share one direction."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.linalg import cho_solve, solve_triangular
from jaxtyping import Array, Bool, Float, Int

# Weights of the barrier, in units of what the tasks explain apart.
FIRST, LAST = 1e-1, 1e-11
# The barrier's weight falls by this factor as soon as a Newton step is short.
DECREASE = 0.03
SHORT = 1.0
MOST_STEPS = 60
# Gap, in the same units, that counts as closed; a hundredth of what certificates allow.
CLOSED = 1e-11
# At a central point no multipliers are better by more than `μ` times the size of `N`.
# Where that is below this share of the gap, the rest is for branching to close.
NEGLIGIBLE = 1e-3
# Keeps the Hessian's factor definite at the smallest weights.
RIDGE = 1e-15
# Rounds of alternating least squares in each step, on the point of the barrier.
ROUNDS = 3
MOST_ROUNDS = 1000
BISECTIONS = 40


class Ascent(NamedTuple):
    """Where the ascent is.

    Attributes:
        entries: Entries above the diagonals of the `S_ij`.
        barrier: The weight `μ`.
        module: Leading direction of the point `X`, after some alternating rounds.
        gap: Upper less lower bound, as a share of what the tasks explain apart.
        steps: Newton steps so far.
        done: Whether the gap is closed or the barrier at its end.
    """

    entries: Float[Array, " n"]
    barrier: Float[Array, ""]
    module: Float[Array, " d"]
    gap: Float[Array, ""]
    steps: Int[Array, ""]
    done: Bool[Array, ""]


class Places(NamedTuple):
    """Rows `(i, a), (i, b), (j, a), (j, b)` of `N`, for every `i < j` and `a < b`."""

    ia: np.ndarray
    ib: np.ndarray
    ja: np.ndarray
    jb: np.ndarray


def places(k: int, d: int) -> Places:
    """Where the entry of each unknown stands in `N`."""
    (i, j), (a, b) = np.triu_indices(k, 1), np.triu_indices(d, 1)
    i, j, a, b = i[:, None] * d, j[:, None] * d, a[None], b[None]
    return Places(*(np.ravel(rows) for rows in (i + a, i + b, j + a, j + b)))


def block_matrix(
    gram: Float[Array, "k d d"], entries: Float[Array, " n"]
) -> Float[Array, "kd kd"]:
    """`N(S)`, with blocks `H_i` on and `S_ij`, `S_jiᵀ = S_ij` off the diagonal."""
    k, d, _ = gram.shape
    at = places(k, d)
    upper = jnp.zeros((k * d, k * d), gram.dtype)
    upper = upper.at[at.ia, at.jb].set(entries).at[at.ib, at.ja].set(-entries)
    return jax.scipy.linalg.block_diag(*gram) + upper + upper.T


def skew_blocks(entries: Float[Array, " n"], k: int, d: int) -> Float[Array, "p d d"]:
    """The multipliers `S_ij` as matrices, pairs in the order `(0, 1), (0, 2), ..`."""
    pairs = k * (k - 1) // 2
    a, b = np.triu_indices(d, 1)
    blocks = jnp.zeros((pairs, d, d), entries.dtype)
    blocks = blocks.at[:, a, b].set(entries.reshape(pairs, len(a)))
    return blocks - jnp.swapaxes(blocks, 1, 2)


def ascend(gram: Float[Array, "k d d"], moment: Float[Array, "k d"]) -> Ascent:
    """Minimise `hᵀN(S)⁻¹h` over skew `S`, by a barrier.

    For `μ = 10⁻¹ .. 10⁻¹¹`, damped Newton steps from `S = 0` on the convex

        φ(S) = hᵀN⁻¹h − μ log det N,       N = N(S) ≻ 0,

    until the rank-one point of some step explains `hᵀN⁻¹h` but for `CLOSED`. With
    `V = N⁻¹`, `x = Vh` and the symmetric `D_p = uvᵀ + vuᵀ − ..` that unknown `p` is
    the factor of,

        ∂_p φ    = −xᵀD_px − μ tr(VD_p),
        ∂_p∂_q φ = 2 (D_px)ᵀV(D_qx) + μ tr(VD_pVD_q),

    both sums over a few entries of `V` and `x`. The minimum along a Newton direction
    `D` is found exactly: with `L⁻¹DL⁻ᵀ = QΔQᵀ`, `N = LLᵀ` and `c = QᵀL⁻¹h`,

        φ(S + tD) = Σ_j c_j²/(1 + tδ_j) − μ Σ_j log(1 + tδ_j) + const.

    Args:
        gram: `H_i ≻ 0` of size about 1.
        moment: `h_i`, scaled so that `Σ h_iᵀH_i⁻¹h_i = 1`.

    Returns:
        The last step; not finite where an `H_i` is not definite.
    """
    k, d, _ = gram.shape
    dtype = gram.dtype
    start = Ascent(
        entries=jnp.zeros(len(places(k, d).ia), dtype),
        barrier=jnp.asarray(FIRST, dtype),
        module=jnp.ones(d, dtype),
        gap=jnp.asarray(jnp.inf, dtype),
        steps=jnp.asarray(0),
        done=jnp.asarray(False),
    )
    return lax.while_loop(
        lambda at: ~at.done & (at.steps < MOST_STEPS),
        lambda at: _step(at, gram, moment),
        start,
    )


def _step(
    at: Ascent, gram: Float[Array, "k d d"], moment: Float[Array, "k d"]
) -> Ascent:
    """One Newton step, unless the gap at its start is closed."""
    k, d, _ = gram.shape
    factor = jnp.linalg.cholesky(block_matrix(gram, at.entries))
    eye = jnp.eye(k * d, dtype=gram.dtype)
    half = solve_triangular(factor, eye, lower=True)
    inverse = half.T @ half
    scaled = half @ moment.ravel()
    point = half.T @ scaled
    module = leading_direction(gram, moment, point.reshape(k, d))
    gap = scaled @ scaled - explained_by(gram, moment, module)
    slope, curvature = _derivatives(inverse, point, at.barrier, k, d)
    direction = -_solve(curvature, slope)
    decrement = -slope @ direction / at.barrier
    change = half @ block_matrix(jnp.zeros_like(gram), direction) @ half.T
    length = _exact_length(change, scaled, at.barrier)
    short = decrement < SHORT
    ended = short & (at.barrier <= jnp.maximum(LAST, NEGLIGIBLE * gap / (k * d)))
    broken = ~jnp.isfinite(length) | ~jnp.isfinite(decrement)
    done = (gap <= CLOSED) | ended | broken
    return Ascent(
        entries=jnp.where(done, at.entries, at.entries + length * direction),
        barrier=jnp.where(short, DECREASE * at.barrier, at.barrier),
        module=module,
        gap=gap,
        steps=at.steps + 1,
        done=done,
    )


def _derivatives(
    inverse: Float[Array, "kd kd"],
    point: Float[Array, " kd"],
    barrier: Float[Array, ""],
    k: int,
    d: int,
) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Gradient and Hessian of `φ` by the entries of the `S_ij`.

    `D_p` has `+1` at `(ia, jb)` and `−1` at `(ib, ja)`, and is symmetric. So
    `tr(VD_pVD_q) = 2 Σ ±(V[u, u']V[v, v'] + V[u, v']V[v, u'])` over the places
    `(u, v)` of `p` and `(u', v')` of `q`.
    """
    at = places(k, d)
    slope = point[at.ia] * point[at.jb] - point[at.ib] * point[at.ja]
    slope += barrier * (inverse[at.ia, at.jb] - inverse[at.ib, at.ja])
    rows = {name: inverse[index] for name, index in at._asdict().items()}

    def part(left: str, right: str) -> Float[Array, "n n"]:
        return rows[left][:, getattr(at, right)]

    trace = part("ia", "ia") * part("jb", "jb") + part("ib", "ib") * part("ja", "ja")
    trace -= part("ib", "ia") * part("ja", "jb") + part("ia", "ib") * part("jb", "ja")
    trace += part("ia", "jb") * part("jb", "ia") + part("ib", "ja") * part("ja", "ib")
    trace -= part("ib", "jb") * part("ja", "ia") + part("ia", "ja") * part("jb", "ib")
    # Rows V D_p x.
    moved = point[at.jb][:, None] * rows["ia"] - point[at.ja][:, None] * rows["ib"]
    moved += point[at.ia][:, None] * rows["jb"] - point[at.ib][:, None] * rows["ja"]
    bent = point[at.jb] * moved[:, at.ia] - point[at.ja] * moved[:, at.ib]
    bent += point[at.ia] * moved[:, at.jb] - point[at.ib] * moved[:, at.ja]
    return -2 * slope, 2 * bent + 2 * barrier * trace


def _solve(
    curvature: Float[Array, "n n"], slope: Float[Array, " n"]
) -> Float[Array, " n"]:
    size = jnp.sqrt(jnp.diag(curvature))
    unit = curvature / size[:, None] / size + RIDGE * jnp.eye(len(size))
    return cho_solve((jnp.linalg.cholesky(unit), True), slope / size) / size


def _exact_length(
    change: Float[Array, "n n"], scaled: Float[Array, " n"], barrier: Float[Array, ""]
) -> Float[Array, ""]:
    """The `t > 0` at which `φ(S + tD)` is least, by bisection of its derivative."""
    value, vector = jnp.linalg.eigh(change)
    squares = (vector.T @ scaled) ** 2
    # The trace of a direction is not 0 in general, but its least eigenvalue is
    # negative: the blocks on the diagonal of D are zero.
    most = 1 / jnp.maximum(-value[0], 1e-3)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        inner = 1 + middle * value
        slope = -jnp.sum(squares * value / inner**2) - barrier * jnp.sum(value / inner)
        rising = ~(slope < 0)
        return jnp.where(rising, low, middle), jnp.where(rising, middle, high)

    ends = (jnp.zeros_like(most), most)
    low, _ = lax.fori_loop(0, BISECTIONS, halve, ends)
    return jnp.where(jnp.isfinite(value[0]), low, jnp.nan)


def leading_direction(
    gram: Float[Array, "k d d"],
    moment: Float[Array, "k d"],
    point: Float[Array, "k d"],
    rounds: int = ROUNDS,
) -> Float[Array, " d"]:
    """Leading direction of the rows `x_i`, then alternating least squares.

    Source: normal equations of the loss in `B` and in `A` by turns.
    """
    # The eigenvector of the smaller product would do too; d x d is small here.
    first = jnp.linalg.eigh(point.T @ point)[1][:, -1]
    return lax.fori_loop(0, rounds, lambda _, b: alternate(gram, moment, b), first)


def alternate(
    gram: Float[Array, "k d d"], moment: Float[Array, "k d"], module: Float[Array, " d"]
) -> Float[Array, " d"]:
    """The best module for the heads that are best for this one, of unit length."""
    curved = jnp.einsum("kde,e->kd", gram, module) @ module
    heads = moment @ module / curved
    better = jnp.linalg.solve(jnp.einsum("k,kde->de", heads**2, gram), heads @ moment)
    return better / jnp.sqrt(jnp.sum(better**2))


def settle(
    gram: Float[Array, "k d d"], moment: Float[Array, "k d"], module: Float[Array, " d"]
) -> Float[Array, " d"]:
    """Alternating least squares until the module explains no more."""

    def better(carry: tuple) -> tuple:
        at, explained, _, count = carry
        new = alternate(gram, moment, at)
        value = explained_by(gram, moment, new)
        more = value > explained * (1 + jnp.finfo(gram.dtype).eps)
        return (
            jnp.where(more, new, at),
            jnp.where(more, value, explained),
            more,
            count + 1,
        )

    start = (module, explained_by(gram, moment, module), jnp.asarray(True), 0)
    return lax.while_loop(lambda c: c[2] & (c[3] < MOST_ROUNDS), better, start)[0]


def explained_by(
    gram: Float[Array, "k d d"], moment: Float[Array, "k d"], module: Float[Array, " d"]
) -> Float[Array, ""]:
    """Label energy that one module explains, `Σ_i (h_iᵀb)²/bᵀH_ib`."""
    curved = jnp.einsum("kde,e->kd", gram, module) @ module
    return jnp.sum((moment @ module) ** 2 / curved)
