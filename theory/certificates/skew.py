"""Evidence of kind `skew`: skew matrices that bound the loss at rank 1.

See `theory.check` for what it proves. For two tasks the matrix is derived here. Let
`c = Σ_i c_i − L > 0`. With heads `(s, t)` the claim is that on the whole circle

    P(s, t) = s²P_1 − 2st C + t²P_2 ⪰ 0,
    P_i = H_i − h_ih_iᵀ/c,   C = (h_1h_2ᵀ + h_2h_1ᵀ)/(2c).

Turn `(s, t)` so that `P_2` is well conditioned, and whiten: `P = s²A − 2stC + t²I`.
Where `P ≻ 0`, `det P(1, t)` has `d` roots in the upper half-plane, and `Y`, with the
invariant subspace that belongs to them, solves `Y² − 2CY + A = 0` and `Y + Y* = 2C`, so

    A − 2tC + t²I = (tI − Y)*(tI − Y),   with the Gram matrix [[Y*Y, −Y*], [−Y, I]] ⪰ 0.

Its real part is semidefinite too, has `−C + K` in the upper right for the skew matrix
`K = C − Re(Y)ᵀ`, and its Schur complement is `Im(Y)² ≻ 0`: `K` is inside. Turning the
circle keeps `K`, and `S = K + (h_1h_2ᵀ − h_2h_1ᵀ)/(2c)` undoes the complement by `c`.

A task with singular `H_i` forces `S` to vanish on its null space. So `S = QKQᵀ`, where
the columns of `Q` span the intersection of the ranges of `H_1` and `H_2`; minimising
task `i` for given `Qᵀθ_i` leaves the definite `(QᵀH_i⁺Q)⁻¹` in the place of `H_i`.
"""

from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import scipy.linalg

from theory.certificates.common_metric import rounded_statistics
from theory.certificates.exact import (
    Exact,
    ExactProblem,
    Floats,
    border,
    exact,
    likely_rank,
    null_space,
    text,
)
from theory.certificates.semidefinite import in_units, prove, scaled_floats

ANGLES = np.arange(8) * np.pi / 8


def skew_evidence(
    problem: ExactProblem, claim: Fraction, blocks: Exact
) -> dict[str, Any] | None:
    """Evidence by skew blocks `S_ij`, one for each pair `i < j`, if they prove it."""
    k, d = problem.count, problem.dimension
    whole = exact(np.zeros((k * d, k * d)))
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    for i in range(k):
        own = slice(i * d, i * d + d)
        whole[own, own] = problem.part(i)[0]
    for (i, j), block in zip(pairs, blocks, strict=True):
        rows, columns = slice(i * d, i * d + d), slice(j * d, j * d + d)
        whole[rows, columns], whole[columns, rows] = block, block.T
    side = np.concatenate([problem.part(i)[1] for i in range(k)])
    proof = prove(border(whole, side, problem.energy - claim))
    if proof is None:
        return None
    low = [[[text(v) for v in b[a, :a]] for a in range(1, d)] for b in blocks]
    found = {"kind": "skew", "blocks": low}
    return {**found, "factor": proof.factor} if proof.factor else found


def pair_blocks(problem: ExactProblem, claim: Fraction) -> Exact | None:
    """`S` of two tasks, one block; `None` where the claim is not below the optimum."""
    basis = _common_range(problem)
    if not basis.shape[1]:
        return exact(np.zeros((1, problem.dimension, problem.dimension)))
    gram, moment, energy, power = _reduced(problem, basis)
    spare = energy - float(claim)
    found = _solvent(gram, moment, spare) if spare > 0 else None
    if found is None:
        return None
    inner = exact(np.ldexp(found, np.add.outer(power, power)))
    return (basis @ inner @ basis.T)[None]


def dual_blocks(problem: ExactProblem) -> Exact | None:
    """The best `S_ij` of any number of tasks, whatever the claim; `None` without."""
    try:
        skew_dual = import_module("theory.linear.skew_dual").skew_dual
    except ModuleNotFoundError:
        return None
    found = skew_dual(rounded_statistics(problem))
    return exact(np.asarray(found.multipliers))


def _common_range(problem: ExactProblem) -> Exact:
    """Columns that span the intersection of the ranges of `H_1` and `H_2`."""
    d = problem.dimension
    grams = [problem.part(i)[0] for i in range(2)]
    singular = [gram for gram in grams if likely_rank(gram) < d]
    if not singular:
        return exact(np.eye(d))
    missing = np.concatenate([null_space(gram) for gram in singular])
    found = null_space(missing)
    for row in found:
        # Whole numbers, so that QKQᵀ is a binary fraction.
        row *= np.lcm.reduce([v.denominator for v in row])
    return found.T


def _reduced(
    problem: ExactProblem, basis: Exact
) -> tuple[Floats, Floats, float, np.ndarray]:
    """Two definite tasks in the coordinates `Qᵀθ_i`, in units that balance them.

    Returns:
        `Ĥ_i`, `ĥ_i`, `ê` and exponents `p`: `K_jl 2^(p_j + p_l)` is in units of `QKQᵀ`.
    """
    grams, moments, energy = [], [], 0.0
    for i in range(2):
        gram, moment, own = problem.part(i)
        rank = likely_rank(gram)
        if rank == len(basis) == basis.shape[1]:
            grams.append(gram.copy())
            moments.append(moment)
            energy += float(own)
            continue
        scaled, power = scaled_floats(gram)
        value, vector = np.linalg.eigh(scaled)
        value, vector = value[len(value) - rank :], vector[:, len(value) - rank :]
        root = vector / np.sqrt(value)
        left = in_units(basis.T, np.zeros(basis.shape[1], int), power) @ root
        right = root.T @ in_units(moment[None], [0], power)[0]
        inner = np.linalg.inv(left @ left.T)
        seen = left @ right
        grams.append(exact((inner + inner.T) / 2))
        moments.append(exact(inner @ seen))
        energy += float(own) - right @ right + seen @ inner @ seen
    _, power = scaled_floats(grams[0] + grams[1])
    units = [in_units(gram, power, power) for gram in grams]
    return (
        np.array(units),
        np.array([in_units(m[None], [0], power)[0] for m in moments]),
        energy,
        power,
    )


def _solvent(gram: Floats, moment: Floats, spare: float) -> Floats | None:
    """`S` for two definite tasks, `None` if the claim does not hold in floats."""
    # Heads of one size: h_2 → h_2/τ, H_2 → H_2/τ², S → S/τ.
    size = float(np.sqrt(np.trace(gram[1]) / np.trace(gram[0])))
    first, second = moment[0], moment[1] / size
    one = gram[0] - np.outer(first, first) / spare
    two = gram[1] / size**2 - np.outer(second, second) / spare
    mixed = (np.outer(first, second) + np.outer(second, first)) / (2 * spare)
    turned = [_turn(one, mixed, two, angle) for angle in ANGLES]
    one, mixed, two = max(turned, key=lambda t: _condition(t[2]))
    try:
        root = np.linalg.cholesky(two)
    except np.linalg.LinAlgError:
        return None
    inverse = np.linalg.inv(root)
    a, c = inverse @ one @ inverse.T, inverse @ mixed @ inverse.T
    d = len(root)
    companion = np.block([[np.zeros((d, d)), np.eye(d)], [-a, 2 * c]])
    found: Any = scipy.linalg.schur(
        companion, output="complex", sort=lambda root: root.imag > 0
    )
    _, vectors, count = found
    if count != d:
        return None
    solvent = np.linalg.solve(vectors[:d, :d].T, vectors[d:, :d].T).T
    inner = c - solvent.real.T
    block = root @ (inner - inner.T) @ root.T / 2
    block += (np.outer(first, second) - np.outer(second, first)) / (2 * spare)
    return size * (block - block.T) / 2


def _turn(
    one: Floats, mixed: Floats, two: Floats, angle: float
) -> tuple[Floats, Floats, Floats]:
    """`P_1`, `C`, `P_2` for heads turned by an angle."""
    c, s = np.cos(angle), np.sin(angle)
    return (
        c**2 * one - 2 * s * c * mixed + s**2 * two,
        s * c * (one - two) + (c**2 - s**2) * mixed,
        s**2 * one + 2 * s * c * mixed + c**2 * two,
    )


def _condition(matrix: Floats) -> float:
    value = np.linalg.eigvalsh(matrix)
    return float(value[0] / value[-1])
