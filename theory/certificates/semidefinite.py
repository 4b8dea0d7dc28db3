"""Proofs that an exact matrix is positive semidefinite."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory import check
from theory.certificates.exact import Exact, Floats, texts

# Elimination needs no further numbers, and up to SMALL rows it is fast; beyond LARGEST
# rows it takes minutes.
SMALL, LARGEST = 12, 64


class Proof(NamedTuple):
    """A factor `R` as text, or `None` where elimination alone shows it."""

    factor: list[list[str]] | None


def prove(matrix: Exact) -> Proof | None:
    """Show that a matrix is positive semidefinite, with the checker itself as judge.

    Returns:
        The proof, or `None` if there is none: the matrix is indefinite, or too large
        for elimination and too close to indefinite for a factor in floats.
    """
    if len(matrix) > SMALL:
        factor = _factor(matrix)
        if factor is not None and _accepted(matrix, factor):
            return Proof(factor)
    quick = len(matrix) <= LARGEST or not matrix.any()
    if quick and _accepted(matrix, None):
        return Proof(None)
    return None


def scaled_floats(matrix: Exact) -> tuple[Floats, NDArray[np.int64]]:
    """`DAD` in floats, and the exponents `p_i` of `D = diag(2^(−p_i))`.

    `D` makes the diagonal about 1, so that units of inputs and tasks do not matter.
    """
    power = np.array([_half_exponent(v) for v in np.diagonal(matrix)])
    return in_units(matrix, power, power), power


def in_units(matrix: Exact, rows: ArrayLike, columns: ArrayLike) -> Floats:
    """`matrix[i, j] · 2^(−rows[i] − columns[j])` in floats."""
    power = np.add.outer(np.asarray(rows), np.asarray(columns))
    two = [[Fraction(2) ** -int(p) for p in row] for row in power]
    return (matrix * np.array(two, object)).astype(float)


def _half_exponent(value: Fraction) -> int:
    bits = value.numerator.bit_length() - value.denominator.bit_length()
    return bits // 2 if value > 0 else 0


def _factor(matrix: Exact) -> list[list[str]] | None:
    """Lower triangular `R` with `A − RRᵀ` near half of the least eigenvalue."""
    scaled, power = scaled_floats(matrix)
    least = np.linalg.eigvalsh(scaled)[0]
    if not least > 0:
        return None
    try:
        root = np.linalg.cholesky(scaled - least / 2 * np.eye(len(scaled)))
    except np.linalg.LinAlgError:
        return None
    root = np.ldexp(root, power[:, None])
    return texts([row[: i + 1] for i, row in enumerate(root.tolist())])


def _accepted(matrix: Exact, factor: list[list[str]] | None) -> bool:
    try:
        check.semidefinite("proof", matrix.tolist(), factor)
    except ValueError:
        return False
    return True
