"""Exact statistics of rows in floats, and rational numbers as text."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

# An array of fractions.
Exact = NDArray[np.object_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExactProblem:
    """`[[H_i, h_i], [h_iᵀ, c_i]]`: `H_i = α_iG_i`, `h_i = α_ig_i`, `c_i = α_ie_i`."""

    moments: list[Exact]

    @property
    def count(self) -> int:
        """Number `k` of tasks."""
        return len(self.moments)

    @property
    def dimension(self) -> int:
        """Number `d` of inputs."""
        return len(self.moments[0]) - 1

    def part(self, task: int) -> tuple[Exact, Exact, Fraction]:
        """`H_i`, `h_i` and `c_i`."""
        whole = self.moments[task]
        return whole[:-1, :-1], whole[:-1, -1], whole[-1, -1]

    @property
    def energy(self) -> Fraction:
        """`Σ_i c_i`."""
        return sum((task[-1, -1] for task in self.moments), Fraction())


def text(value: Fraction | float) -> str:
    """A number as a certificate has it; floats and binary fractions keep their bits."""
    if isinstance(value, Fraction):
        power = value.denominator.bit_length() - 1
        if value.denominator != 1 << power:
            return str(value)
        sign = "-" if value < 0 else ""
        return f"{sign}0x{abs(value.numerator):x}p-{power}"
    return float(value).hex()


def texts(rows: Exact | list[list[float]]) -> list[list[str]]:
    """Rows of numbers as text."""
    return [[text(x) for x in row] for row in rows]


def triangle(rows: Exact) -> list[list[str]]:
    """Lower triangle of a symmetric matrix as text."""
    return [[text(x) for x in row[: i + 1]] for i, row in enumerate(rows)]


def rows_sha256(covariates: Sequence[Floats], labels: Sequence[Floats]) -> str:
    """Hash of the exact values of rows, however they are stored.

    Every row is a line, its inputs and then its label as reduced fractions; an empty
    line ends a task.
    """
    digest = hashlib.sha256()
    for x, y in zip(covariates, labels, strict=True):
        for row in np.column_stack([x, y]).tolist():
            digest.update((" ".join(str(Fraction(v)) for v in row) + "\n").encode())
        digest.update(b"\n")
    return digest.hexdigest()


def moments_of_rows(x: Floats, y: Floats) -> Exact:
    """`[[XᵀX, Xᵀy], [yᵀX, yᵀy]]` without rounding."""
    fraction, exponent = np.frexp(np.column_stack([x, y]))
    mantissa = (fraction * 2.0**53).astype(np.int64).astype(object)
    used = exponent[fraction != 0]
    least = int(used.min()) if used.size else 0
    shift = np.where(fraction != 0, exponent - least, 0).astype(object)
    integers = mantissa * 2**shift
    return exact(integers.T.dot(integers)) * Fraction(2) ** (2 * (least - 53))


def moments_of_statistics(gram: Floats, moment: Floats, energy: float) -> Exact:
    """`[[G, g], [gᵀ, e]]` of statistics as they are; `G` is made symmetric."""
    block, side = exact(gram), exact(moment)
    return border((block + block.T) / 2, side, Fraction(energy))


def exact(values: ArrayLike) -> Exact:
    """Numbers as fractions, without rounding."""
    array = np.asarray(values)
    found = np.empty(array.shape, object)
    for index, value in np.ndenumerate(array.astype(object)):
        found[index] = Fraction(value)
    return found


def border(block: Exact, side: Exact, corner: Fraction) -> Exact:
    """`[[block, side], [sideᵀ, corner]]`."""
    column = side[:, None]
    return np.block([[block, column], [column.T, np.array([[corner]], object)]])


def loss(problem: ExactProblem, parameters: Exact) -> Fraction:
    """`Σ_i (c_i − 2h_iᵀθ_i + θ_iᵀH_iθ_i)` at exact parameters."""
    ends = [np.array([*theta, Fraction(-1)], object) for theta in parameters]
    pairs = zip(problem.moments, ends, strict=True)
    return sum((end @ task @ end for task, end in pairs), Fraction())


def null_space(matrix: Exact) -> Exact:
    """Rows that span the null space, by Gauss and Jordan's elimination."""
    a = list(matrix)
    columns = matrix.shape[1]
    pivots: list[int] = []
    for j in range(columns):
        top = len(pivots)
        lead = next((i for i in range(top, len(a)) if a[i][j]), None)
        if lead is None:
            continue
        a[top], a[lead] = a[lead], a[top]
        pivot = a[top][j]
        a[top] = a[top] / pivot
        for i in range(len(a)):
            if i != top and (factor := a[i][j]):
                a[i] = a[i] - factor * a[top]
        pivots.append(j)
    found = []
    for j in (j for j in range(columns) if j not in pivots):
        vector = [Fraction(int(i == j)) for i in range(columns)]
        for row, pivot in enumerate(pivots):
            vector[pivot] = -a[row][j]
        found.append(vector)
    return np.array(found, object).reshape(len(found), columns)


# Two primes below 2^31: a rank that one of them lowers by chance, the other shows.
PRIMES = (2_147_483_629, 2_147_483_587)


def likely_rank(matrix: Exact) -> int:
    """Rank modulo primes: never above the rank, and below it only by rare chance."""
    return max(_rank_modulo(matrix, p) for p in PRIMES)


def _rank_modulo(matrix: Exact, p: int) -> int:
    a = np.array(
        [[v.numerator * pow(v.denominator, -1, p) % p for v in row] for row in matrix],
        dtype=np.int64,
    )
    rank = 0
    for j in range(a.shape[1]):
        below = np.flatnonzero(a[rank:, j])
        if not below.size:
            continue
        a[[rank, rank + below[0]]] = a[[rank + below[0], rank]]
        row = a[rank] * pow(int(a[rank, j]), -1, p) % p
        a[rank + 1 :] = (a[rank + 1 :] - a[rank + 1 :, j : j + 1] * row % p) % p
        rank += 1
        if rank == len(a):
            break
    return rank
