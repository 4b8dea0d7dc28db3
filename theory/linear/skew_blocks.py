"""The matrix `N(S, Z)` of the skew dual, and derivatives of its barrier."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Places(NamedTuple):
    """Unknown `p` is the factor of `D_p = uvᵀ + vuᵀ + σ(u'v'ᵀ + v'u'ᵀ)`.

    `u = ia`, `v = jb`, `u' = ib`, `v' = ja` are unit vectors, given by their numbers,
    and `σ` is `sign`: −1 for skew blocks, 1 for symmetric ones.
    """

    ia: np.ndarray
    ib: np.ndarray
    ja: np.ndarray
    jb: np.ndarray
    sign: np.ndarray


def places(k: int, d: int, *, cell: bool = False) -> Places:
    """Where the unknowns stand: the `S_ij` and, for a cell, the `Z_j` after them.

    Blocks `0 .. k − 1` are the tasks. For a cell, blocks `k .. 2k − 2` are the
    `s_j/2` and the `k − 1` after them the `t_j` of `Cell`.
    """
    first, second = np.triu_indices(k, 1)
    parts = [_entries(first, second, d, 1, -1.0)]
    if cell:
        ahead = np.arange(k, 2 * k - 1)
        parts.append(_entries(ahead, ahead + k - 1, d, 0, 1.0))
    return Places(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _entries(
    first: np.ndarray, second: np.ndarray, d: int, above: int, sign: float
) -> Places:
    a, b = np.triu_indices(d, above)
    i, j = first[:, None] * d, second[:, None] * d
    rows = [np.ravel(part) for part in (i + a, i + b, j + a, j + b)]
    return Places(rows[0], rows[1], rows[2], rows[3], np.full(len(rows[0]), sign))


class Cell(NamedTuple):
    """Heads with `l_j ≤ a_j/a_0 ≤ u_j` for `j = 1 .. k − 1`.

    There `(a_j − l_ja_0)(u_ja_0 − a_j) bbᵀ ⪰ 0`, so for any `Z_j ⪰ 0` the loss stays
    above `e − 2hᵀw + wᵀN(S, Z)w` with

        N(S, Z) = N(S) + ½ Σ_j (s_jt_jᵀ + t_js_jᵀ) ⊗ Z_j,   s_j = 1_j − l_j1_0,
                                                            t_j = 1_j − u_j1_0.
    """

    low: Float[Array, " j"]
    high: Float[Array, " j"]


def spread(cell: Cell | None, k: int, d: int) -> Float[Array, "rows kd"] | None:
    """Rows of which `places` counts the blocks, `None` for unit vectors alone."""
    if cell is None:
        return None
    unit = jnp.eye(k, dtype=cell.low.dtype)
    ahead = unit[1:] - cell.low[:, None] * unit[0]
    back = unit[1:] - cell.high[:, None] * unit[0]
    return jnp.kron(jnp.concatenate([unit, ahead / 2, back]), jnp.eye(d))


def off_diagonal(
    entries: Float[Array, " n"], cell: Cell | None, k: int, d: int
) -> Float[Array, "kd kd"]:
    """`Σ_p y_pD_p`, that is `N` without the tasks' own blocks."""
    at, rows = places(k, d, cell=cell is not None), spread(cell, k, d)
    size = k * d if rows is None else len(rows)
    half = jnp.zeros((size, size), entries.dtype)
    half = half.at[at.ia, at.jb].add(entries)
    half = half.at[at.ib, at.ja].add(at.sign * entries)
    if rows is not None:
        half = rows.T @ half @ rows
    return half + half.T


def skew_blocks(entries: Float[Array, " n"], k: int, d: int) -> Float[Array, "p d d"]:
    """The multipliers `S_ij`, pairs in the order `(0, 1), (0, 2), .., (1, 2), ..`."""
    pairs = k * (k - 1) // 2
    a, b = np.triu_indices(d, 1)
    blocks = jnp.zeros((pairs, d, d), entries.dtype)
    blocks = blocks.at[:, a, b].set(entries[: pairs * len(a)].reshape(pairs, len(a)))
    return blocks - jnp.swapaxes(blocks, 1, 2)


def cell_blocks(entries: Float[Array, " n"], k: int, d: int) -> Float[Array, "j d d"]:
    """The multipliers `Z_j` of a cell."""
    a, b = np.triu_indices(d)
    ours = entries[len(entries) - (k - 1) * len(a) :].reshape(k - 1, len(a))
    blocks = jnp.zeros((k - 1, d, d), entries.dtype).at[:, a, b].set(ours)
    return blocks + jnp.swapaxes(blocks, 1, 2)


def derivatives(
    inverse: Float[Array, "rows rows"],
    point: Float[Array, " rows"],
    barrier: Float[Array, ""],
    at: Places,
) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Gradient and Hessian of `hᵀN⁻¹h − μ log det N` by the unknowns.

    With `V = N⁻¹`, `x = Vh` and `D_p` as in `Places`,

        ∂_p φ    = −xᵀD_px − μ tr(VD_p),
        ∂_p∂_q φ = 2 (D_px)ᵀV(D_qx) + μ tr(VD_pVD_q),
        tr(VD_pVD_q) = 2 Σ ± (V[u, u']V[v, v'] + V[u, v']V[v, u']),

    over the pairs `(u, v)` of `p` and `(u', v')` of `q`: a few entries of `V` each.
    """
    sign = jnp.asarray(at.sign)
    slope = point[at.ia] * point[at.jb] + sign * point[at.ib] * point[at.ja]
    slope += barrier * (inverse[at.ia, at.jb] + sign * inverse[at.ib, at.ja])
    rows = {name: inverse[getattr(at, name)] for name in ("ia", "ib", "ja", "jb")}

    def part(left: str, right: str) -> Float[Array, "n n"]:
        return rows[left][:, getattr(at, right)]

    trace = part("ia", "ia") * part("jb", "jb") + part("ia", "jb") * part("jb", "ia")
    both = part("ib", "ib") * part("ja", "ja") + part("ib", "ja") * part("ja", "ib")
    trace += sign[:, None] * sign * both
    one = part("ib", "ia") * part("ja", "jb") + part("ib", "jb") * part("ja", "ia")
    # `one` has the second pair of `p` and the first of `q`; its transpose the others.
    one = sign[:, None] * one
    trace += one + one.T
    # Rows V D_p x.
    moved = point[at.jb][:, None] * rows["ia"] + point[at.ia][:, None] * rows["jb"]
    other = point[at.ja][:, None] * rows["ib"] + point[at.ib][:, None] * rows["ja"]
    moved += sign[:, None] * other
    bent = point[at.jb] * moved[:, at.ia] + point[at.ia] * moved[:, at.jb]
    bent += sign * (point[at.ja] * moved[:, at.ib] + point[at.ib] * moved[:, at.ja])
    return -2 * slope, 2 * bent + 2 * barrier * trace


def cell_derivatives(
    inverse: Float[Array, "j d d"], barrier: Float[Array, ""]
) -> tuple[Float[Array, " m"], Float[Array, "m m"]]:
    """Gradient and Hessian of `−μ Σ_j log det Z_j` by the entries of the `Z_j`.

    The unknown of entry `(a, b)` is the factor of `1_a1_bᵀ + 1_b1_aᵀ`.
    """
    _, d, _ = inverse.shape
    a, b = np.triu_indices(d)

    def curvature(v: Float[Array, "d d"]) -> Float[Array, "m m"]:
        straight = v[a][:, a] * v[b][:, b] + v[b][:, b] * v[a][:, a]
        return straight + v[a][:, b] * v[b][:, a] + v[b][:, a] * v[a][:, b]

    blocks = jax.vmap(curvature)(inverse)
    slope = -2 * barrier * inverse[:, a, b].ravel()
    return slope, barrier * jax.scipy.linalg.block_diag(*blocks)
